// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import PacketFilter

/// Who rewrites the sources of packets.
package enum MasqueradeBackend: String, Hashable, Sendable {
    case nftables
    case iptables
}

/// What leaves an attachment for anywhere but its own networks gets the host's address.
package struct Masquerade: Hashable, Sendable {
    package let key: AttachmentKey
    /// The container's, with the networks inside which nothing is rewritten.
    package let addresses: [CIDR]
    package let backend: MasqueradeBackend

    package init(key: AttachmentKey, addresses: [CIDR], backend: MasqueradeBackend) {
        self.key = key
        self.addresses = addresses
        self.backend = backend
    }

    private static let table = Table(.inet, "cni_plugins_masquerade")
    private static let checks = Chain(table, "masq_checks")

    /// The reference's own table, chains and remarks, so that either finds what the other made.
    package static let layout = FilterLayout(
        table,
        comment: "Masquerading for plugins from github.com/containernetworking/plugins",
        chains: [
            FilterLayout.FixedChain(
                checks,
                comment: "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet",
                isOpen: true
            ),
            FilterLayout.FixedChain(
                Chain(table, "postrouting"),
                hook: ChainHook(.nat, .postrouting, priority: .srcnat),
                rules: [
                    [.match(.ipDaddr, .network(.multicast(.v4))), .return],
                    [.match(.ip6Daddr, .network(.multicast(.v6))), .return],
                    [.goto(checks.name)],
                ]
            ),
        ]
    )

    /// What stands in nf_tables for the attachment: one rule for each address.
    package var share: FilterShare {
        var share = FilterShare(Masquerade.layout)
        share.rules = addresses.map { address in
            let source: Field = address.family == .v4 ? .ipSaddr : .ip6Saddr
            let destination: Field = address.family == .v4 ? .ipDaddr : .ip6Daddr
            return Rule(
                Masquerade.checks,
                [
                    .match(source, .address(address.address)),
                    .mismatch(destination, .network(address.network)),
                    .masquerade,
                ],
                comment: key.ruleComment
            )
        }
        return share
    }
}

extension CIDR {
    /// All groups of hosts: RFC 1112, 4, and RFC 4291, 2.7.
    static func multicast(_ family: AddressFamily) -> CIDR {
        let network =
            switch family {
            case .v4: CIDR(address: IPAddress(v4: 0xe000_0000), prefixLength: 4)
            case .v6: CIDR(address: IPAddress(v6: 0xff << 120), prefixLength: 8)
            }
        guard let network else { preconditionFailure("4 and 8 bits fit an address") }
        return network
    }
}
