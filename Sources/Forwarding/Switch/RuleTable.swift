// SPDX-License-Identifier: Apache-2.0

/// Rules with masks and priorities, found by a look-up in a hash table for each mask in use.
///
/// Tuple space search (Srinivasan, Suri, Varghese: Packet classification using tuple space search, SIGCOMM 1999), as
/// Open vSwitch's classifier does it: rules with the same mask form a *tuple*, in which at most one agrees with a frame.
/// Tuples are asked in the order of their best rule, until none that is left can be better than what was found.
///
/// - Complexity: a look-up costs one probe for each tuple on its way, however many rules there are.
public struct RuleTable: ~Copyable {
    /// Rules with one mask.
    struct Tuple: BitwiseCopyable {
        let mask: FlowKey
        /// Of its best rule.
        var bestRank: UInt64 = 0
        /// Where its slots begin.
        var base: Int = 0
        /// A power of two.
        var capacity: Int = 4
        /// How many slots are taken.
        var count: Int = 0
        /// How many words of keys the mask looks at.
        let width: Int

        init(mask: FlowKey) {
            self.mask = mask
            width = mask.width
        }

        /// How far a hash is shifted to become the number of a slot.
        @inline(__always)
        var shift: UInt64 { UInt64(truncatingIfNeeded: capacity.leadingZeroBitCount &+ 1) }
    }

    /// A slot of a tuple, as long as a cache line.
    struct Entry: BitwiseCopyable {
        var key = FlowKey()
        /// Of the best rule with this match; 0 in an empty slot.
        var rank: UInt64 = 0
    }

    let seed: UInt64
    var tuples = Table(repeating: Tuple(mask: FlowKey()), count: 8)
    /// How many tuples there are, best first.
    var tupleCount = 0
    var entries = Table(repeating: Entry(), count: 0)
    /// The packed action of the rule in the slot of the same number.
    var actions = Table(repeating: 0 as UInt64, count: 0)

    /// Memory for the look-up of a burst.
    var scratch = RuleScratch()

    private var rules: [RuleID: Rule] = [:]
    /// Ranks of the rules with one match, best first.
    private var chains: [RuleMatch: [UInt64]] = [:]
    private var nextNumber: UInt32 = 0

    /// Grows with every change: what was remembered under another number may be wrong by now.
    public private(set) var generation: UInt64 = 0

    /// No rule yet.
    ///
    /// - Parameter seed: what hashes depend on; senders who do not know it cannot choose frames that collide.
    public init(seed: UInt64 = 0) {
        self.seed = seed
    }

    /// How many rules there are.
    public var count: Int { rules.count }

    /// The rule of this name, or nil when it is gone.
    public func rule(_ id: RuleID) -> Rule? {
        rules[id]
    }

    // MARK: - Changing

    /// Adds a rule.
    ///
    /// - Returns: the name to remove it by.
    /// - Complexity: constant but for the times when a tuple grows, and all are laid out anew.
    @discardableResult
    public mutating func insert(_ rule: Rule) -> RuleID {
        let id = register(rule)
        let rank = Self.rank(of: id, priority: rule.priority)
        guard let index = tupleIndex(rule.match.mask), tuples[index].count * 2 < tuples[index].capacity else {
            layOut()
            return id
        }
        if chains[rule.match]?.first == rank {
            place(rule.match.key, rank, rule.action, in: index)
            sortTuples()
        }
        return id
    }

    /// Adds many rules, the earlier ones first; cheaper than one by one.
    ///
    /// A few beside many leave the others where they are.
    @discardableResult
    public mutating func insert(contentsOf more: [Rule]) -> [RuleID] {
        let areMany = more.count > count
        var ids: [RuleID] = []
        ids.reserveCapacity(more.count)
        for rule in more { ids.append(areMany ? register(rule) : insert(rule)) }
        if areMany { layOut() }
        return ids
    }

    /// Changes what becomes of frames that a rule is about.
    ///
    /// - Returns: false when there is none of that name.
    /// - Complexity: constant.
    @discardableResult
    public mutating func setAction(of id: RuleID, to action: RuleAction) -> Bool {
        guard let rule = rules[id] else { return false }
        generation += 1
        rules[id]?.action = action
        let rank = Self.rank(of: id, priority: rule.priority)
        if chains[rule.match]?.first == rank, let index = tupleIndex(rule.match.mask) {
            replace(rule.match.key, rank, action, in: index)
        }
        return true
    }

    /// Removes a rule.
    ///
    /// - Returns: the rule, or nil when there is none of that name.
    @discardableResult
    public mutating func remove(_ id: RuleID) -> Rule? {
        guard let rule = rules.removeValue(forKey: id) else { return nil }
        generation += 1
        let rank = Self.rank(of: id, priority: rule.priority)
        var chain = chains[rule.match] ?? []
        let wasBest = chain.first == rank
        chain.removeAll { $0 == rank }
        chains[rule.match] = chain.isEmpty ? nil : chain
        guard wasBest, let index = tupleIndex(rule.match.mask) else { return rule }
        if let next = chain.first, let successor = rules[Self.id(of: next)] {
            replace(rule.match.key, next, successor.action, in: index)
        } else {
            vacate(rule.match.key, in: index)
        }
        if rank == tuples[index].bestRank {
            refreshBestRank(of: index)
            sortTuples()
        }
        return rule
    }

