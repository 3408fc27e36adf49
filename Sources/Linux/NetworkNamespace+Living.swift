// SPDX-License-Identifier: Apache-2.0

extension NetworkNamespace {
    /// The inodes of all network namespaces that a process lives in or that a mount keeps; nil when nobody can tell.
    ///
    /// A namespace may be kept by no more than an open descriptor, and is not found then: who lives there uses no path.
    ///
    /// - Complexity: a look at each process.
    package static func living() -> Set<UInt64>? {
        do throws(KernelError) {
            // PROC_PID_INIT_INO of the kernel's proc_ns.h: from within a container, not all processes can be seen.
            guard try FileStatus.of("/proc/self/ns/pid")?.identity.inode == 0xefff_fffc else { return nil }
            var inodes: Set<UInt64> = []
            // The first process may be out of sight, and is in no container.
            for name in try Directory(path: "/proc").names() where name != "1" && name.utf8.allSatisfy(isDigit) {
                // Nil for one that has just ended.
                if let status = try FileStatus.of("/proc/\(name)/ns/net") { inodes.insert(status.identity.inode) }
            }
            let mounts = try Descriptor(opening: "/proc/self/mountinfo", 0).readAll("mountinfo")
            return inodes.union(inodesOfMounts(mounts))
        } catch {
            return nil
        }
    }

    private static func isDigit(_ octet: UInt8) -> Bool {
        octet >= UInt8(ascii: "0") && octet <= UInt8(ascii: "9")
    }

    /// Reads the fourth column of proc_pid_mountinfo(5), which is `net:[4026532281]` for a network namespace.
    private static func inodesOfMounts(_ table: [UInt8]) -> [UInt64] {
        let mark = Array("net:[".utf8)
        var inodes: [UInt64] = []
        for line in table.split(separator: UInt8(ascii: "\n")) {
            let columns = line.split(separator: UInt8(ascii: " "), maxSplits: 4)
            guard columns.count > 3, columns[3].starts(with: mark) else { continue }
            let digits = columns[3].dropFirst(mark.count).prefix(while: isDigit)
            if let inode = UInt64(String(decoding: digits, as: UTF8.self)) { inodes.append(inode) }
        }
        return inodes
    }
}
