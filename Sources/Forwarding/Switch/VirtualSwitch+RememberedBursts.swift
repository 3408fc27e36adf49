// SPDX-License-Identifier: Apache-2.0

// A burst of a switch that remembers: frames whose flow is known are done with in one loop, which asks neither rules nor
// stations. At the first one that is not, all such ones of the burst are taken in and rules looked up for them together;
// then all are done in their order, for each may change what becomes of the next.
extension VirtualSwitch {
    /// Decides about a burst, with what is remembered about flows.
    @inline(never)
    mutating func forwardRemembering(
        _ frames: Span<FrameReference>,
        _ memory: Span<UInt8>,
        _ now: Ticks,
        _ start: Int,
        _ decisions: inout MutableSpan<Decision>
    ) {
        var next = 0
        while next < frames.count {
            let readable = recognize(frames, from: next, memory)
            next = settleKnown(frames, next..<readable, now, start, &decisions)
            guard next < frames.count else { break }
            let stretch = next..<min(readable &+ 1, frames.count)
            let strange = strangers(stretch, readable)
            takeIn(frames, strange, memory)
            next = settle(frames, stretch, strange, memory, now, start, &decisions)
        }
    }

    /// Reads frames of a burst from one on, until there is one that ends too early.
    ///
    /// - Returns: which one that is, or the length of the burst.
    @inline(never)
    private mutating func recognize(
        _ frames: Span<FrameReference>,
        from first: Int,
        _ memory: Span<UInt8>
    ) -> Int {
        let tagProtocol = settings.knowsVLANs ? settings.tagProtocol : 0
        var index = first
        while index < frames.count {
            let reference = frames[index]
            var key = FlowKey()
            guard let layout = key.read(Self.frame(reference, in: memory), tagProtocol: tagProtocol) else { break }
            key.word0 |= UInt64(reference.ingress.index) << 48
            scratch.homes[index] = UInt64(truncatingIfNeeded: exactFlows.home(key))
            scratch.frames[index] = BurstFrame(key, layout, vlan: 0)
            index &+= 1
        }
        return index
    }

    /// Learns from frames that were read, decides about them and counts them, until there is one of no known flow.
    ///
    /// - Returns: which one that is, nothing being done about it yet, or the end of the stretch.
    @inline(never)
    private mutating func settleKnown(
        _ frames: Span<FrameReference>,
        _ stretch: Range<Int>,
        _ now: Ticks,
        _ start: Int,
        _ decisions: inout MutableSpan<Decision>
    ) -> Int {
        let stamp = generation &+ 1
        var index = stretch.lowerBound
        while index < stretch.upperBound {
            let frame = scratch.frames[index]
            let home = Int(truncatingIfNeeded: scratch.homes[index])
            let place = exactFlows.find(frame.key, from: home, stamp: stamp)
            guard place >= 0 else { break }
            let outcome = exactFlows.outcomes[wrapping: place]
            guard outcome.isValid(now, ageing: stations.ageing) else { break }
            let ingress = frame.key.word0 >> 48
            if outcome.heard != now {
                let heard = stations.slots[wrapping: outcome.source]
                if !heard.isStatic {
                    // One that is heard again after so long counts as a new one.
                    guard !stations.isExpired(heard, now) else { break }
                    stations.slots[wrapping: outcome.source].value = UInt64(now) << 32 | ingress
                }
                exactFlows.outcomes[wrapping: place].heard = now
            }
            let length = UInt64(frames[index].length)
            countReceived(Int(truncatingIfNeeded: ingress), length)
            countSent(Int(outcome.output.index), length)
            decisions[start &+ index] = Decision(forward: frame, in: outcome.vlan, to: outcome.output)
            index &+= 1
        }
        exactFlows.hits &+= UInt64(truncatingIfNeeded: index &- stretch.lowerBound)
        return index
    }

    /// The frames of a stretch, by bit, that have to be gone about anew.
    ///
    /// - Parameters:
    ///   - stretch: of frames that were read; of the first one is known that it has to.
    ///   - readable: which frame was not read, if it is in the stretch.
    /// - Returns: the first one and all whose flow is not known.
    private func strangers(_ stretch: Range<Int>, _ readable: Int) -> UInt32 {
        let stamp = generation &+ 1
        var strange: UInt32 = 0
        for index in stretch {
            let home = Int(truncatingIfNeeded: scratch.homes[index])
            let isStrange =
                index == stretch.lowerBound || index == readable
                || exactFlows.find(scratch.frames[index].key, from: home, stamp: stamp) < 0
            if isStrange { strange |= 1 &<< UInt32(truncatingIfNeeded: index) }
        }
        return strange
    }

