// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Changes to one table, decided against what it held: what is there already is not made again.
///
/// Each call counts on those before it, so the same thing can be ensured twice. Nothing reaches the kernel before the
/// ``commands`` are given to ``IPTablesTool/apply(_:)``; ``IPTablesTool/edit(_:holding:waitingAtMost:_:)`` does both.
package struct IPTablesEdit: Hashable, Sendable {
    /// What the table will hold.
    package private(set) var contents: IPTablesContents
    /// What has to be done for that, in order; empty when nothing.
    package private(set) var commands: [IPTablesCommand] = []

    package init(_ contents: IPTablesContents) {
        self.contents = contents
    }

    package var family: AddressFamily { contents.family }

    /// Where in a chain a missing rule goes.
    package enum Place: Hashable, Sendable {
        case first
        case last
        /// Behind the last rule of the chain that jumps to one of these chains; first when there is none.
        case behindJumps(to: [String])
    }

    /// Makes a chain unless it exists; its rules stay.
    package mutating func ensureChain(_ chain: String) {
        guard !contents.chains.contains(chain) else { return }
        contents.chains.append(chain)
        commands.append(.createChain(chain))
    }

    /// Makes a chain unless it exists, and gives it these rules and no others.
    package mutating func replaceRules(in chain: String, with rules: [IPTablesRule]) {
        ensureChain(chain)
        flush(chain)
        for rule in rules { append(rule) }
    }

    /// Puts a rule into its chain unless one that means the same is there, wherever.
    ///
    /// `isSame`: which rules of the chain count as the same; by default those of ``IPTablesRule/means(_:)``.
    package mutating func ensure(
        _ rule: IPTablesRule,
        _ place: Place,
        isSame: ((IPTablesRule) -> Bool)? = nil
    ) {
        let isThere = contents.rules.contains { $0.means(rule) || $0.chain == rule.chain && isSame?($0) ?? false }
        guard !isThere else { return }
        switch place {
        case .last: append(rule)
        case .first: insert(rule, position: 1)
        case .behindJumps(let chains):
            let before = contents.rules(in: rule.chain).lastIndex { old in chains.contains { $0 == old.target } }
            insert(rule, position: (before ?? -1) + 2)
        }
    }

    package mutating func append(_ rule: IPTablesRule) {
        contents.rules.append(rule)
        commands.append(.append(rule))
    }

    /// Inserts a rule so that it becomes the one of this number; the first is 1.
    package mutating func insert(_ rule: IPTablesRule, position: Int) {
        let places = contents.rules.indices.filter { contents.rules[$0].chain == rule.chain }
        contents.rules.insert(rule, at: position <= places.count ? places[position - 1] : contents.rules.count)
        commands.append(.insert(rule, position: position))
    }

    /// Deletes all rules of all chains for which this is true.
    ///
    /// - Returns: how many there were.
    @discardableResult
    package mutating func deleteRules(where isUnwanted: (IPTablesRule) -> Bool) -> Int {
        let unwanted = contents.rules.filter(isUnwanted)
        contents.rules.removeAll(where: isUnwanted)
        for rule in unwanted { commands.append(.delete(rule)) }
        return unwanted.count
    }

    /// Deletes a chain, the rules in it, and every rule of every chain that jumps to it; nothing when there is none.
    package mutating func removeChain(_ chain: String) {
        guard contents.chains.contains(chain) else { return }
        deleteRules { $0.target == chain && $0.chain != chain }
        flush(chain)
        contents.chains.removeAll { $0 == chain }
        commands.append(.deleteChain(chain))
    }

    private mutating func flush(_ chain: String) {
        guard contents.rules.contains(where: { $0.chain == chain }) else { return }
        contents.rules.removeAll { $0.chain == chain }
        commands.append(.flushChain(chain))
    }
}
