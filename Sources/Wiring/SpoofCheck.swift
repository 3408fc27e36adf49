// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import PacketFilter

/// Drops what comes through a bridge's port under a source that is not the container's.
package struct SpoofCheck: Hashable, Sendable {
    package let key: AttachmentKey
    /// The bridge's port.
    package let port: String
    /// The one source of frames; nil is any.
    package let address: MACAddress?
    /// The sources of packets; nil is any.
    package let addresses: [IPAddress]?

    package init(key: AttachmentKey, port: String, address: MACAddress?, addresses: [IPAddress]?) {
        self.key = key
        self.port = port
        self.address = address
        self.addresses = addresses
    }

    private static let table = Table(.bridge, "nat")
    private static let entry = Chain(table, "PREROUTING")

    /// The table of ebtables(8) and libvirt, as the reference uses it too.
    package static let layout = FilterLayout(
        table,
        chains: [
            FilterLayout.FixedChain(
                entry,
                hook: ChainHook(.filter, .prerouting, priority: .bridgeDstnat, policy: .accept),
                isOpen: true
            )
        ]
    )

    /// What the names of the attachment's chains begin with; the same as the reference's.
    private static func prefix(of key: AttachmentKey) -> String {
        "cni-br-iface-\(key.containerID)-\(key.interfaceName)"
    }

    /// The names that chains of an attachment may have; whoever jumps there comes first.
    package static func chains(of key: AttachmentKey) -> [Chain] {
        ["", "-mac", "-ip"].map { Chain(table, prefix(of: key) + $0) }
    }

    /// The comment of all rules; the same as the reference's, which has no room for the network.
    package static func comment(of key: AttachmentKey) -> String {
        String(decoding: "macspoofchk-\(key.containerID)-\(key.interfaceName)".utf8.prefix(128), as: UTF8.self)
    }

    /// What stands in nf_tables for the attachment.
    package var share: FilterShare {
        let names = SpoofCheck.chains(of: key)
        let comment = SpoofCheck.comment(of: key)
        func rule(_ chain: Chain, _ statements: [Statement]) -> Rule { Rule(chain, statements, comment: comment) }
        var share = FilterShare(SpoofCheck.layout)
        var jumps: [Rule] = []
        if let address {
            let rules: [[Statement]] = [[.match(.etherSaddr, .ether(address)), .return], [.drop]]
            share.chains.append(FilterShare.OwnChain(names[1], rules: rules.map { rule(names[1], $0) }))
            jumps.append(rule(names[0], [.jump(names[1].name)]))
        }
        if let addresses {
            let rules = SpoofCheck.packetRules(addresses)
            share.chains.append(FilterShare.OwnChain(names[2], rules: rules.map { rule(names[2], $0) }))
            jumps.append(rule(names[0], [.jump(names[2].name)]))
        }
        share.chains.append(FilterShare.OwnChain(names[0], rules: jumps))
        share.rules = [rule(SpoofCheck.entry, [.iifname(port), .jump(names[0].name)])]
        return share
    }

    /// Lets pass what the container may say, and nothing else: no other protocol, and no VLAN to hide a packet in.
    ///
    /// Who asks for an address has none yet (RFC 2131, 4.1; RFC 4861, 4.1; RFC 5227, 2.1.1), and IPv6 speaks from
    /// link-local addresses first.
    private static func packetRules(_ addresses: [IPAddress]) -> [[Statement]] {
        let four = [IPAddress(v4: 0)] + addresses.filter { $0.family == .v4 }
        let six = [IPAddress(v6: 0)] + addresses.filter { $0.family == .v6 }
        let sources = four.map { SetElement(.address($0)) }
        guard let linkLocal = CIDR(address: IPAddress(v6: 0xfe80 << 112), prefixLength: 10) else {
            preconditionFailure("10 bits fit an address")
        }
        return [
            [.member([.arpSaddrIP], .literal(sources)), .return],
            [.member([.ipSaddr], .literal(sources)), .return],
            [
                .member(
                    [.ip6Saddr],
                    .literal(six.map { SetElement(.address($0)) } + [SetElement(.network(linkLocal))])
                ), .return,
            ],
            [.drop],
        ]
    }
}
