// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
package import Linux

/// The tables of the older iptables, which are apart from those of nf_tables.
package enum LegacyTables {
    /// The names of the tables that were made in the network namespace of the calling thread; asks no program.
    ///
    /// A table appears with its first use, be it only by listing it, and stays, even empty. None on a kernel without
    /// legacy iptables, and none that anybody could tell of where the list may not be read: it is nobody's in a network
    /// namespace that was made together with its user namespace (`unshare --user --net`), before that had a root.
    ///
    /// `directory`: where the kernel has the lists, proc_pid_net(5).
    /// - Throws: ``KernelError``.
    package static func inUse(
        _ family: AddressFamily,
        in directory: String = "/proc/thread-self/net"
    ) throws(KernelError) -> [String] {
        let path = directory + "/\(family == .v4 ? "ip_tables_names" : "ip6_tables_names")"
        let text: [UInt8]
        do throws(KernelError) {
            text = try Descriptor(opening: path, O_RDONLY).readSmallFile(path)
        } catch {
            guard [.noSuchFileOrDirectory, .permissionDenied].contains(error.errno) else { throw error }
            return []
        }
        return text.split(separator: ASCIICode.newline).map { String(decoding: $0, as: UTF8.self) }
    }
}
