// SPDX-License-Identifier: Apache-2.0

/// Locks of flock(2), as others hold them.
package enum FileLock {
    /// Who holds the lock of a file, in words: `held by process 1234 (podman)`; nil when nobody can be found.
    ///
    /// A process in another process namespace has no number here.
    package static func holder(of file: FileStatus) -> String? {
        guard let process = process(holding: file.identity.inode), process != "0" else { return nil }
        let name = text(of: "/proc/\(process)/comm")
        return "held by process \(process)" + (name.isEmpty ? "" : " (\(name.dropLast()))")
    }

    /// Looks the inode up in proc_locks(5): `1: FLOCK  ADVISORY  WRITE 1234 08:02:5678 0 EOF`.
    ///
    /// The device there is that of the disk, which stat(2) names differently on some file systems; an inode's number is
    /// enough to tell an operator whom to look at.
    private static func process(holding inode: UInt64) -> String? {
        for line in text(of: "/proc/locks").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", words[5].split(separator: ":").last == "\(inode)"[...]
            else { continue }
            return String(words[4])
        }
        return nil
    }

    private static func text(of path: String) -> String {
        do throws(KernelError) {
            return String(decoding: try Descriptor(opening: path, 0).readAll(path), as: UTF8.self)
        } catch {
            return ""
        }
    }
}
