// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Memory that the kernel puts a link's frames into.
final class FrameRing {
    /// Where it has got to: what is behind a pointer stays where it is, and frames ask nobody who may write to it.
    let state: UnsafeMutablePointer<culvert_frame_ring>

    init() {
        state = .allocate(capacity: 1)
        state.initialize(to: culvert_frame_ring())
    }

    deinit {
        culvert_close_frame_ring(state)
        state.deallocate()
    }
}
