// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A pipe to a child process: the child gets one end, and we read the other.
struct Pipe: ~Copyable {
    let reading: Descriptor
    private var writing: Descriptor?
    /// The child's end, valid until ``closeWritingEnd()``.
    let writingEnd: CInt

    init() throws(KernelError) {
        var ends: [CInt] = [0, 0]
        let result = culvert_open_pipe(&ends)
        guard result == 0 else { throw KernelError("create pipe", Errno(rawValue: result)) }
        reading = Descriptor(adopting: ends[0])
        writing = Descriptor(adopting: ends[1])
        writingEnd = ends[1]
    }

    /// Leaves the other end to the child alone, so that the pipe ends with the child.
    mutating func closeWritingEnd() {
        writing = nil
    }

    /// All of two pipes, whichever is written to first: a child that fills one waits for nobody.
    ///
    /// `limit`: of the first pipe; more is refused with `EFBIG`.
    /// `otherLimit`: of the second; more is thrown away.
    static func readBoth(
        _ one: borrowing Pipe,
        _ other: borrowing Pipe,
        _ name: String,
        limit: Int,
        otherLimit: Int
    ) throws(KernelError) -> ([UInt8], [UInt8]) {
        var bytes: [UInt8] = []
        var otherBytes: [UInt8] = []
        // A negative number is passed over by poll(2).
        var waiting = [
            pollfd(fd: one.reading.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: other.reading.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        while waiting[0].fd >= 0 || waiting[1].fd >= 0 {
            guard poll(&waiting, 2, -1) > 0 else {
                guard Errno.current == .interrupted else { throw KernelError("read \(name)", Errno.current) }
                continue
            }
            for index in 0..<2 where waiting[index].fd >= 0 && waiting[index].revents != 0 {
                let chunk = try Descriptor.readSome(waiting[index].fd, name)
                if chunk.isEmpty {
                    waiting[index].fd = -1
                } else if index == 0 {
                    bytes += chunk
                } else {
                    otherBytes += chunk.prefix(max(0, otherLimit - otherBytes.count))
                }
            }
            guard bytes.count <= limit else { throw KernelError("read \(name)", Errno(rawValue: EFBIG)) }
        }
        return (bytes, otherBytes)
    }
}
