// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Forwarding

/// Memory for one burst of frames, and for what is written of them: all that forwarding ever needs.
struct FrameMemory: ~Copyable {
    /// Frames in one go.
    static let burst = VirtualSwitch.burst
    /// Before each frame: `struct virtio_net_hdr`, which says what of checksums and segments is still to be made.
    static let headerLength = Int(CULVERT_FRAME_HEADER)
    /// Where a frame begins in its place: a header and a tag fit before it.
    static let frameStart = 64
    /// What the kernel does not cut has up to 64 KiB.
    static let longestFrame = 65_536 + 18
    /// So many octets end a burst, which are still in the processor's own cache when they are written.
    static let enough = 1 << 18
    /// Odd in cache lines, so that beginnings of frames do not all want the same places of a cache.
    static let stride = 65_536 + 64 * 5

    /// Where the places of frames lie, one after another.
    let octets: UnsafeMutableRawPointer
    /// The beginning of a frame that is changed.
    let head: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>
    let references: UnsafeMutablePointer<FrameReference>
    let decisions: UnsafeMutablePointer<Decision>

    static var size: Int { burst * stride }

    init() {
        octets = .allocate(byteCount: FrameMemory.size, alignment: 4096)
        head = .allocate(byteCount: 64, alignment: 64)
        parts = .allocate(capacity: 2)
        references = .allocate(capacity: FrameMemory.burst)
        decisions = .allocate(capacity: FrameMemory.burst)
        // Places that no frame has been in are read by nobody; zeros cost no memory until then.
        octets.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
    }

    deinit {
        octets.deallocate()
        head.deallocate()
        parts.deallocate()
        references.deallocate()
        decisions.deallocate()
    }
}
