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
        let outlet = outlets[Int(ingress.index)]
        var reception = Reception.more
        var count = 0
        var octets = 0
        var place = FrameMemory.frameStart
        while count < FrameMemory.burst, octets < FrameMemory.enough {
            var start = place &- FrameMemory.headerLength
            let length = LiveSwitch.receive(outlet, memory.octets, &start)
            guard length > FrameMemory.headerLength else {
                if length >= 0 { continue }
                reception = LiveSwitch.reception(Errno(rawValue: CInt(-length)), outlet)
                break
            }
            memory.references[count] = FrameReference(
                offset: UInt32(truncatingIfNeeded: start &+ FrameMemory.headerLength),
                length: UInt32(truncatingIfNeeded: length &- FrameMemory.headerLength),
                ingress: ingress
            )
            octets &+= length
            place = FrameMemory.place(after: start &+ length)
            count &+= 1
        }
        if count > 0 { forward(count, memory, now) }
        return reception
    }

    /// - Returns: how many octets came, or a negative errno.
    @inline(__always)
    private static func receive(_ outlet: Outlet, _ octets: UnsafeMutableRawPointer, _ start: inout Int) -> Int {
        let room = FrameMemory.headerLength + FrameMemory.longestFrame
        if let ring = outlet.ring {
            var distance: CInt = 0
            let length = culvert_receive_link_frame(outlet.descriptor, ring, octets + start, room, &distance)
            start &+= Int(distance)
            return length
        }
        let length = read(outlet.descriptor, octets + start, room)
        return length >= 0 ? length : -Int(Errno.current.rawValue)
    }

    private static func reception(_ error: Errno, _ outlet: Outlet) -> Reception {
        if error == .wouldBlock { return .drained }
        if error == .interrupted { return .more }
        // A link that goes down says so once; whether it is gone is looked at apart.
        return outlet.ring != nil ? .drained : .gone
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
                    outlets[number].send(frame, length, delivery.rewrite, memory)
                } else {
                    streams[delivery.interface.index]?.append(frame, length)
                }
            }
        }
    }
}
