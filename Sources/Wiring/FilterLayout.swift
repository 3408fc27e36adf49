// SPDX-License-Identifier: Apache-2.0
package import PacketFilter

/// What stands in one table of nf_tables whoever joins: made with the first attachment, gone with the last.
package struct FilterLayout: Hashable, Sendable {
    /// A chain with the rules it always has.
    package struct FixedChain: Hashable, Sendable {
        package let chain: Chain
        package let hook: ChainHook?
        package let comment: String?
        package let rules: [[Statement]]
        /// Whether somebody else puts rules here: attachments, or the operator.
        ///
        /// Then what stands here is not counted.
        package let isOpen: Bool

        package init(
            _ chain: Chain,
            hook: ChainHook? = nil,
            comment: String? = nil,
            isOpen: Bool = false,
            rules: [[Statement]] = []
        ) {
            self.chain = chain
            self.hook = hook
            self.comment = comment
            self.rules = rules
            self.isOpen = isOpen
        }
    }

    package let table: Table
    package let comment: String?
    package let sets: [NamedSet]
    /// In an order in which they can be made: who is jumped to comes first.
    package let chains: [FixedChain]

    package init(_ table: Table, comment: String? = nil, sets: [NamedSet] = [], chains: [FixedChain]) {
        self.table = table
        self.comment = comment
        self.sets = sets
        self.chains = chains
    }

    /// How many rules, jumps and map elements a chain counts when nothing is missing from it.
    func useCount(of fixed: FixedChain) -> Int {
        let jumps = chains.reduce(0) { count, other in
            count + other.rules.reduce(0) { $0 + ($1.jumps(to: fixed.chain.name) ? 1 : 0) }
        }
        return fixed.rules.count + jumps
    }
}

extension [Statement] {
    fileprivate func jumps(to name: String) -> Bool {
        contains { $0 == .jump(name) || $0 == .goto(name) }
    }
}

/// What one attachment has in one table.
package struct FilterShare: Hashable, Sendable {
    /// A chain with its rules.
    package struct OwnChain: Hashable, Sendable {
        package let chain: Chain
        package let rules: [Rule]

        package init(_ chain: Chain, rules: [Rule]) {
            self.chain = chain
            self.rules = rules
        }
    }

    /// A chain that several attachments share, and what leads to it: there as long as an element of theirs points to it.
    package struct SharedChain: Hashable, Sendable {
        package let own: OwnChain
        /// Elements without owner that come and go with the chain.
        package let entries: [Elements]

        package init(_ own: OwnChain, entries: [Elements] = []) {
            self.own = own
            self.entries = entries
        }
    }

    /// Elements of one set or map.
    package struct Elements: Hashable, Sendable {
        package let set: NamedSet
        package let elements: [SetElement]

        package init(_ set: NamedSet, _ elements: [SetElement]) {
            self.set = set
            self.elements = elements
        }
    }

    package let layout: FilterLayout
    package var shared: [SharedChain] = []
    /// Chains of this attachment alone.
    package var chains: [OwnChain] = []
    /// Rules of this attachment in open chains of the layout; their comments begin with their owner.
    package var rules: [Rule] = []
    /// Elements of this attachment; their comments begin with their owner.
    package var elements: [Elements] = []

    package init(_ layout: FilterLayout) {
        self.layout = layout
    }
}
