// SPDX-License-Identifier: Apache-2.0

extension VirtualSwitch {
    /// Decides about many frames, as if each had come by itself, in less time.
    ///
    /// - Parameters:
    ///   - frames: where they lie in `memory`.
    ///   - memory: that of all frames.
    ///   - now: the moment; the same for all of them.
    ///   - decisions: at least as many; one for each frame, in their order.
    package mutating func forward(
        _ frames: Span<FrameReference>,
        in memory: Span<UInt8>,
        now: Ticks,
        into decisions: inout MutableSpan<Decision>
    ) {
        precondition(decisions.count >= frames.count, "there is a place for the decision about each frame")
        var start = 0
        while start < frames.count {
            let count = min(Self.burst, frames.count - start)
            forwardBurst(frames, start, count, in: memory, now, into: &decisions)
            start += count
        }
    }

    @inline(__always)
    private mutating func forwardBurst(
        _ frames: Span<FrameReference>,
        _ start: Int,
        _ count: Int,
        in memory: Span<UInt8>,
        _ now: Ticks,
        into decisions: inout MutableSpan<Decision>
    ) {
        var nobody = Inattentive()
        var admitted = 0
        warm(frames, start, count, memory)
        for index in 0..<count {
            let reference = frames[start &+ index]
            var key = FlowKey()
            let admission = admit(Self.frame(reference, in: memory), from: reference.ingress, key: &key, &nobody)
            scratch.admissions[index] = admission
            guard admission.reason == nil else { continue }
            scratch.keys[admitted] = key
            scratch.places[admitted] = UInt8(truncatingIfNeeded: index)
            admitted &+= 1
        }
        warm(admitted)
        let hasRules = rules.tupleCount > 0
        if hasRules {
            rules.lookup(scratch.keys, count: admitted, into: &scratch.verdicts)
        }
        var next = 0
        for index in 0..<count {
            var rule = RuleVerdict()
            if next < admitted, Int(scratch.places[next]) == index {
                if hasRules { rule = scratch.verdicts[next] }
                next &+= 1
            }
            let reference = frames[start &+ index]
            let frame = Self.frame(reference, in: memory)
            decisions[start &+ index] = conclude(scratch.admissions[index], rule, frame, now)
        }
    }

    /// Reads something of all frames of a burst.
    ///
    /// In a loop of its own, so short that the processor waits for many of them at once.
    @inline(__always)
    private mutating func warm(
        _ frames: Span<FrameReference>,
        _ start: Int,
        _ count: Int,
        _ memory: Span<UInt8>
    ) {
        var warmth: UInt8 = 0
        for index in start..<start &+ count where frames[index].length > 12 {
            warmth |= memory[Int(frames[index].offset) &+ 12]
        }
        scratch.warmth = UInt64(warmth)
    }

    /// Reads the slots of all stations that a burst is about, in the same way.
    @inline(__always)
    private mutating func warm(_ admitted: Int) {
        var warmth: UInt64 = 0
        for place in 0..<admitted {
            let admission = scratch.admissions[Int(scratch.places[place])]
            warmth |= stations.touch(MACTable.key(admission.destinationNumber, admission.vlan))
            warmth |= stations.touch(MACTable.key(admission.sourceNumber, admission.vlan))
        }
        scratch.warmth = warmth
    }

    @inline(__always)
    @_lifetime(copy memory)
    private static func frame(_ reference: FrameReference, in memory: Span<UInt8>) -> Span<UInt8> {
        let start = Int(reference.offset)
        return memory.extracting(start..<start &+ Int(reference.length))
    }
}
