// SPDX-License-Identifier: Apache-2.0
import CLinux
package import Linux
package import Netlink

/// Whether this process may make network namespaces, which takes root.
package let canUnshare: Bool = {
    do {
        return try OwnThread { culvert_unshare_network_namespace() == 0 }.join()
    } catch {
        return false
    }
}()

/// Runs a body on a thread of its own in a network namespace of its own, in which nothing but `lo` is up.
///
/// Look inside, assert outside: return what was seen.
///
/// - Returns: what the body returned.
/// - Throws: what the body threw, or ``LeakedDescriptors``.
package func inNewNamespace<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    try OwnThread {
        try unshareNetwork()
        return try body()
    }.join()
}

/// A second namespace, of a container say, for a thread that is in a new one already.
///
/// - Returns: a handle; the namespace dies with it.
package func anotherNamespace() throws -> NetworkNamespace {
    let home = try NetworkNamespace.current()
    try unshareNetwork()
    let other = try NetworkNamespace.current()
    let result = culvert_enter_network_namespace(home.rawDescriptor)
    guard result == 0 else { throw KernelError("return to the first namespace", Errno(rawValue: result)) }
    return other
}

/// Puts an empty directory over one, for the calling thread and the programs that it runs.
///
/// For a thread of its own: there is no way back.
package func hideDirectory(_ path: String) throws {
    let result = culvert_own_mounts()
    guard result == 0 else { throw KernelError("unshare mounts", Errno(rawValue: result)) }
    let arguments = ["mount", "-t", "tmpfs", "none", path]
    let child = try ChildProcess.run("/usr/bin/mount", arguments, environment: [], input: [])
    guard child.ending == .exited(0) else { throw KernelError("hide \(path)", .invalidArgument) }
}

/// Mounts a BPF file system for the calling thread and the programs that it runs.
///
/// For a thread of its own: there is no way back.
package func ownPrograms() throws {
    let result = culvert_own_mounts()
    guard result == 0 else { throw KernelError("unshare mounts", Errno(rawValue: result)) }
    let mounted = culvert_mount_programs("/sys/fs/bpf")
    guard mounted == 0 else { throw KernelError("mount a BPF file system", Errno(rawValue: mounted)) }
}

extension NetworkNamespace {
    /// A path for CNI_NETNS, good on this thread while the handle lives.
    package var path: String { "/proc/thread-self/fd/\(rawDescriptor)" }

    /// A socket inside, for a thread that is in `home`.
    package borrowing func socket(from home: borrowing NetworkNamespace) throws(KernelError) -> NetlinkSocket {
        try run(from: home) { () throws(KernelError) in try NetlinkSocket() }
    }
}

private func unshareNetwork() throws {
    let result = culvert_unshare_network_namespace()
    guard result == 0 else { throw KernelError("unshare network namespace", Errno(rawValue: result)) }
    // The first link of every namespace is its loopback interface.
    try NetlinkSocket().execute(.setUp(true, link: 1, name: "lo"))
}