    /// Takes frames in, by bit, and finds the rules for them.
    private mutating func takeIn(_ frames: Span<FrameReference>, _ strange: UInt32, _ memory: Span<UInt8>) {
        var admitted = 0
        var rest = strange
        while rest != 0 {
            let run = Self.run(rest)
            admit(frames, run, memory, &admitted)
            rest &= ~Self.bits(run)
        }
        lookUpRules(admitted)
    }

    /// Does with a stretch what is to be done, until a flow turns out to be known no more.
    ///
    /// - Parameters:
    ///   - frames: of the burst.
    ///   - stretch: which of them.
    ///   - strange: those, by bit, that were taken in; the flows of the others are known.
    ///   - memory: of the frames.
    ///   - now: the moment.
    ///   - start: where the place for the decision about the first one is.
    ///   - decisions: where they go.
    /// - Returns: which frame that is, or the end of the stretch.
    private mutating func settle(
        _ frames: Span<FrameReference>,
        _ stretch: Range<Int>,
        _ strange: UInt32,
        _ memory: Span<UInt8>,
        _ now: Ticks,
        _ start: Int,
        _ decisions: inout MutableSpan<Decision>
    ) -> Int {
        var next = stretch.lowerBound
        var rest = strange
        while rest != 0 {
            let run = Self.run(rest)
            next = settleKnown(frames, next..<run.lowerBound, now, start, &decisions)
            guard next == run.lowerBound else { return next }
            settle(frames, run, memory, now, start, &decisions)
            next = run.upperBound
            rest &= ~Self.bits(run)
        }
        return settleKnown(frames, next..<stretch.upperBound, now, start, &decisions)
    }

    /// The first stretch of bits that are set; there is one.
    private static func run(_ bits: UInt32) -> Range<Int> {
        let first = bits.trailingZeroBitCount
        return first..<first &+ (~(bits &>> UInt32(truncatingIfNeeded: first))).trailingZeroBitCount
    }

    /// A stretch as bits; it is not empty.
    private static func bits(_ run: Range<Int>) -> UInt32 {
        let length = UInt32(truncatingIfNeeded: run.upperBound &- run.lowerBound)
        return (UInt32.max &>> (32 &- length)) &<< UInt32(truncatingIfNeeded: run.lowerBound)
    }

    // MARK: - Remembering

    /// Writes down that frames of this flow go to a known station, by a source that is known where they come from.
    @inline(never)
    mutating func remember(_ frame: BurstFrame, _ source: Int, _ destination: MACTable.Slot, _ now: Ticks) {
        guard source < ExactFlows.Outcome.sourceLimit else { return }
        let outcome = ExactFlows.Outcome(source: source, destination: destination, heard: now, vlan: frame.vlan)
        exactFlows.insert(outcome, for: frame.ownKey, stamp: generation &+ 1)
    }

    /// Writes down what was decided about a frame that is special in some way, if the same is done with all of its key.
    ///
    /// So it is where an interface is asked from whom frames may come, but for messages that have to be read for that.
    @inline(never)
    mutating func remember(
        _ decision: Decision,
        _ rule: RuleVerdict,
        _ index: Int,
        _ octets: Span<UInt8>,
        _ now: Ticks
    ) {
        guard case .forward(let output) = decision.verdict, rule.packedAction == RuleAction.permit.packed,
            decision.ingressMirror == .none, ports[Int(output.index)].mirror == .none
        else { return }
        // At a locked interface it counts how long ago the source was heard.
        let port = ports[Int(decision.ingress.index)]
        guard port.has(PortState.Flag.learns), !port.has(PortState.Flag.isLocked) else { return }
        var recorder = FlowRecorder()
        var key = FlowKey()
        let admission = admit(octets, from: decision.ingress, key: &key, &recorder)
        guard recorder.isKeyEnough else { return }
        let source = stations.position(MACTable.key(admission.sourceNumber, admission.vlan))
        let heard = stations.slots[wrapping: source]
        guard heard.key != 0, heard.interface == decision.ingress else { return }
        let destination = stations.find(MACTable.key(admission.destinationNumber, admission.vlan), now: now)
        guard destination.key != 0, destination.interface == output else { return }
        remember(scratch.frames[index], source, destination, now)
    }
}
