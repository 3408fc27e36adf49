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
    private func probe(_ key: FlowKey, _ tuple: Tuple, from start: Int, _ verdict: inout RuleVerdict) {
        var slot = start
        while true {
            let position = tuple.base &+ slot
            let rank = entries[position].rank
            if rank == 0 { return }
            if entries[position].key.agrees(with: key) {
                if rank > verdict.rank {
                    verdict.rank = rank
                    verdict.packedAction = actions[position]
                }
                return
            }
            slot = (slot &+ 1) & (tuple.capacity &- 1)
        }
    }

    /// The same for the frames of a burst: a mask at a time, so that the memory of many frames is waited for at once.
    ///
    /// - Parameters:
    ///   - keys: of the frames.
    ///   - count: how many of them, at most ``burst``.
    ///   - verdicts: where the verdicts go, in the order of the keys.
    mutating func lookup(
        _ keys: borrowing Table<FlowKey>,
        count: Int,
        into verdicts: inout Table<RuleVerdict>
    ) {
        for index in 0..<count {
            verdicts[index] = RuleVerdict()
            scratch.pending[index] = UInt8(truncatingIfNeeded: index)
        }
        var pendingCount = count
        var index = 0
        while index < tupleCount, pendingCount > 0 {
            let tuple = tuples[index]
            var warm: UInt64 = 0
            for place in 0..<pendingCount {
                let key = keys[Int(scratch.pending[place])].masked(by: tuple.mask)
                let slot = Int(truncatingIfNeeded: key.hash(seed: seed) >> tuple.shift)
                scratch.slots[place] = UInt32(truncatingIfNeeded: slot)
                // An early load, and nobody waits for it yet.
                warm |= entries[tuple.base &+ slot].rank
            }
            scratch.warmth = warm
            let nextBest = index &+ 1 < tupleCount ? tuples[index &+ 1].bestRank : .max
            var kept = 0
            for place in 0..<pendingCount {
                let frame = scratch.pending[place]
                let key = keys[Int(frame)].masked(by: tuple.mask)
                var verdict = verdicts[Int(frame)]
                probe(key, tuple, from: Int(scratch.slots[place]), &verdict)
                verdicts[Int(frame)] = verdict
                if verdict.rank <= nextBest {
                    scratch.pending[kept] = frame
                    kept &+= 1
                }
            }
            pendingCount = kept
            index &+= 1
        }
    }
}

/// Memory for the look-up of a burst.
struct RuleScratch: ~Copyable {
    /// Frames that a better rule may still be found for.
    var pending: Table<UInt8>
    /// Where their probes begin.
    var slots: Table<UInt32>
    /// Keeps early loads from being left out.
    var warmth: UInt64 = 0

    init(burst: Int) {
        pending = Table(repeating: 0, count: burst)
        slots = Table(repeating: 0, count: burst)
    }
}
