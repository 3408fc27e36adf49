// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// Reads and writes of frames, made together: by one entry into the kernel where it has io_uring and lets us use it.
///
/// To enter the kernel takes a good part of what a frame takes at all. Nothing in it ever waits.
struct FrameCalls: BitwiseCopyable {
    /// Calls that can wait to be made.
    static let most = Int(CULVERT_BATCH)

    private let batch: OpaquePointer

    /// `memory`: where most frames lie, which begins where a page does; it has to be there until ``close()``.
    init(_ memory: UnsafeMutableRawBufferPointer, isSingle: Bool) {
        batch = OpaquePointer(UnsafeMutableRawPointer.allocate(byteCount: culvert_batch_size(), alignment: 64))
        culvert_open_batch(batch, memory.baseAddress, memory.count, isSingle ? 1 : 0)
    }

    func close() {
        culvert_close_batch(batch)
        UnsafeMutableRawPointer(batch).deallocate()
    }

    /// Whether the kernel is entered once for all calls that wait.
    var isJoint: Bool { culvert_batch_is_joint(batch) != 0 }

    /// How many wait.
    @inline(__always)
    var count: Int { Int(culvert_batch_count(batch)) }

    /// Has the kernel know a port's descriptor, until it is forgotten: before it is closed, which else it would not be.
    func remember(_ descriptor: CInt) {
        culvert_batch_remember(batch, descriptor)
    }

    func forget(_ descriptor: CInt) {
        culvert_batch_forget(batch, descriptor)
    }

    /// Adds a read; there has to be room.
    @inline(__always)
    func read(_ descriptor: CInt, _ place: UnsafeMutableRawPointer, _ room: Int, mark: Int) {
        culvert_batch_read(batch, descriptor, place, room, UInt64(truncatingIfNeeded: mark))
    }

    /// Adds a write; there has to be room.
    @inline(__always)
    func write(_ descriptor: CInt, _ place: UnsafeRawPointer, _ count: Int, mark: Int) {
        culvert_batch_write(batch, descriptor, place, count, UInt64(truncatingIfNeeded: mark))
    }

    /// Adds a write of two parts, which have to stay as they are until it is made.
    @inline(__always)
    func write(_ descriptor: CInt, _ parts: UnsafePointer<iovec>, mark: Int) {
        culvert_batch_write_parts(batch, descriptor, parts, 2, UInt64(truncatingIfNeeded: mark))
    }

    /// What became of a call that was made.
    struct Outcome: BitwiseCopyable {
        /// What it was added with.
        let mark: Int
        /// How many octets, or a negative errno.
        let result: Int

        var error: Errno? { result < 0 ? Errno(rawValue: CInt(-result)) : nil }
    }

    /// Makes all that wait, in their order, and tells of each read what became of it, and of writes that failed.
    @inline(__always)
    func make(_ body: (Outcome) -> Void) {
        var outcomes: UnsafePointer<culvert_outcome>?
        let count = Int(culvert_batch_make(batch, &outcomes))
        guard let outcomes else { return }
        for index in 0..<count {
            body(Outcome(mark: Int(truncatingIfNeeded: outcomes[index].mark), result: outcomes[index].result))
        }
    }
}