    /// Numbers grow with priority, and within one with age; never 0.
    private static func rank(of id: RuleID, priority: UInt32) -> UInt64 {
        UInt64(priority) << 32 | UInt64(~id.number)
    }

    /// The rule of a rank.
    @inline(__always)
    static func id(of rank: UInt64) -> RuleID {
        RuleID(number: ~UInt32(truncatingIfNeeded: rank))
    }

    private mutating func register(_ rule: Rule) -> RuleID {
        precondition(nextNumber < .max, "a rule table names at most 2^32 - 1 rules in its life")
        let id = RuleID(number: nextNumber)
        nextNumber += 1
        generation += 1
        rules[id] = rule
        let rank = Self.rank(of: id, priority: rule.priority)
        let chain = chains[rule.match] ?? []
        let place = chain.firstIndex { $0 < rank } ?? chain.count
        chains[rule.match, default: []].insert(rank, at: place)
        return id
    }

    private func tupleIndex(_ mask: FlowKey) -> Int? {
        for index in 0..<tupleCount where tuples[index].mask.agrees(with: mask) { return index }
        return nil
    }

    /// Lays out all tuples anew, each at most half full with room for one rule more.
    private mutating func layOut() {
        var sizes: [FlowKey: Int] = [:]
        for match in chains.keys { sizes[match.mask, default: 0] += 1 }
        tuples = Table(repeating: Tuple(mask: FlowKey()), count: max(8, sizes.count))
        tupleCount = 0
        var total = 0
        for (mask, size) in sizes {
            var tuple = Tuple(mask: mask)
            while tuple.capacity <= size * 2 { tuple.capacity *= 2 }
            tuple.base = total
            total += tuple.capacity
            tuples[tupleCount] = tuple
            tupleCount += 1
        }
        // A power of two, so that the number of a slot needs no check.
        var room = 1
        while room < total { room *= 2 }
        entries = Table(repeating: Entry(), count: room)
        actions = Table(repeating: 0, count: room)
        var places: [FlowKey: Int] = [:]
        for index in 0..<tupleCount { places[tuples[index].mask] = index }
        for (match, chain) in chains {
            guard let index = places[match.mask], let rank = chain.first, let rule = rules[Self.id(of: rank)] else {
                continue
            }
            place(match.key, rank, rule.action, in: index)
        }
        sortTuples()
    }

    /// Best first.
    ///
    /// There are few, and the order changes little: insertion sort.
    private mutating func sortTuples() {
        for index in 0..<tupleCount {
            let tuple = tuples[index]
            var hole = index
            while hole > 0, tuples[hole - 1].bestRank < tuple.bestRank {
                tuples[hole] = tuples[hole - 1]
                hole -= 1
            }
            tuples[hole] = tuple
        }
        while tupleCount > 0, tuples[tupleCount - 1].count == 0 { tupleCount -= 1 }
    }
}

// MARK: - Slots

extension RuleTable {
    /// The slot of a masked key, or the empty one where it belongs.
    private func slot(_ key: FlowKey, in tuple: Tuple) -> Int {
        var slot = Int(truncatingIfNeeded: key.hash(seed: seed) >> tuple.shift)
        while entries[tuple.base + slot].rank != 0, !entries[tuple.base + slot].key.agrees(with: key) {
            slot = (slot + 1) & (tuple.capacity - 1)
        }
        return slot
    }

    private mutating func place(_ key: FlowKey, _ rank: UInt64, _ action: RuleAction, in index: Int) {
        let position = tuples[index].base + slot(key, in: tuples[index])
        if entries[position].rank == 0 { tuples[index].count += 1 }
        entries[position] = Entry(key: key, rank: rank)
        actions[position] = action.packed
        tuples[index].bestRank = max(tuples[index].bestRank, rank)
    }

    private mutating func replace(_ key: FlowKey, _ rank: UInt64, _ action: RuleAction, in index: Int) {
        let position = tuples[index].base + slot(key, in: tuples[index])
        entries[position] = Entry(key: key, rank: rank)
        actions[position] = action.packed
    }

    /// Empties a slot and closes the gap: what a probe would no longer reach moves up.
    private mutating func vacate(_ key: FlowKey, in index: Int) {
        let tuple = tuples[index]
        let ring = tuple.capacity - 1
        var hole = slot(key, in: tuple)
        guard entries[tuple.base + hole].rank != 0 else { return }
        tuples[index].count -= 1
        var next = (hole + 1) & ring
        while entries[tuple.base + next].rank != 0 {
            let home = Int(truncatingIfNeeded: entries[tuple.base + next].key.hash(seed: seed) >> tuple.shift)
            if (next &- home) & ring >= (next &- hole) & ring {
                entries[tuple.base + hole] = entries[tuple.base + next]
                actions[tuple.base + hole] = actions[tuple.base + next]
                hole = next
            }
            next = (next + 1) & ring
        }
        entries[tuple.base + hole] = Entry()
        actions[tuple.base + hole] = 0
    }

    private mutating func refreshBestRank(of index: Int) {
        let tuple = tuples[index]
        var best: UInt64 = 0
        for slot in 0..<tuple.capacity { best = max(best, entries[tuple.base + slot].rank) }
        tuples[index].bestRank = best
    }
}
