// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Linux
internal import PacketFilter
internal import Wiring

/// Who may talk to containers, in nf_tables.
///
/// An address says whose it is by the comment of its element. What a bridge keeps away stands in a chain of its own,
/// which goes with the last address that points to it.
enum FirewallFilter {
    static let table = Table(.inet, "culvert_firewall")

    /// Bridges with an ingress policy.
    private static let policed = NamedSet(table, "policed", key: [.interfaceName])
    /// The same, to the chain of what their containers may do.
    private static let bridges = NamedSet(table, "bridges", key: [.interfaceName], content: .verdict)

    /// Containers' addresses: to the chain of their bridge.
    static func containers(_ family: AddressFamily) -> NamedSet {
        switch family {
        case .v4: NamedSet(table, "containers4", key: [.ipv4Address], content: .verdict)
        case .v6: NamedSet(table, "containers6", key: [.ipv6Address], content: .verdict)
        }
    }

    /// The operator's own rules come first, as in the reference's CNI-ADMIN.
    private static let admin = Chain(table, "admin")

    static let layout = FilterLayout(
        table,
        comment: "Who may talk to containers",
        sets: [policed, bridges, containers(.v4), containers(.v6)],
        chains: [
            FilterLayout.FixedChain(admin, comment: "Rules of the operator", isOpen: true),
            FilterLayout.FixedChain(
                Chain(table, "forward"),
                hook: ChainHook(.filter, .forward, priority: .filter, policy: .accept),
                rules: [
                    [.jump(admin.name)],
                    [.verdictMap([.iifname], .set(bridges))],
                    [.verdictMap([.ipSaddr], .set(containers(.v4)))],
                    [.verdictMap([.ip6Saddr], .set(containers(.v6)))],
                ]
            ),
        ]
    )

    /// What stands in nf_tables for one attachment.
    static func share(of configuration: FirewallConfiguration, _ key: AttachmentKey) -> FilterShare {
        var share = FilterShare(layout)
        let verdict: Verdict
        if configuration.policy == .open {
            verdict = .accept
        } else {
            let chain = chain(of: configuration.bridge, configuration.policy)
            verdict = .goto(chain.name)
            share.shared = [sharedChain(chain, configuration)]
        }
        for family in [AddressFamily.v4, .v6] {
            let addresses = configuration.addresses.filter { $0.family == family }
            guard !addresses.isEmpty else { continue }
            let elements = addresses.map {
                SetElement(key: [.address($0)], verdict: verdict, comment: key.ruleComment)
            }
            share.elements.append(.init(containers(family), elements))
        }
        return share
    }

    private static func chain(of bridge: String, _ policy: FirewallConfiguration.IngressPolicy) -> Chain {
        let isPlain = bridge.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        // nft reads no other names of chains; a link may be called almost anything.
        return Chain(table, "\(policy.rawValue)-\(isPlain ? bridge : SHA512(of: bridge).hexadecimal(digits: 16))")
    }

    private static func sharedChain(
        _ chain: Chain,
        _ configuration: FirewallConfiguration
    ) -> FilterShare.SharedChain {
        let name = Datum.name(configuration.bridge)
        let rules: [[Statement]] = [
            [.match(.oifname, name), .verdict(configuration.policy == .isolated ? .drop : .accept)],
            [.member([.oifname], .set(policed)), .drop],
            [.accept],
        ]
        return FilterShare.SharedChain(
            FilterShare.OwnChain(chain, rules: rules.map { Rule(chain, $0) }),
            entries: [
                .init(policed, [SetElement(name)]),
                .init(bridges, [SetElement(key: [name], verdict: .goto(chain.name))]),
            ]
        )
    }
}
