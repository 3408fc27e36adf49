// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import IPTables
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
    /// One of these bridges, and one whose policy is kept by iptables.
    private static let apart = NamedSet(table, "apart", key: [.interfaceName, .interfaceName])

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
        sets: [policed, bridges, apart, containers(.v4), containers(.v6)],
        ownerless: [policed, bridges, apart],
        sharedNames: FirewallConfiguration.IngressPolicy.kept.map { prefix(of: $0) },
        sharedRules: 3,
        chains: [
            FilterLayout.FixedChain(admin, comment: "Rules of the operator", isOpen: true),
            FilterLayout.FixedChain(
                Chain(table, "forward"),
                hook: ChainHook(.filter, .forward, priority: .filter, policy: .accept),
                rules: [
                    [.jump(admin.name)],
                    [.member([.iifname, .oifname], .set(apart)), .drop],
                    [.member([.oifname, .iifname], .set(apart)), .drop],
                    [.verdictMap([.iifname], .set(bridges))],
                    [.verdictMap([.ipSaddr], .set(containers(.v4)))],
                    [.verdictMap([.ip6Saddr], .set(containers(.v6)))],
                ]
            ),
        ]
    )

    /// What stands in nf_tables for one attachment.
    ///
    /// Of an open network nothing does but what all share: an accept behind which nothing follows, in a chain that
    /// accepts, would say nothing, and each change of the rules makes the kernel walk over all chains that there are.
    ///
    /// `withNeighbours`: also what keeps the bridge apart from those of iptables, as these are right now.
    static func share(
        of configuration: FirewallConfiguration,
        _ key: AttachmentKey,
        withNeighbours: Bool = true
    ) -> FilterShare {
        var share = FilterShare(layout)
        if configuration.policy == .open {
            // What earlier versions made, or led to the policy of somebody who is gone.
            share.vacant = elements(of: configuration, to: .accept, key)
            return share
        }
        let chain = chain(of: configuration.bridge, configuration.policy)
        share.shared = [sharedChain(chain, configuration, withNeighbours: withNeighbours)]
        if configuration.addresses.isEmpty { share.chains = [member(of: chain, key)] }
        share.elements = elements(of: configuration, to: .goto(chain.name), key)
        return share
    }

    /// An element for each address.
    private static func elements(
        of configuration: FirewallConfiguration,
        to verdict: Verdict,
        _ key: AttachmentKey
    ) -> [FilterShare.Elements] {
        var groups: [FilterShare.Elements] = []
        for family in [AddressFamily.v4, .v6] {
            let addresses = configuration.addresses.filter { $0.family == family }
            guard !addresses.isEmpty else { continue }
            let elements = addresses.map {
                SetElement(key: [.address($0)], verdict: verdict, comment: key.ruleComment)
            }
            groups.append(.init(containers(family), elements))
        }
        return groups
    }

    /// What holds the chain of a bridge for a container without addresses: no packet comes here.
    private static func member(of chain: Chain, _ key: AttachmentKey) -> FilterShare.OwnChain {
        let own = Chain(table, "container-\(key.ruleOwner)")
        return FilterShare.OwnChain(own, rules: [Rule(own, [.goto(chain.name)], comment: key.ruleComment)])
    }

    private static func prefix(of policy: FirewallConfiguration.IngressPolicy) -> String { "\(policy.rawValue)-" }

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
        return Chain(table, prefix(of: policy) + (isPlain ? bridge : SHA512(of: bridge).hexadecimal(digits: 16)))
    }

    private static func sharedChain(
        _ chain: Chain,
        _ configuration: FirewallConfiguration,
        withNeighbours: Bool
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
            ],
            neighbours: withNeighbours ? neighbours(of: name) : nil
        )
    }

    /// Whom the rules of iptables keep apart, be they ours or the reference's: as far as iptables has them in nf_tables.
    private static func neighbours(of bridge: Datum) -> FilterShare.Neighbours {
        FilterShare.Neighbours(
            apart,
            own: bridge,
            chains: [AddressFamily.v4, .v6].map { family in
                Chain(FirewallPlan.forwardChain(family).table, IPTablesFirewall.secondStage)
            }
        )
    }

    /// Keeps the bridges here apart from those of iptables, which just got another one.
    ///
    /// - Throws: ``KernelError``.
    static func updateNeighbours(_ engine: borrowing FilterEngine) throws(KernelError) {
        try engine.update { engine throws(KernelError) in
            try engine.elements(of: policed).compactMap { $0.key.first }.map { neighbours(of: $0) }
        }
    }
}

// What else has the bridge
extension FirewallFilter {
    /// The policy that the bridge of a configuration has by now, if it is another one, and who has it.
    ///
    /// - Throws: ``KernelError``.
    static func contradiction(
        to configuration: FirewallConfiguration,
        _ engine: borrowing FilterEngine
    ) throws(KernelError) -> (policy: FirewallConfiguration.IngressPolicy, holders: [String])? {
        guard configuration.policy != .open else { return nil }
        let others = FirewallConfiguration.IngressPolicy.kept.filter { $0 != configuration.policy }
        let installed = try engine.installed([.name(configuration.bridge)], of: bridges)
        for policy in others {
            let verdict = Verdict.goto(chain(of: configuration.bridge, policy).name)
            guard installed?.content == .verdict(verdict) else { continue }
            let elements = try engine.elements(of: containers(.v4)) + engine.elements(of: containers(.v6))
            var holders: [String] = []
            for element in elements where element.content == .verdict(verdict) {
                guard let comment = element.comment, !holders.contains(comment) else { continue }
                holders.append(comment)
            }
            return (policy, holders)
        }
        return nil
    }
}
