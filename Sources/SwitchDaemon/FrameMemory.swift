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
    /// So many octets end a burst: what is written was read just before, and takes up little of the processor's cache.
    ///
    /// The rest is for what the kernel makes of it: a long frame goes on before the next one comes.
    static let enough = 1 << 15
    /// Places begin where cache lines do.
    private static let line = 64

    /// Where frames lie, one after another.
    let octets: UnsafeMutableRawPointer
    /// The beginning of a frame that is changed.
    let head: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>
    let references: UnsafeMutablePointer<FrameReference>
    let decisions: UnsafeMutablePointer<Decision>

    /// However long the frames of a burst are.
    static let size = frameStart + enough + burst * (frameStart + line) + longestFrame

    /// Where a frame may begin behind one that ends there.
    static func place(after end: Int) -> Int { (end + line - 1) & ~(line - 1) + frameStart }

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
