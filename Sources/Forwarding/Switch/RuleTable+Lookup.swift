// SPDX-License-Identifier: Apache-2.0

/// The rule that decides about a frame.
public struct RuleVerdict: Hashable, Sendable, BitwiseCopyable {
    /// 0 when no rule is about the frame.
    var rank: UInt64 = 0
    var packedAction: UInt64 = 0

    /// The rule's name; nil when no rule is about the frame.
    public var id: RuleID? { rank == 0 ? nil : RuleTable.id(of: rank) }

    /// What the rule says; to go on when there is none.
    @inline(__always)
    public var action: RuleAction { RuleAction(packed: packedAction) }
}

extension RuleTable {
    /// The rule that decides about a frame of this key.
    public func lookup(_ flow: FlowKey) -> RuleVerdict {
        find(flow) { _ in }
    }

    /// The rule that decides about a frame of this key, and which bits of the key it depends on.
    ///
    /// Any key that agrees with this one in the bits of `mask` has the same verdict, so that it can be remembered under
    /// the mask (a *megaflow* of Open vSwitch). The mask is the union of the masks asked: no more than was looked at,
    /// yet not the smallest possible.
    ///
    /// - Parameters:
    ///   - flow: the key.
    ///   - mask: where to add the bits that count.
    /// - Returns: the rule, or a verdict without one.
    public func lookup(_ flow: FlowKey, unwildcarding mask: inout FlowKey) -> RuleVerdict {
        find(flow) { mask.formUnion($0) }
    }

    @inline(__always)
    func find(_ flow: FlowKey, _ visit: (FlowKey) -> Void) -> RuleVerdict {
        var verdict = RuleVerdict()
        var index = 0
        while index < tupleCount {
            let tuple = tuples[index]
            if tuple.bestRank < verdict.rank { break }
            visit(tuple.mask)
            let key = flow.masked(by: tuple.mask)
            let start = Int(truncatingIfNeeded: key.hash(seed: seed) >> tuple.shift)
            if let found = match(key, tuple, from: start), entries[wrapping: found].rank > verdict.rank {
                verdict = RuleVerdict(rank: entries[wrapping: found].rank, packedAction: actions[wrapping: found])
            }
            index &+= 1
        }
        return verdict
    }

    /// The slot of the rule with this masked key, or nil when there is none.
    @inline(__always)
    private func match(_ key: FlowKey, _ tuple: Tuple, from start: Int, width: Int = 7) -> Int? {
        var slot = start
        while true {
            let position = tuple.base &+ slot
            if entries[wrapping: position].rank == 0 { return nil }
            if entries[wrapping: position].key.agrees(with: key, width: width) { return position }
            slot = (slot &+ 1) & (tuple.capacity &- 1)
        }
    }

    /// The same for the frames of a burst: a mask at a time, so that the memory of many frames is waited for at once.
    ///
    /// - Parameters:
    ///   - frames: with the keys.
    ///   - count: how many places of `scratch.pending` say which of the frames to look up.
    ///   - verdicts: where the verdicts go, each to the place of its frame.
    @inline(__always)
    mutating func lookup(
        _ frames: borrowing BurstTable<BurstFrame>,
        count: Int,
        into verdicts: inout BurstTable<RuleVerdict>
    ) {
        for place in 0..<count { verdicts[Int(truncatingIfNeeded: scratch.pending[place])] = RuleVerdict() }
        scratch.isTentative = false
        var pendingCount = count
        var index = 0
        while index < tupleCount, pendingCount > 0 {
            switch tuples[index].width {
            case 3: pendingCount = askNarrow(index, frames, pendingCount, &verdicts)
            case 4: pendingCount = askMiddle(index, frames, pendingCount, &verdicts)
            default: pendingCount = askWide(index, frames, pendingCount, &verdicts)
            }
            index &+= 1
        }
    }

    // A function for each width, which is a constant in it: so short, all that is asked again and again is in registers.

