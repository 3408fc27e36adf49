// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import Linux

/// The port mappings of one container, laid out as the reference plugin `portmap` does it in table `nat`.
package struct IPTablesPortMap: Hashable, Sendable {
    /// A port of the host that leads to a port of the container.
    package struct Mapping: Hashable, Sendable {
        package let hostPort: UInt16
        package let containerPort: UInt16
        /// `tcp`, `udp` or `sctp`, in small letters.
        package let transport: String
        /// Of which address of the host; nil or unspecified for all of them, the latter only of its own family.
        package let hostAddress: IPAddress?

        package init(hostPort: UInt16, containerPort: UInt16, transport: String, hostAddress: IPAddress? = nil) {
            self.hostPort = hostPort
            self.containerPort = containerPort
            self.transport = transport
            self.hostAddress = hostAddress
        }
    }

    /// What a configuration says for all mappings.
    package struct Settings: Hashable, Sendable {
        /// Which packets are masqueraded.
        package enum Masquerade: Hashable, Sendable {
            /// `"snat": false`.
            case nothing
            /// What comes from the container's network or from the host itself.
            case hairpin
            /// `"masqAll": true`.
            case everything
        }

        /// By what packets are marked.
        package enum Mark: Hashable, Sendable {
            /// Our own chains, with this bit of the mark: 0 to 31.
            case bit(Int)
            /// `externalSetMarkChain`: a chain that somebody else made.
            case chain(String)
        }

        package var masquerade: Masquerade
        package var mark: Mark
        /// Further words of each rule that leads to the container: `conditionsV4` or `conditionsV6`, by the family.
        package var conditions: [String]
        /// Whether a new container goes before the others, so that of two with one port the younger gets it.
        ///
        /// The reference appends up to 1.9.1; afterwards it prepends.
        package var isFirst: Bool

        package init(
            masquerade: Masquerade = .hairpin,
            mark: Mark = .bit(13),
            conditions: [String] = [],
            isFirst: Bool = false
        ) {
            self.masquerade = masquerade
            self.mark = mark
            self.conditions = conditions
            self.isFirst = isFirst
        }
    }

    /// `CNI-DN-` and 21 digits.
    package let chain: String
    /// `CNI-SN-` and 21 digits: what old releases of the reference made besides.
    package let formerChain: String
    private let comment: String

    package static let table = IPTablesTable.nat
    package static let entryChain = "CNI-HOSTPORT-DNAT"
    package static let setMarkChain = "CNI-HOSTPORT-SETMARK"
    package static let masqueradeChain = "CNI-HOSTPORT-MASQ"

    package init(network: String, containerID: String) {
        let digits = SHA512(of: network + containerID).hexadecimal(digits: 21)
        chain = "CNI-DN-" + digits
        formerChain = "CNI-SN-" + digits
        // A comment has room for 255 octets and a zero (xt_comment.h).
        let comment = #"dnat name: "\#(network)" id: "\#(containerID)""#
        self.comment = String(decoding: comment.utf8.prefix(255), as: UTF8.self)
    }

    /// Leads ports of the host to one address of the container; of its chain the former content goes.
    ///
    /// `container`: with the length of its network; of the family of the edit, otherwise nothing happens.
    package func install(
        _ mappings: [Mapping],
        to container: CIDR,
        _ settings: Settings,
        in edit: inout IPTablesEdit
    ) {
        guard container.family == edit.family, !mappings.isEmpty else { return }
        if settings.masquerade != .nothing, case .bit(let bit) = settings.mark { Self.prepareMark(bit, in: &edit) }
        edit.ensureChain(Self.entryChain)
        for rule in Self.sharedEntries { edit.ensure(rule, .last) }
        let wanted = rules(mappings, to: container, settings)
        edit.deleteRules { $0.target == chain && $0.chain != chain }
        edit.replaceRules(in: chain, with: wanted.filter { $0.chain == chain })
        for rule in wanted where rule.chain != chain {
            if settings.isFirst { edit.insert(rule, position: 1) } else { edit.append(rule) }
        }
    }

    /// Removes everything of this container, by the names of its chains alone.
    ///
    /// What containers share stays, as the reference leaves it.
    package func remove(from edit: inout IPTablesEdit) {
        edit.removeChain(chain)
        edit.removeChain(formerChain)
    }

    /// The containers of a network that ports lead to; what GC looks through.
    ///
    /// One whose comment had to be cut is not among them.
    package static func containers(of network: String, in contents: IPTablesContents) -> [String] {
        contents.containers(commentedWith: #"dnat name: "\#(network)" id: ""#) { id in
            IPTablesPortMap(network: network, containerID: id).chain
        }
    }

    /// All rules that must be there, shared ones too; what CHECK compares.
    package func allRules(_ mappings: [Mapping], to container: CIDR, _ settings: Settings) -> [IPTablesRule] {
        guard !mappings.isEmpty else { return [] }
        var rules = Self.sharedEntries
        if settings.masquerade != .nothing, case .bit(let bit) = settings.mark { rules += Self.markRules(bit) }
        return rules + self.rules(mappings, to: container, settings)
    }
}

