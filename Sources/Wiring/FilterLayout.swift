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
    /// Those of the sets whose elements belong to nobody: they come and go with the chains that attachments share.
    package let ownerless: [NamedSet]
    /// In an order in which they can be made: who is jumped to comes first.
    package let chains: [FixedChain]
    /// What the names of the chains begin with that attachments share.
    package let sharedNames: [String]
    /// How many rules such a chain has at most; what is more is somebody else's.
    package let sharedRules: Int

    package init(
        _ table: Table,
        comment: String? = nil,
        sets: [NamedSet] = [],
        ownerless: [NamedSet] = [],
        sharedNames: [String] = [],
        sharedRules: Int = 0,
        chains: [FixedChain]
    ) {
        self.table = table
        self.comment = comment
        self.sets = sets
        self.ownerless = ownerless
        self.sharedNames = sharedNames
        self.sharedRules = sharedRules
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
        /// Whom somebody else keeps apart from the chain's interface, if that is asked for.
        package let neighbours: Neighbours?

        package init(_ own: OwnChain, entries: [Elements] = [], neighbours: Neighbours? = nil) {
            self.own = own
            self.entries = entries
            self.neighbours = neighbours
        }
    }

    /// Interfaces that somebody else's rules keep packets from, paired in a set with one of ours.
    package struct Neighbours: Hashable, Sendable {
        /// Pairs of names: ours, theirs.
        package let set: NamedSet
        /// The name of ours.
        package let own: Datum
        /// Whose rules tell of theirs: by dropping all that leaves there.
        package let chains: [Chain]

        package init(_ set: NamedSet, own: Datum, chains: [Chain]) {
            self.set = set
            self.own = own
            self.chains = chains
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
    /// Keys that lead nowhere for this attachment: whatever stands there is removed when it comes, and what is its own
    /// when it goes.
    package var vacant: [Elements] = []

    package init(_ layout: FilterLayout) {
        self.layout = layout
    }
}
