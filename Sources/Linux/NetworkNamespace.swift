// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import SystemPackage

/// A handle on a network namespace; the namespace lives at least as long as the handle.
package struct NetworkNamespace: ~Copyable {
    private let descriptor: Descriptor
    /// Two handles with the same identity are the same namespace.
    package let identity: FileStatus.Identity

    /// Opens the namespace bound to a path, such as `/run/netns/blue` or `/proc/1234/ns/net`.
    ///
    /// - Throws: ``KernelError``; `ENOENT` when the path is gone, `EINVAL` when it is a file of another kind (a mount
    ///   that was lost leaves a plain file behind).
    package init(path: String) throws(KernelError) {
        let descriptor = try Descriptor(opening: path, O_RDONLY)
        let verdict = culvert_is_network_namespace(descriptor.rawValue)
        guard verdict >= 0 else { throw KernelError("stat \(path)", Errno(rawValue: -verdict)) }
        guard verdict == 1 else {
            throw KernelError("open \(path)", .invalidArgument, explanation: "it is not a network namespace")
        }
        identity = try descriptor.status(path).identity
        self.descriptor = descriptor
    }

    /// The namespace this thread is in.
    ///
    /// - Throws: ``KernelError``.
    package static func current() throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(path: "/proc/thread-self/ns/net")
    }

    /// The descriptor's number, for netlink requests that name a namespace; valid as long as this value lives.
    package var rawDescriptor: CInt { descriptor.rawValue }

    /// Runs a tiny body inside, and returns home.
    ///
    /// Use it to open a socket or to write a sysctl: a socket stays abroad, so one visit serves a whole verb. The body
    /// must stay on this thread (setns(2) is per thread).
    ///
    /// - Throws: what the body throws, or ``KernelError`` when the namespace cannot be entered.
    package borrowing func run<Value: ~Copyable>(
        from home: borrowing NetworkNamespace,
        _ body: () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        let entered = culvert_enter_network_namespace(descriptor.rawValue)
        guard entered == 0 else { throw KernelError("enter network namespace", Errno(rawValue: entered)) }
        defer {
            // Anything this thread does next would hit the container's network instead of the host's.
            precondition(
                culvert_enter_network_namespace(home.descriptor.rawValue) == 0,
                "cannot return to the host's network namespace"
            )
        }
        return try body()
    }
}

extension KernelError {
    /// Whether opening a namespace failed because it is gone: no such path, or the plain file that a lost mount leaves.
    package var isMissingNamespace: Bool {
        [.noSuchFileOrDirectory, .notDirectory, .invalidArgument].contains(errno)
    }
}
