// SPDX-License-Identifier: Apache-2.0

// A burst is worked on in steps, each a loop that only knows the usual frame and stops at another one. That one is done
// as if it had come by itself, and the loop goes on behind it. So the loops stay short, and what is rare costs them
// nothing but the question whether it is there.
extension VirtualSwitch {
    /// Decides about many frames, as if each had come by itself, in less time.
    ///
    /// - Parameters:
    ///   - frames: where they lie in `memory`.
    ///   - memory: that of all frames.
    ///   - now: the moment; the same for all of them.
    ///   - decisions: at least as many; one for each frame, in their order.
    public mutating func forward(
        _ frames: Span<FrameReference>,
        in memory: Span<UInt8>,
        now: Ticks,
        into decisions: inout MutableSpan<Decision>
    ) {
        precondition(decisions.count >= frames.count, "there is a place for the decision about each frame")
        var start = 0
        while start < frames.count {
            let count = min(Self.burst, frames.count &- start)
            let burst = frames.extracting(start..<start &+ count)
            warm(burst, memory)
            if exactFlows.capacity == 0 {
                var admitted = 0
                admit(burst, 0..<count, memory, &admitted)
                lookUpRules(admitted)
                settle(burst, 0..<count, memory, now, start, &decisions)
            } else {
                forwardRemembering(burst, memory, now, start, &decisions)
            }
            start &+= count
        }
    }

    /// Reads something of all frames of a burst.
    ///
    /// In a loop of its own, so short that the processor waits for many of them at once.
    @inline(__always)
    private mutating func warm(_ frames: Span<FrameReference>, _ memory: Span<UInt8>) {
        var warmth: UInt8 = 0
        for index in frames.indices where frames[index].length > 12 {
            warmth |= memory[Int(frames[index].offset) &+ 12]
        }
        scratch.warmth = UInt64(warmth)
    }

    // MARK: - Coming in

    /// Finds out which frames of a stretch of a burst are admitted.
    ///
    /// - Parameters:
    ///   - frames: of the burst.
    ///   - stretch: which of them.
    ///   - memory: of the frames.
    ///   - admitted: how many are; which ones is in the list of those to look rules up for.
    @inline(__always)
    mutating func admit(
        _ frames: Span<FrameReference>,
        _ stretch: Range<Int>,
        _ memory: Span<UInt8>,
        _ admitted: inout Int
    ) {
        var next = stretch.lowerBound
        while next < stretch.upperBound {
            next = admitUsual(frames, next..<stretch.upperBound, memory, &admitted)
            guard next < stretch.upperBound else { break }
            if admitUnusual(next, frames[next], memory) {
                rules.scratch.pending[admitted] = UInt64(truncatingIfNeeded: next)
                admitted &+= 1
            }
            next &+= 1
        }
    }

    /// Finds the rules for the frames that were admitted.
    @inline(__always)
    mutating func lookUpRules(_ admitted: Int) {
        guard rules.tupleCount > 0 else { return }
        rules.lookup(scratch.frames, count: admitted, into: &scratch.verdicts)
    }

    /// Takes in frames of a stretch of a burst, until there is one that it cannot.
    ///
    /// - Returns: which one that is, or the end of the stretch.
    @inline(never)
    private mutating func admitUsual(
        _ frames: Span<FrameReference>,
        _ stretch: Range<Int>,
        _ memory: Span<UInt8>,
        _ admitted: inout Int
    ) -> Int {
        let knowsVLANs = settings.knowsVLANs
        // Without VLANs no tag is the switch's own.
        let tagProtocol = knowsVLANs ? settings.tagProtocol : 0
        var place = admitted
        var index = stretch.lowerBound
        while index < stretch.upperBound {
            let reference = frames[index]
            let ingress = Int(reference.ingress.index)
            guard ingress < ports.count else { break }
            let port = ports[wrapping: ingress]
            guard port.isUsual else { break }
            let frame = Self.frame(reference, in: memory)
            var key = FlowKey()
            guard let layout = key.read(frame, tagProtocol: tagProtocol) else { break }
            // Neither zero nor a group: bit 40 of the address.
            guard key.word2 >> 16 != 0, key.word2 & 1 << 56 == 0 else { break }
            var vlan: UInt16 = 0
            if knowsVLANs {
                let tagged = layout.control & 0xfff
                vlan = tagged != 0 ? tagged : port.native & 0xfff
                guard isMember(ingress, vlan) else { break }
            }
            key.word0 = key.word0 & ~(0xffff << 16) | UInt64(vlan) << 16 | UInt64(reference.ingress.index) << 48
            let taken = BurstFrame(key, layout, vlan: vlan)
            scratch.frames[index] = taken
            let (sourceHome, destinationHome) = (stations.home(taken.sourceKey), stations.home(taken.destinationKey))
            stations.slots.prefetch(wrapping: sourceHome)
            stations.slots.prefetch(wrapping: destinationHome)
            scratch.homes[index] = UInt64(truncatingIfNeeded: sourceHome &<< 32 | destinationHome)
            rules.scratch.pending[place] = UInt64(truncatingIfNeeded: index)
            place &+= 1
            index &+= 1
        }
        admitted = place
        return index
    }

