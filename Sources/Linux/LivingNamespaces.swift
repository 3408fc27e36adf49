// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// The network namespaces that a process lives in or that a mount keeps, by their inodes.
///
/// A namespace may be kept by no more than an open descriptor, and is not found then: who lives there uses no path.
/// The kernel gives the inode of a dead namespace to the next one, so an inode alone proves that nobody is dead, and
/// not that somebody lives: look inside as well.
package struct LivingNamespaces: Sendable {
    /// A path to each.
    private var paths: [UInt64: String] = [:]

    /// Looks for them; nil when nobody can tell.
    ///
    /// - Complexity: a look at each process.
    package static func found() -> LivingNamespaces? {
        do throws(KernelError) {
            // PROC_PID_INIT_INO of the kernel's proc_ns.h: from within a container, not all processes can be seen.
            guard try FileStatus.of("/proc/self/ns/pid")?.identity.inode == 0xefff_fffc else { return nil }
            var found = LivingNamespaces()
            let mounts = try Descriptor(opening: "/proc/self/mountinfo", 0).readAll("mountinfo")
            found.addMounts(mounts)
            // The first process may be out of sight, and is in no container.
            for name in try Directory(path: "/proc").names() where name != "1" && name.utf8.allSatisfy(isDigit) {
                let path = "/proc/\(name)/ns/net"
                // Nil for one that has just ended.
                guard let inode = try FileStatus.of(path)?.identity.inode else { continue }
                // A mount stays where it is; a process may end.
                if found.paths[inode] == nil { found.paths[inode] = path }
            }
            return found
        } catch {
            return nil
        }
    }

    package func contains(_ inode: UInt64) -> Bool { paths[inode] != nil }

    /// Opens one of them.
    ///
    /// - Returns: nil when it cannot be opened, or has ended meanwhile.
    package func namespace(_ inode: UInt64) -> NetworkNamespace? {
        guard let path = paths[inode] else { return nil }
        do throws(KernelError) {
            let namespace = try NetworkNamespace(path: path)
            guard namespace.identity.inode == inode else { return nil }
            return namespace
        } catch {
            return nil
        }
    }

    /// Reads a file of `/proc/net` as it is inside of one of them.
    ///
    /// - Parameters:
    ///   - name: the file's, such as `fib_trie`.
    ///   - inode: that of the namespace.
    /// - Returns: nil when nobody can look.
    package func networkFile(_ name: String, of inode: UInt64) -> [UInt8]? {
        guard let namespace = namespace(inode) else { return nil }
        do throws(KernelError) {
            let home = try NetworkNamespace.current()
            // Which namespace an open file tells of is settled when it is opened.
            let file = try namespace.run(from: home) { () throws(KernelError) in
                try Descriptor(opening: "/proc/thread-self/net/\(name)", O_RDONLY)
            }
            return try file.readAll(name)
        } catch {
            return nil
        }
    }

    /// Reads proc_pid_mountinfo(5): the fourth column is `net:[4026532281]` for a network namespace, the fifth its path.
    private mutating func addMounts(_ table: [UInt8]) {
        let mark = Array("net:[".utf8)
        for line in table.split(separator: UInt8(ascii: "\n")) {
            let columns = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
            guard columns.count > 4, columns[3].starts(with: mark) else { continue }
            let digits = columns[3].dropFirst(mark.count).prefix(while: LivingNamespaces.isDigit)
            guard let inode = UInt64(String(decoding: digits, as: UTF8.self)) else { continue }
            paths[inode] = LivingNamespaces.path(columns[4])
        }
    }

    /// Undoes the kernel's escapes: blanks and backslashes are written as three octal digits.
    private static func path(_ column: ArraySlice<UInt8>) -> String {
        var octets: [UInt8] = []
        var rest = column
        while let octet = rest.popFirst() {
            let digits = rest.prefix(3)
            guard octet == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            else {
                octets.append(octet)
                continue
            }
            octets.append(value)
            rest = rest.dropFirst(3)
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func isDigit(_ octet: UInt8) -> Bool {
        octet >= UInt8(ascii: "0") && octet <= UInt8(ascii: "9")
    }
}
