// SPDX-License-Identifier: Apache-2.0
package import Linux

/// What tells whether anybody has added or removed a file since.
///
/// Kernels before 6.13 stamp a directory by a clock that moves every few milliseconds, so that two changes may bear one
/// time. Therefore we write the time ourselves, one nanosecond behind the kernel's, which no change of anybody else's
/// can bring about: equal stamps are proof.
package struct DirectoryStamp: Hashable, Sendable {
    package var identity: FileStatus.Identity
    /// 0 when the directory cannot be stamped: no directory is that old.
    package var modifiedNanoseconds: Int64

    /// What no directory looks like.
    static let none = DirectoryStamp(
        identity: FileStatus.Identity(device: 0, inode: 0),
        modifiedNanoseconds: 0
    )

    init(identity: FileStatus.Identity, modifiedNanoseconds: Int64) {
        self.identity = identity
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    /// What a directory looks like now.
    init(of directory: borrowing Directory) throws(KernelError) {
        let status = try directory.status()
        self.init(identity: status.identity, modifiedNanoseconds: status.modifiedNanoseconds)
    }

    /// Stamps a directory; what is known of it from before is known of it with this stamp.
    ///
    /// - Parameters:
    ///   - directory: whose names nobody else changes now.
    ///   - seen: what it looks like before.
    ///   - used: stamps that were left on it before, within the same tick of the clock perhaps; not left again.
    /// - Returns: ``none`` where it cannot be done: nothing will be known of the directory when it is opened again.
    static func leave(
        on directory: borrowing Directory,
        after seen: DirectoryStamp,
        unlike used: [DirectoryStamp]
    ) -> DirectoryStamp {
        do throws(KernelError) {
            var stamp = seen
            let now = stamp.modifiedNanoseconds
            for other in used {
                let lead = other.modifiedNanoseconds - now
                if lead >= 0 && lead < 1_000_000_000 {
                    stamp.modifiedNanoseconds = max(stamp.modifiedNanoseconds, other.modifiedNanoseconds)
                }
            }
            stamp.modifiedNanoseconds += 1
            try directory.setModified(nanoseconds: stamp.modifiedNanoseconds)
            // Some file systems keep whole seconds.
            return try DirectoryStamp(of: directory) == stamp ? stamp : none
        } catch {
            return none
        }
    }
}