    /// Takes any frame in, or refuses it.
    @inline(never)
    private mutating func admitUnusual(_ index: Int, _ reference: FrameReference, _ memory: Span<UInt8>) -> Bool {
        var nobody = Inattentive()
        var key = FlowKey()
        let admission = admit(Self.frame(reference, in: memory), from: reference.ingress, key: &key, &nobody)
        scratch.frames[index] = BurstFrame(key, admission)
        return admission.reason == nil
    }

    // MARK: - Going out

    /// Learns from frames of a stretch of a burst, decides about them and counts them.
    @inline(__always)
    mutating func settle(
        _ frames: Span<FrameReference>,
        _ stretch: Range<Int>,
        _ memory: Span<UInt8>,
        _ now: Ticks,
        _ start: Int,
        _ decisions: inout MutableSpan<Decision>
    ) {
        let hasRules = rules.tupleCount > 0
        var next = stretch.lowerBound
        while next < stretch.upperBound {
            next = settleUsual(frames, next..<stretch.upperBound, hasRules, now, start, &decisions)
            guard next < stretch.upperBound else { break }
            let rule = hasRules && scratch.frames[next].wasAdmitted ? scratch.verdicts[next] : RuleVerdict()
            let decision = settleUnusual(next, frames[next], rule, memory, now)
            decisions[start &+ next] = decision
            if exactFlows.capacity > 0 { remember(decision, rule, next, Self.frame(frames[next], in: memory), now) }
            next &+= 1
        }
    }

    /// Does that until there is a frame that it cannot do it with.
    ///
    /// The usual frame is one to a known station, by a source that was heard where it is heard now.
    ///
    /// - Returns: which one that is, nothing being done about it yet, or the end of the stretch.
    @inline(never)
    private mutating func settleUsual(
        _ frames: Span<FrameReference>,
        _ stretch: Range<Int>,
        _ hasRules: Bool,
        _ now: Ticks,
        _ start: Int,
        _ decisions: inout MutableSpan<Decision>
    ) -> Int {
        let remembers = exactFlows.capacity > 0
        var index = stretch.lowerBound
        while index < stretch.upperBound {
            let frame = scratch.frames[index]
            guard frame.isUsual, !hasRules || scratch.verdicts[index].packedAction == 0 else { break }
            let ingress = frame.key.word0 >> 48
            let homes = scratch.homes[index]
            let source = stations.position(frame.sourceKey, from: Int(truncatingIfNeeded: homes >> 32))
            let heard = stations.slots[wrapping: source]
            guard heard.key != 0, heard.value & 0xffff == ingress else { break }
            let destination = frame.destinationKey
            let target = stations.position(destination, from: Int(truncatingIfNeeded: homes & 0xffff_ffff))
            let known = stations.slots[wrapping: target]
            guard destination & 1 << 40 == 0, known.key != 0, !known.isGateway, !stations.isExpired(known, now),
                hasWay(from: ingress, to: known.interface, frame.vlan)
            else { break }
            let value = UInt64(now) << 32 | ingress
            if heard.value != value, !heard.isStatic {
                guard !stations.isExpired(heard, now) else { break }
                stations.slots[wrapping: source].value = value
            }
            let length = UInt64(frames[index].length)
            countReceived(Int(truncatingIfNeeded: ingress), length)
            countSent(Int(known.interface.index), length)
            decisions[start &+ index] = Decision(forward: frame, in: frame.vlan, to: known.interface)
            if remembers { remember(frame, source, known, now) }
            index &+= 1
        }
        return index
    }

    /// Whether a frame may go from one interface to another, and nobody looks on.
    @inline(__always)
    private func hasWay(from ingress: UInt64, to interface: InterfaceID, _ vlan: UInt16) -> Bool {
        guard interface.index < ports.count, interface.index != ingress else { return false }
        let port = ports[wrapping: Int(truncatingIfNeeded: ingress)]
        let output = ports[wrapping: Int(interface.index)]
        return output.has(PortState.Flag.usable) && port.flags & output.flags & PortState.Flag.isIsolated == 0
            && port.mirror.index & output.mirror.index == .max
            && (!settings.knowsVLANs || isMember(Int(interface.index), vlan))
    }

    /// Does the same with any frame.
    @inline(never)
    private mutating func settleUnusual(
        _ index: Int,
        _ reference: FrameReference,
        _ rule: RuleVerdict,
        _ memory: Span<UInt8>,
        _ now: Ticks
    ) -> Decision {
        conclude(scratch.frames[index].admission(of: reference), rule, Self.frame(reference, in: memory), now)
    }

    @inline(__always)
    @_lifetime(copy memory)
    static func frame(_ reference: FrameReference, in memory: Span<UInt8>) -> Span<UInt8> {
        let start = Int(reference.offset)
        return memory.extracting(start..<start &+ Int(reference.length))
    }
}
