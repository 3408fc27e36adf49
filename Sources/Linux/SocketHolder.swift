// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A process that has a socket open: what an operator needs to know of who holds a port.
package struct SocketHolder: Hashable, Sendable {
    package let process: Int32
    /// The program's name, as the kernel shortens it: at most 15 octets.
    package let name: String
    /// The arguments, beginning with the program.
    package let arguments: [String]

    /// Looks for the process that holds a socket, through all of `/proc`: slow, for errors only.
    ///
    /// `inode`: the socket's, as `/proc/PID/fd` and the kernel's socket tables have it.
    /// Returns nil when nobody is seen to hold it; the process may live where this `/proc` does not reach.
    package static func find(inode: UInt32) -> SocketHolder? {
        let wanted = "socket:[\(inode)]"
        for name in names("/proc") {
            guard let process = Int32(name) else { continue }
            for descriptor in names("/proc/\(name)/fd") where target(of: "/proc/\(name)/fd/\(descriptor)") == wanted {
                let arguments = text("/proc/\(name)/cmdline").split(separator: "\0").map { String($0) }
                let comm = text("/proc/\(name)/comm").filter { $0 != "\n" }
                return SocketHolder(process: process, name: comm, arguments: arguments)
            }
        }
        return nil
    }

    // Processes come and go while we look: what cannot be read is not there.

    private static func names(_ path: String) -> [String] {
        do throws(KernelError) { return try Directory(path: path).names() } catch { return [] }
    }

    private static func text(_ path: String) -> String {
        do throws(KernelError) {
            return String(
                decoding: try Descriptor(opening: path, O_RDONLY).readAll(path, limit: 1 << 17),
                as: UTF8.self
            )
        } catch {
            return ""
        }
    }

    private static func target(of path: String) -> String {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
