// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Forwarding

/// Memory for one burst of frames, for what is written of them, and the calls that do both: all that forwarding ever
/// needs.
struct FrameMemory: ~Copyable {
    /// Frames in one go.
    static let burst = VirtualSwitch.burst
    /// Before each frame: `struct virtio_net_hdr`, which says what of checksums and segments is still to be made.
    static let headerLength = Int(CULVERT_FRAME_HEADER)
    /// Where a frame begins in its place: a header and a tag fit before it.
    static let frameStart = 64
    /// What the kernel does not cut has up to 64 KiB.
    static let longestFrame = 65_536 + 18
    /// So many octets make a burst: what is written was read just before, and takes up little of the processor's cache.
    ///
    /// The rest is for what the kernel makes of it: a long frame goes on before the next one comes.
    static let enough = 1 << 15
    /// Where one frame lies to where the next one does, which is read before it is known how long this one is.
    ///
    /// Whole cache lines, and an odd number of them: the beginnings of frames do not get into each other's way there.
    static let stride = (frameStart + longestFrame + 63) / 64 * 64 | 64
    /// Of all frames.
    static let size = burst * stride
    /// Room for what stands before the rest of a frame that is changed.
    private static let headRoom = 64

    /// Where frames lie.
    let octets: UnsafeMutableRawPointer
    let references: UnsafeMutablePointer<FrameReference>
    let decisions: UnsafeMutablePointer<Decision>
    /// Reads and writes that wait to be made.
    let calls: FrameCalls
    /// The beginnings of frames that are changed, and their parts, for as many calls as can wait.
    private let heads: UnsafeMutableRawPointer
    private let parts: UnsafeMutablePointer<iovec>

    /// Where a frame begins.
    @inline(__always)
    static func place(_ index: Int) -> Int { index &* stride &+ frameStart }

    /// `isSingle`: one call into the kernel for each frame, even where it could be one for many.
    init(isSingle: Bool = false) {
        octets = .allocate(byteCount: FrameMemory.size, alignment: 4096)
        heads = .allocate(byteCount: FrameCalls.most * FrameMemory.headRoom, alignment: 64)
        parts = .allocate(capacity: FrameCalls.most * 2)
        references = .allocate(capacity: FrameMemory.burst)
        decisions = .allocate(capacity: FrameMemory.burst)
        calls = FrameCalls(UnsafeMutableRawBufferPointer(start: octets, count: FrameMemory.size), isSingle: isSingle)
    }

    deinit {
        calls.close()
        octets.deallocate()
        heads.deallocate()
        parts.deallocate()
        references.deallocate()
        decisions.deallocate()
    }

    /// Where the head of a frame and its parts go if the frame is written by the next call.
    var nextHead: (head: UnsafeMutableRawPointer, parts: UnsafeMutablePointer<iovec>) {
        let index = calls.count
        return (heads + index &* FrameMemory.headRoom, parts + index &* 2)
    }
}
