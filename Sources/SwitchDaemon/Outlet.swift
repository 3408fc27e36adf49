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
    /// Frames that the kernel would not take now.
    var fullDrops: UInt64 = 0
    /// Frames that it would not take at all, as when the link is down.
    var refusedDrops: UInt64 = 0

    /// No port.
    init() {}

    /// Sends a frame with its header in front.
    ///
    /// `frame`: where the frame begins; the header ends there.
    /// `memory`: for what changes.
    @inline(__always)
    mutating func send(
        _ frame: UnsafeMutableRawPointer,
        _ length: Int,
        _ rewrite: Rewrite,
        _ memory: borrowing FrameMemory
    ) {
        let header = frame - FrameMemory.headerLength
        let sent: Int
        if case .keep = rewrite.tag {
            sent = write(descriptor, header, length &+ FrameMemory.headerLength)
        } else {
            let headLength = Outlet.changeHead(header, rewrite, memory.head)
            let rest = Outlet.restStart(rewrite)
            memory.parts[0] = iovec(iov_base: memory.head, iov_len: headLength)
            memory.parts[1] = iovec(iov_base: frame + rest, iov_len: length &- rest)
            sent = writev(descriptor, memory.parts, 2)
        }
        guard sent < 0 else { return }
        switch Errno.current.rawValue {
        case EAGAIN, ENOBUFS, ENOMEM, EINTR: fullDrops &+= 1
        default: refusedDrops &+= 1
        }
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
