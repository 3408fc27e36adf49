// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Forwarding
internal import Linux

/// A port as frames see it.
struct Outlet: BitwiseCopyable {
    /// Negative when frames do not leave through a descriptor.
    var descriptor: CInt = -1
    /// Where frames of a link come that was there; a tap has none.
    var ring: UnsafeMutablePointer<culvert_frame_ring>?
    /// How many frames to ask for at once.
    var appetite = 1
    /// Frames that the kernel would not take now.
    var fullDrops: UInt64 = 0
    /// Frames that it would not take at all, as when the link is down.
    var refusedDrops: UInt64 = 0

    /// No port.
    init() {}

    /// Adds a frame with its header in front to the calls that wait.
    ///
    /// `frame`: where the frame begins; the header ends there.
    /// `mark`: what the call is to be known by.
    @inline(__always)
    func send(
        _ frame: UnsafeMutableRawPointer,
        _ length: Int,
        _ rewrite: Rewrite,
        _ memory: borrowing FrameMemory,
        mark: Int
    ) {
        let header = frame - FrameMemory.headerLength
        if case .keep = rewrite.tag {
            return memory.calls.write(descriptor, header, length &+ FrameMemory.headerLength, mark: mark)
        }
        let (head, parts) = memory.nextHead
        let headLength = Outlet.changeHead(header, rewrite, head)
        let rest = Outlet.restStart(rewrite)
        parts[0] = iovec(iov_base: head, iov_len: headLength)
        parts[1] = iovec(iov_base: frame + rest, iov_len: length &- rest)
        memory.calls.write(descriptor, parts, mark: mark)
    }

    /// Counts a frame that the kernel did not take.
    mutating func countRefusal(_ error: Errno) {
        switch error.rawValue {
        case EAGAIN, ENOBUFS, ENOMEM, EINTR: fullDrops &+= 1
        default: refusedDrops &+= 1
        }
    }

    /// Frames came from the port, as many as asked for or fewer: says how many to ask for the next time.
    ///
    /// More while there are more, so many that long ones still do not fill the processor's cache; what is asked for in
    /// vain costs little, but not nothing.
    mutating func cameFrames(_ count: Int, octets: Int) {
        guard count >= appetite else {
            appetite = max(1, count)
            return
        }
        let fitting = FrameMemory.enough / max(1, octets / count)
        appetite = max(1, min(appetite * 4, FrameMemory.burst, fitting))
    }

    /// What follows the addresses, and a tag that is not kept.
    static func restStart(_ rewrite: Rewrite) -> Int {
        switch rewrite.tag {
        case .keep, .push: 12
        case .pop, .replace: 16
        }
    }

    /// Writes the header, the addresses and the tag as they are to be.
    ///
    /// - Returns: how many octets.
    static func changeHead(
        _ header: UnsafeMutableRawPointer,
        _ rewrite: Rewrite,
        _ head: UnsafeMutableRawPointer
    ) -> Int {
        let addressesEnd = FrameMemory.headerLength + 12
        head.copyMemory(from: header, byteCount: addressesEnd)
        FrameHeader.shift(head, by: rewrite.growth)
        switch rewrite.tag {
        case .keep, .pop:
            return addressesEnd
        case .push(let control), .replace(let control):
            head.storeBytes(of: rewrite.tagProtocol.bigEndian, toByteOffset: addressesEnd, as: UInt16.self)
            head.storeBytes(of: control.bigEndian, toByteOffset: addressesEnd + 2, as: UInt16.self)
            return addressesEnd + 4
        }
    }
}
