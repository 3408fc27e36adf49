// SPDX-License-Identifier: Apache-2.0

/// The rule that decides about a frame.
package struct RuleVerdict: Hashable, Sendable, BitwiseCopyable {
    /// 0 when no rule is about the frame.
    var rank: UInt64 = 0
    var packedAction: UInt64 = 0

    /// The rule's name; nil when no rule is about the frame.
    package var id: RuleID? { rank == 0 ? nil : RuleTable.id(of: rank) }

    /// What the rule says; to go on when there is none.
    @inline(__always)
    package var action: RuleAction { RuleAction(packed: packedAction) }
}

extension RuleTable {
    /// The rule that decides about a frame of this key.
    package func lookup(_ flow: FlowKey) -> RuleVerdict {
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
    package func lookup(_ flow: FlowKey, unwildcarding mask: inout FlowKey) -> RuleVerdict {
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
            probe(key, tuple, from: Int(truncatingIfNeeded: key.hash(seed: seed) >> tuple.shift), &verdict)
            index &+= 1
        }
        return verdict
    }

    /// Takes the rule with this masked key if it is better than the one found before.
    @inline(__always)
    private func probe(
        _ key: FlowKey,
        _ tuple: Tuple,
        from start: Int,
        width: Int = 7,
        _ verdict: inout RuleVerdict
    ) {
        var slot = start
        while true {
            let position = tuple.base &+ slot
            let rank = entries[wrapping: position].rank
            if rank == 0 { return }
            if entries[wrapping: position].key.agrees(with: key, width: width) {
                if rank > verdict.rank {
                    verdict.rank = rank
                    verdict.packedAction = actions[wrapping: position]
                }
                return
            }
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
        for place in 0..<count { verdicts[Int(scratch.pending[place])] = RuleVerdict() }
        var pendingCount = count
        var index = 0
        while index < tupleCount, pendingCount > 0 {
            // The width is a constant in each of them.
            switch tuples[index].width {
            case 3: pendingCount = ask(index, frames, pendingCount, width: 3, &verdicts)
            case 4: pendingCount = ask(index, frames, pendingCount, width: 4, &verdicts)
            default: pendingCount = ask(index, frames, pendingCount, width: 7, &verdicts)
            }
            index &+= 1
        }
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
        let tuple = tuples[index]
        var warm: UInt64 = 0
        for place in 0..<count {
            let key = frames[Int(scratch.pending[place])].key.masked(by: tuple.mask, width: width)
            let slot = Int(truncatingIfNeeded: key.hash(seed: seed) &>> tuple.shift)
            scratch.slots[place] = UInt32(truncatingIfNeeded: slot)
            // An early load, and nobody waits for it yet.
            warm |= entries[wrapping: tuple.base &+ slot].rank
        }
        scratch.warmth = warm
        let nextBest = index &+ 1 < tupleCount ? tuples[index &+ 1].bestRank : .max
        var kept = 0
        for place in 0..<count {
            let frame = scratch.pending[place]
            let key = frames[Int(frame)].key.masked(by: tuple.mask, width: width)
            var verdict = verdicts[Int(frame)]
            let rank = verdict.rank
            probe(key, tuple, from: Int(scratch.slots[place]), width: width, &verdict)
            if verdict.rank != rank { verdicts[Int(frame)] = verdict }
            // Written always, kept or not: cheaper than a branch that nobody can foresee.
            scratch.pending[kept] = frame
            kept &+= verdict.rank <= nextBest ? 1 : 0
        }
        return kept
    }
}

/// Memory for the look-up of a burst.
struct RuleScratch: ~Copyable {
    /// Frames that a better rule may still be found for.
    var pending = BurstTable(repeating: 0 as UInt8)
    /// Where their probes begin.
    var slots = BurstTable(repeating: 0 as UInt32)
    /// Keeps early loads from being left out.
    var warmth: UInt64 = 0
}