/// What containers share.
extension IPTablesPortMap {
    private static var sharedEntries: [IPTablesRule] {
        ["PREROUTING", "OUTPUT"].map { IPTablesRule($0, ["-m", "addrtype", "--dst-type", "LOCAL", "-j", entryChain]) }
    }

    private static func markRules(_ bit: Int) -> [IPTablesRule] {
        let mark = "0x" + String(UInt32(1) << UInt32(bit), radix: 16)
        return [
            IPTablesRule(
                setMarkChain,
                ["-m", "comment", "--comment", "CNI portfwd masquerade mark"]
                    + ["-j", "MARK", "--set-xmark", "\(mark)/\(mark)"]
            ),
            IPTablesRule(masqueradeChain, ["-m", "mark", "--mark", "\(mark)/\(mark)", "-j", "MASQUERADE"]),
            IPTablesRule(
                "POSTROUTING",
                ["-m", "comment", "--comment", "CNI portfwd requiring masquerade", "-j", masqueradeChain]
            ),
        ]
    }

    private static func prepareMark(_ bit: Int, in edit: inout IPTablesEdit) {
        edit.ensureChain(setMarkChain)
        edit.ensureChain(masqueradeChain)
        // Before the rules of masquerading for one container, which would end the search.
        for rule in markRules(bit) { edit.ensure(rule, rule.chain == "POSTROUTING" ? .first : .last) }
    }
}

/// What one container has of its own.
extension IPTablesPortMap {
    /// The rules that lead to the container's chain, and those in it.
    private func rules(_ mappings: [Mapping], to container: CIDR, _ settings: Settings) -> [IPTablesRule] {
        entries(mappings, settings.conditions)
            + mappings.flatMap { mapping in
                mapping.concerns(container.family) ? rules(mapping, to: container, settings) : []
            }
    }

    /// One rule for up to 15 ports of a transport, which is what the match takes (iptables-extensions(8), multiport).
    private func entries(_ mappings: [Mapping], _ conditions: [String]) -> [IPTablesRule] {
        var transports: [String] = []
        for mapping in mappings where !transports.contains(mapping.transport) { transports.append(mapping.transport) }
        return transports.sorted().flatMap { transport in
            let ports = mappings.filter { $0.transport == transport }.map { $0.hostPort }
            return stride(from: 0, to: ports.count, by: 15).map { start in
                let some = ports[start..<min(start + 15, ports.count)].map { "\($0)" }.joined(separator: ",")
                return IPTablesRule(
                    Self.entryChain,
                    conditions + ["-p", transport, "-m", "comment", "--comment", comment]
                        + ["-m", "multiport", "--dports", some, "-j", chain]
                )
            }
        }
    }

    private func rules(_ mapping: Mapping, to container: CIDR, _ settings: Settings) -> [IPTablesRule] {
        let destination =
            mapping.hostAddress.flatMap { $0.isUnspecified ? nil : ["-d", CIDR.host($0).description] } ?? []
        let port = ["-p", mapping.transport, "-m", mapping.transport, "--dport", "\(mapping.hostPort)"]
        var sources: [[String]] = []
        switch settings.masquerade {
        case .nothing: break
        case .everything: sources = [[]]
        case .hairpin:
            sources = [["-s", container.network.description]]
            if container.family == .v4 { sources.append(["-s", "127.0.0.1/32"]) }
        }
        let mark: String
        switch settings.mark {
        case .bit: mark = Self.setMarkChain
        case .chain(let name): mark = name
        }
        let address = container.family == .v4 ? "\(container.address)" : "[\(container.address)]"
        return sources.map { IPTablesRule(chain, $0 + destination + port + ["-j", mark]) } + [
            IPTablesRule(
                chain,
                destination + port + ["-j", "DNAT", "--to-destination", "\(address):\(mapping.containerPort)"]
            )
        ]
    }
}

extension IPTablesPortMap.Mapping {
    fileprivate func concerns(_ family: AddressFamily) -> Bool {
        hostAddress.map { $0.family == family } ?? true
    }
}
