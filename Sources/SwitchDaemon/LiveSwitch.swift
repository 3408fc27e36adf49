// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Forwarding
internal import Linux

/// One switch with its ports, as frames see it.
///
/// Noncopyable and behind a pointer: what `VirtualSwitch` says of classes.
struct LiveSwitch: ~Copyable {
    var core: VirtualSwitch
    /// By the numbers of interfaces, as many as there may be.
    let outlets: UnsafeMutablePointer<Outlet>
    /// Who looks on through a connection.
    var streams: [UInt16: CopyStream] = [:]

    init(_ settings: VirtualSwitch.Settings) {
        core = VirtualSwitch(settings)
        outlets = .allocate(capacity: settings.maximumInterfaces)
        outlets.initialize(repeating: Outlet(), count: settings.maximumInterfaces)
    }

    deinit {
        outlets.deallocate()
    }

    /// What became of reading from a port.
    enum Reception: Hashable {
        /// There was no more.
        case drained
        /// There may be more.
        case more
        /// The link is gone, or nobody's any more.
        case gone
    }

    /// Takes frames that wait at a port, and sends them where they go.
    mutating func takeBurst(
        from ingress: InterfaceID,
        _ memory: borrowing FrameMemory,
        now: Ticks
    ) -> Reception {
        let port = Int(ingress.index)
        let (reception, count) =
            outlets[port].ring == nil
            ? LiveSwitch.readFrames(&outlets[port], ingress, memory)
            : LiveSwitch.takeLinkFrames(outlets[port], ingress, memory)
        if count > 0 { forward(count, memory, now) }
        return reception
    }

    /// Reads from a tap, as many frames at once as it may have.
    private static func readFrames(
        _ outlet: inout Outlet,
        _ ingress: InterfaceID,
        _ memory: borrowing FrameMemory
    ) -> (Reception, count: Int) {
        let room = FrameMemory.headerLength + FrameMemory.longestFrame
        for index in 0..<outlet.appetite {
            let start = FrameMemory.place(index) &- FrameMemory.headerLength
            memory.calls.read(outlet.descriptor, memory.octets + start, room, mark: start)
        }
        var reception = Reception.more
        var count = 0
        var octets = 0
        let references = memory.references
        memory.calls.make { outcome in
            if let error = outcome.error {
                if reception != .gone { reception = LiveSwitch.reception(error, isLink: false) }
            } else if outcome.result > FrameMemory.headerLength {
                references[count] = FrameReference(outcome.mark, outcome.result, ingress)
                octets &+= outcome.result
                count &+= 1
            }
        }
        outlet.cameFrames(count, octets: octets)
        return (reception, count)
    }

    /// Takes frames from the ring of a link of the host.
    private static func takeLinkFrames(
        _ outlet: Outlet,
        _ ingress: InterfaceID,
        _ memory: borrowing FrameMemory
    ) -> (Reception, count: Int) {
        guard let ring = outlet.ring else { return (.drained, 0) }
        let room = FrameMemory.headerLength + FrameMemory.longestFrame
        var count = 0
        var octets = 0
        while count < FrameMemory.burst, octets < FrameMemory.enough {
            let start = FrameMemory.place(count) &- FrameMemory.headerLength
            var distance: CInt = 0
            let length = culvert_receive_link_frame(outlet.descriptor, ring, memory.octets + start, room, &distance)
            guard length > FrameMemory.headerLength else {
                if length >= 0 { continue }
                return (LiveSwitch.reception(Errno(rawValue: CInt(-length)), isLink: true), count)
            }
            memory.references[count] = FrameReference(start &+ Int(distance), length, ingress)
            octets &+= length
            count &+= 1
        }
        return (.more, count)
    }

    private static func reception(_ error: Errno, isLink: Bool) -> Reception {
        if error == .wouldBlock { return .drained }
        if error == .interrupted { return .more }
        // A link that goes down says so once; whether it is gone is looked at apart.
        return isLink ? .drained : .gone
    }

    private mutating func forward(_ count: Int, _ memory: borrowing FrameMemory, _ now: Ticks) {
        let all = Span<UInt8>(
            _unsafeStart: UnsafePointer(memory.octets.assumingMemoryBound(to: UInt8.self)),
            count: FrameMemory.size
        )
        let frames = Span(_unsafeStart: UnsafePointer(memory.references), count: count)
        var decisions = MutableSpan(_unsafeStart: memory.decisions, count: count)
        core.forward(frames, in: all, now: now, into: &decisions)
        let (outlets, streams) = (outlets, streams)
        for index in 0..<count {
            let reference = memory.references[index]
            let frame = memory.octets + Int(reference.offset)
            let length = Int(reference.length)
            core.forEachDelivery(of: memory.decisions[index]) { delivery in
                let number = Int(delivery.interface.index)
                if outlets[number].descriptor >= 0 {
                    if memory.calls.count == FrameCalls.most { LiveSwitch.write(memory, outlets) }
                    outlets[number].send(frame, length, delivery.rewrite, memory, mark: number)
                } else {
                    streams[delivery.interface.index]?.append(frame, length)
                }
            }
        }
        LiveSwitch.write(memory, outlets)
    }

    /// Has frames leave that wait to.
    private static func write(_ memory: borrowing FrameMemory, _ outlets: UnsafeMutablePointer<Outlet>) {
        memory.calls.make { outcome in
            if let error = outcome.error { outlets[outcome.mark].countRefusal(error) }
        }
    }
}

extension FrameReference {
    /// A frame that came with its header in front, which begins there; the length is of both.
    fileprivate init(_ start: Int, _ length: Int, _ ingress: InterfaceID) {
        self.init(
            offset: UInt32(truncatingIfNeeded: start &+ FrameMemory.headerLength),
            length: UInt32(truncatingIfNeeded: length &- FrameMemory.headerLength),
            ingress: ingress
        )
    }
}