    @inline(never)
    private mutating func askNarrow(
        _ index: Int,
        _ frames: borrowing BurstTable<BurstFrame>,
        _ count: Int,
        _ verdicts: inout BurstTable<RuleVerdict>
    ) -> Int {
        ask(index, frames, count, width: 3, &verdicts)
    }

    @inline(never)
    private mutating func askMiddle(
        _ index: Int,
        _ frames: borrowing BurstTable<BurstFrame>,
        _ count: Int,
        _ verdicts: inout BurstTable<RuleVerdict>
    ) -> Int {
        ask(index, frames, count, width: 4, &verdicts)
    }

    @inline(never)
    private mutating func askWide(
        _ index: Int,
        _ frames: borrowing BurstTable<BurstFrame>,
        _ count: Int,
        _ verdicts: inout BurstTable<RuleVerdict>
    ) -> Int {
        ask(index, frames, count, width: 7, &verdicts)
    }

    /// Looks the frames that are pending up in one tuple.
    ///
    /// - Returns: how many are still pending.
    @inline(__always)
    private mutating func ask(
        _ index: Int,
        _ frames: borrowing BurstTable<BurstFrame>,
        _ count: Int,
        width: Int,
        _ verdicts: inout BurstTable<RuleVerdict>
    ) -> Int {
        // No news, but the compiler knows then that no place is beyond the table.
        let count = min(count, BurstTable<UInt64>.count)
        let tuple = tuples[index]
        for place in 0..<count {
            let frame = scratch.pending[place] & 0xff
            let key = frames[Int(truncatingIfNeeded: frame)].key.masked(by: tuple.mask, width: width)
            let position = tuple.base &+ Int(truncatingIfNeeded: key.hash(seed: seed) &>> tuple.shift)
            entries.prefetch(wrapping: position)
            scratch.pending[place] = UInt64(truncatingIfNeeded: position) &<< 8 | frame
        }
        let nextBest = index &+ 1 < tupleCount ? tuples[index &+ 1].bestRank : .max
        var kept = 0
        for place in 0..<count {
            let pending = scratch.pending[place]
            let position = Int(truncatingIfNeeded: pending >> 8)
            // Most slots are found empty.
            if entries[wrapping: position].rank != 0 {
                let frame = Int(truncatingIfNeeded: pending & 0xff)
                let key = frames[frame].key.masked(by: tuple.mask, width: width)
                if let found = match(key, tuple, from: position &- tuple.base, width: width) {
                    let rank = entries[wrapping: found].rank
                    if rank > verdicts[frame].rank {
                        verdicts[frame] = RuleVerdict(rank: rank, packedAction: actions[wrapping: found])
                        if rank > nextBest { continue }
                        scratch.isTentative = true
                    }
                }
            }
            scratch.pending[kept] = pending
            kept &+= 1
        }
        return scratch.isTentative ? settle(kept, nextBest, verdicts) : kept
    }

    /// Takes those frames from the list whose rule is better than all that are left.
    ///
    /// - Returns: how many are still pending.
    private mutating func settle(
        _ count: Int,
        _ nextBest: UInt64,
        _ verdicts: borrowing BurstTable<RuleVerdict>
    ) -> Int {
        scratch.isTentative = false
        var kept = 0
        for place in 0..<count {
            let pending = scratch.pending[place]
            let rank = verdicts[Int(truncatingIfNeeded: pending & 0xff)].rank
            if rank > nextBest { continue }
            if rank != 0 { scratch.isTentative = true }
            scratch.pending[kept] = pending
            kept &+= 1
        }
        return kept
    }
}

/// Memory for the look-up of a burst.
struct RuleScratch: ~Copyable {
    /// Frames that a better rule may still be found for: where their probes begin 56, the number of the frame 8.
    var pending = BurstTable(repeating: 0 as UInt64)
    /// Whether a rule is known for some of them already.
    var isTentative = false
}
