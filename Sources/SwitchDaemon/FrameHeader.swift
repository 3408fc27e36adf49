// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// What stands before a frame: `struct virtio_net_hdr` in the machine's own order of octets (Virtio 1.2, 5.1.6).
///
/// Flags 8, kind of segments 8, length of headers 16, size of segments 16, where what is to be summed begins 16, and how
/// far from there the sum belongs 16.
enum FrameHeader {
    private static let needsChecksum: UInt8 = 1
    private static let headersLength = 2
    private static let checksumStart = 6
    private static let checksumOffset = 8

    /// Corrects offsets in it after octets came to, or went from, the part before them: a tag.
    static func shift(_ header: UnsafeMutableRawPointer, by distance: Int) {
        let length = header.loadUnaligned(fromByteOffset: headersLength, as: UInt16.self)
        if length != 0 {
            let sum = UInt16(truncatingIfNeeded: Int(length) &+ distance)
            header.storeBytes(of: sum, toByteOffset: headersLength, as: UInt16.self)
        }
        guard header.load(as: UInt8.self) & needsChecksum != 0 else { return }
        let start = header.loadUnaligned(fromByteOffset: checksumStart, as: UInt16.self)
        let sum = UInt16(truncatingIfNeeded: Int(start) &+ distance)
        header.storeBytes(of: sum, toByteOffset: checksumStart, as: UInt16.self)
    }

    /// Makes the checksum that is still to be made, as far as the frame has it.
    ///
    /// Of a frame that is to be cut into segments each would have its own: it stays as it is.
    ///
    /// `frame`: without the header; changed in place.
    static func completeChecksum(_ header: UnsafeRawPointer, _ frame: inout [UInt8]) {
        let isWhole = header.load(fromByteOffset: 1, as: UInt8.self) == 0
        guard isWhole, header.load(as: UInt8.self) & needsChecksum != 0 else { return }
        let start = Int(header.loadUnaligned(fromByteOffset: checksumStart, as: UInt16.self))
        let place = start + Int(header.loadUnaligned(fromByteOffset: checksumOffset, as: UInt16.self))
        guard start < frame.count, place + 2 <= frame.count else { return }
        var sum: UInt64 = 0
        var index = start
        while index < frame.count {
            let low = index + 1 < frame.count ? frame[index + 1] : 0
            sum &+= UInt64(frame[index]) << 8 | UInt64(low)
            index += 2
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        // RFC 768: nought stands for no checksum, its other form for the sum.
        let checksum = sum == 0xffff ? 0xffff : UInt16(truncatingIfNeeded: ~sum)
        frame[place] = UInt8(truncatingIfNeeded: checksum >> 8)
        frame[place + 1] = UInt8(truncatingIfNeeded: checksum)
    }
}
