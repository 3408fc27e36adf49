// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON

/// What a network says of published ports, and which ports the runtime wants, validated completely.
struct PortMapConfiguration {
    /// Who rewrites the packets.
    enum Backend: Hashable {
        case nftables
        case iptables
    }

    let backend: Backend
    let mappings: [PortMapping]
    /// What they come to for the container's addresses: each once, sorted by family, protocol and port.
    let forwards: [Forward]
    /// The container's addresses that mappings lead to: at most one of each family, with their networks.
    let targets: [CIDR]
    /// Whether connections that could not find back otherwise get the host's address: from the container's own network
    /// and from the host itself.
    let masquerades: Bool
    /// Whether all forwarded connections get it.
    let masqueradesAll: Bool
    /// The bit of the packet mark that asks for a masquerade; of the iptables backend.
    let markBit: Int
    /// Somebody else's chain that sets the mark; of the iptables backend.
    let externalSetMarkChain: String?
    /// Further conditions of forwarding, in the backend's words.
    let conditions: [AddressFamily: [String]]
    /// Whether ports may be published that a process of the host listens on.
    let allowsListening: Bool

    /// `interfaceName`: the container's, as in `CNI_IFNAME`.
    init(_ configuration: NetworkConfiguration, interfaceName: String) throws(CNIError) {
        let backend: String
        do throws(JSONTypeError) {
            let reader = configuration.reader
            backend = try reader.string("backend") ?? ""
            masquerades = try reader.bool("snat") ?? true
            masqueradesAll = try reader.bool("masqAll") ?? false
            markBit = try reader.integer("markMasqBit", in: 0...31) ?? 13
            externalSetMarkChain = try reader.string("externalSetMarkChain").flatMap { $0.isEmpty ? nil : $0 }
            allowsListening = try reader.bool("allowListening") ?? false
            conditions = [
                .v4: try PortMapConfiguration.words(reader, "conditionsV4"),
                .v6: try PortMapConfiguration.words(reader, "conditionsV6"),
            ]
            if externalSetMarkChain != nil, let bit = try reader.member("markMasqBit") {
                throw bit.mismatch(expected: "no markMasqBit beside externalSetMarkChain")
            }
            mappings = try PortMapConfiguration.mappings(configuration.runtimeConfig)
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        self.backend = try PortMapConfiguration.backend(backend, conditions, externalSetMarkChain)
        targets = PortMapConfiguration.targets(configuration, interfaceName)
        forwards = try PortMapConfiguration.forwards(mappings, targets)
    }

    /// The mappings alone, which is all that decides whether there is anything to do.
    static func mappings(_ runtime: JSONReader?) throws(JSONTypeError) -> [PortMapping] {
        var mappings: [PortMapping] = []
        for entry in try runtime?.array("portMappings") ?? [] {
            guard let host = try entry.integer("hostPort", in: 1...65_535),
                let container = try entry.integer("containerPort", in: 1...65_535)
            else { throw entry.mismatch(expected: "an object with hostPort and containerPort") }
            let name = try entry.member("protocol")
            guard let transport = Transport(try name?.string() ?? "") else {
                throw (name ?? entry).mismatch(expected: "tcp, udp or sctp")
            }
            mappings.append(
                PortMapping(
                    hostAddress: try hostAddress(entry),
                    hostPort: UInt16(host),
                    containerPort: UInt16(container),
                    transport: transport
                )
            )
        }
        return mappings
    }

    private static func hostAddress(_ entry: JSONReader) throws(JSONTypeError) -> IPAddress? {
        guard let member = try entry.member("hostIP") else { return nil }
        let text = try member.string()
        guard !text.isEmpty else { return nil }
        guard let address = IPAddress(text) else { throw member.mismatch(expected: "an IP address") }
        return address
    }

    private static func words(_ reader: JSONReader, _ key: String) throws(JSONTypeError) -> [String] {
        var words: [String] = []
        for element in try reader.array(key) ?? [] { words.append(try element.string()) }
        return words
    }

    /// The backend that was asked for, or the one in whose words the configuration speaks.
    private static func backend(
        _ name: String,
        _ conditions: [AddressFamily: [String]],
        _ externalSetMarkChain: String?
    ) throws(CNIError) -> Backend {
        let texts = [AddressFamily.v4, .v6].compactMap { conditions[$0]?.first }
        let speaksIPTables = texts.contains { $0.hasPrefix("-") || $0.hasPrefix("!") }
        let speaksNFTables = texts.contains { !$0.hasPrefix("-") && !$0.hasPrefix("!") }
        switch name {
        case "", "nftables":
            let marks = externalSetMarkChain == nil ? nil : "externalSetMarkChain is"
            let needs = speaksIPTables ? "conditionsV4/V6 are" : marks
            guard let needs else { return .nftables }
            guard !name.isEmpty || speaksNFTables else { return .iptables }
            throw CNIError(
                .invalidConfiguration,
                "\(needs) written for iptables, but the backend is nftables",
                details: "write it as nft does, such as [\"ip\", \"saddr\", \"10.0.0.0/8\"], or set backend to iptables"
            )
        case "iptables":
            guard speaksNFTables else { return .iptables }
            throw CNIError(
                .invalidConfiguration,
                "conditionsV4/V6 are written for nftables, but the backend is iptables",
                details: "write them as iptables does, such as [\"-s\", \"10.0.0.0/8\"], or set backend to nftables"
            )
        default:
            throw CNIError(
                .invalidConfiguration,
                "backend: \"\(name)\" is not known",
                details: "give nftables or iptables, or leave it out"
            )
        }
    }

    /// The first address of each family that the container's interface has.
    private static func targets(_ configuration: NetworkConfiguration, _ interfaceName: String) -> [CIDR] {
        guard let result = configuration.previousResult else { return [] }
        var targets: [CIDR] = []
        for ip in result.ips where !targets.contains(where: { $0.family == ip.address.family }) {
            if ip.interface != nil {
                guard let interface = result.interface(of: ip), !interface.sandbox.isEmpty,
                    interface.name == interfaceName
                else { continue }
            }
            targets.append(ip.address)
        }
        return targets
    }

    /// What the mappings come to for the addresses the container has: each once, in order, so that neighbours stand
    /// side by side.
    ///
    /// - Throws: ``CNIError`` when one port of the host would lead to two ports of the container.
    private static func forwards(
        _ mappings: [PortMapping],
        _ targets: [CIDR]
    ) throws(CNIError) -> [Forward] {
        var all: [Forward] = []
        all.reserveCapacity(mappings.count * targets.count)
        for target in targets {
            for mapping in mappings where mapping.applies(to: target.family) {
                all.append(
                    Forward(
                        hostAddress: mapping.specificAddress,
                        transport: mapping.transport,
                        hostPort: mapping.hostPort,
                        target: target.address,
                        containerPort: mapping.containerPort
                    )
                )
            }
        }
        all.sort { $0.order < $1.order }
        var forwards: [Forward] = []
        forwards.reserveCapacity(all.count)
        var groupStart = 0
        for forward in all {
            if let last = forwards.last, last.order != forward.order { groupStart = forwards.count }
            let rival = forwards[groupStart...].first { $0.conflicts(with: forward) }
            guard let rival else {
                forwards.append(forward)
                continue
            }
            guard rival != forward else { continue }
            throw CNIError(
                .invalidConfiguration,
                "host port \(forward) is wanted twice",
                details: "portMappings has \(rival) for container port \(rival.containerPort) too; drop one of them"
            )
        }
        return forwards
    }
}

extension Forward {
    /// Sorts by family, protocol and port; equal for those that only their address tells apart.
    fileprivate var order: UInt32 {
        (family == .v4 ? 0 : 1 << 24) | UInt32(transport.rawValue) << 16 | UInt32(hostPort)
    }
}
