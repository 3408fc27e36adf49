// SPDX-License-Identifier: Apache-2.0
internal import CLinux

extension Machine {
    /// Why no file can be made below a directory: its file system is read-only, or full.
    ///
    /// Of a directory that is not there yet, the nearest one above it counts. One system call where it is there.
    ///
    /// - Returns: nil when there is nothing in the way, or when nobody can tell.
    package static func obstacle(toWritingBelow path: String) -> KernelError? {
        var directory = path
        var status = statvfs()
        while directory.withCString({ statvfs($0, &status) }) != 0 {
            guard Errno.current == .noSuchFileOrDirectory,
                let slash = directory.utf8.lastIndex(of: UInt8(ascii: "/")), slash > directory.utf8.startIndex
            else { return nil }
            directory = String(directory[..<slash])
        }
        let operation = "write below \(path)"
        if UInt(status.f_flag) & UInt(ST_RDONLY) != 0 { return KernelError(operation, .readOnlyFileSystem) }
        // File systems that count neither blocks nor files say zero of both.
        let isFull = status.f_blocks > 0 && status.f_bfree == 0 || status.f_files > 0 && status.f_ffree == 0
        return isFull ? KernelError(operation, .noSpace) : nil
    }
}
