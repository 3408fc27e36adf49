// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Which file something is, and what the file system says of it.
package struct FileStatus: Hashable, Sendable {
    /// A file's identity: equal for two names of one file.
    package struct Identity: Hashable, Sendable, CustomStringConvertible {
        package let device: UInt64
        package let inode: UInt64

        package init(device: UInt64, inode: UInt64) {
            self.device = device
            self.inode = inode
        }

        /// `device:inode`, in decimal.
        package var description: String { "\(device):\(inode)" }
    }

    package let identity: Identity
    /// How many names the file has; 0 when it was removed while open.
    package let linkCount: UInt64
    /// When the content changed, in nanoseconds since 1970 by the clock that stamps files.
    package let modifiedNanoseconds: Int64
    package let isRegularFile: Bool
    /// In octets.
    package let size: Int64

    init(_ status: stat) {
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        linkCount = UInt64(status.st_nlink)
        modifiedNanoseconds = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        size = Int64(status.st_size)
        isRegularFile = CInt(status.st_mode) & S_IFMT == S_IFREG
    }

    /// The status of a path, following symbolic links; nil when it does not exist.
    ///
    /// - Throws: ``KernelError`` for any other refusal.
    package static func of(_ path: String) throws(KernelError) -> FileStatus? {
        var status = stat()
        if path.withCString({ stat($0, &status) }) == 0 { return FileStatus(status) }
        let error = Errno.current
        guard error == .noSuchFileOrDirectory || error == .notDirectory else {
            throw KernelError("stat \(path)", error)
        }
        return nil
    }
}
