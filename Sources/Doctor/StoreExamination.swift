// SPDX-License-Identifier: Apache-2.0

/// Finds file systems that are unfit for what plugins keep in them.
package struct StoreExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { facts.stores.flatMap { findings($0) } }

    private func findings(_ store: HostFacts.Store) -> [Finding] {
        var found: [Finding] = []
        if store.isReadOnly {
            let fix = "mount -o remount,rw the file system of \(store.directory)"
            found.append(Finding(.storeReadOnly, at: store.directory, "its file system is read-only", fix: fix))
        } else if store.isFull {
            found.append(Finding(.storeFull, at: store.directory, "its file system is full"))
        }
        if StoreExamination.remote.contains(store.kind) || store.kind.hasPrefix("fuse") {
            found.append(Finding(.storeRemote, at: store.directory, "it is on \(store.kind)"))
        }
        if store.shouldLast, ["tmpfs", "ramfs"].contains(store.kind) {
            found.append(Finding(.storeVolatile, at: store.directory, "it is on \(store.kind)"))
        }
        return found
    }

    /// Kinds whose files other machines have too.
    private static let remote: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs", "lustre", "gpfs", "afs", "ocfs2", "gfs2",
    ]
}

/// A mount as proc_pid_mountinfo(5) has it.
package struct Mount: Hashable, Sendable {
    package let point: String
    package let kind: String

    package init(point: String, kind: String) {
        self.point = point
        self.kind = kind
    }

    /// Reads a table of mounts; lines that make no sense are passed over.
    package static func all(in table: String) -> [Mount] {
        table.split(separator: "\n").compactMap { line in
            let columns = line.split(separator: " ").map { String($0) }
            guard columns.count > 6, let dash = columns.firstIndex(of: "-"), dash + 1 < columns.count else {
                return nil
            }
            // The kernel writes blanks of names in octal.
            return Mount(point: columns[4].replacing("\\040", with: " "), kind: columns[dash + 1])
        }
    }

    /// The one that a path lies in: of those with the longest point the last, which hides the others.
    package static func holding(_ path: String, of mounts: [Mount]) -> Mount? {
        let holding = mounts.filter { mount in
            mount.point == "/" || path == mount.point || path.hasPrefix("\(mount.point)/")
        }
        let longest = holding.map { $0.point.utf8.count }.max()
        return holding.last { $0.point.utf8.count == longest }
    }
}
