// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// Copies of frames on their way to somebody who looks on, as a file of pcap (draft-ietf-opsawg-pcap).
final class CopyStream {
    /// What waits to be sent.
    private(set) var pending: [UInt8] = []
    /// Copies that found no room: who looks on too slowly does not hold up frames.
    private(set) var lost: UInt64 = 0

    /// In octets.
    private static let room = 4 << 20
    private static let longest = 262_144

    /// Begins with what a file begins with.
    init() {
        for field in [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, UInt32(CopyStream.longest), 1] as [UInt32] { append(field) }
    }

    /// Adds a frame, its checksum completed.
    ///
    /// `frame`: where it begins; its header ends there.
    func append(_ frame: UnsafeMutableRawPointer, _ length: Int) {
        guard pending.count + length + 16 <= CopyStream.room else {
            lost &+= 1
            return
        }
        let now = Machine.wallNanoseconds
        append(UInt32(truncatingIfNeeded: now / 1_000_000_000))
        append(UInt32(truncatingIfNeeded: now % 1_000_000_000))
        append(UInt32(length))
        append(UInt32(length))
        var copy = Array(UnsafeRawBufferPointer(start: frame, count: length))
        FrameHeader.completeChecksum(frame - FrameMemory.headerLength, &copy)
        pending += copy
    }

    /// Forgets what was handed on.
    func take() -> [UInt8] {
        let octets = pending
        pending = []
        return octets
    }

    private func append(_ field: UInt32) {
        for shift in [0, 8, 16, 24] as [UInt32] { pending.append(UInt8(truncatingIfNeeded: field >> shift)) }
    }
}
