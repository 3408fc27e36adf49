// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

/// What a name in a directory stands for: itself, not what it may lead to.
package struct NamedFile: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file
        case symbolicLink
        case directory
        /// A socket, a device or a pipe.
        case other
    }

    package let kind: Kind
    package let identity: FileStatus.Identity
    /// In octets.
    package let size: Int64
    /// When the content changed, in nanoseconds since 1970.
    package let modifiedNanoseconds: Int64

    /// lstat(2); nil when there is no such name.
    ///
    /// - Throws: ``KernelError`` for any other refusal.
    package static func at(_ path: String) throws(KernelError) -> NamedFile? {
        var status = stat()
        if lstat(path, &status) == 0 { return NamedFile(status) }
        let error = Errno.current
        guard error == .noSuchFileOrDirectory else { throw KernelError("stat \(path)", error) }
        return nil
    }

    private init(_ status: stat) {
        kind =
            switch CInt(bitPattern: status.st_mode) & S_IFMT {
            case S_IFREG: .file
            case S_IFLNK: .symbolicLink
            case S_IFDIR: .directory
            default: .other
            }
        identity = FileStatus.Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = Int64(status.st_size)
        modifiedNanoseconds = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}
