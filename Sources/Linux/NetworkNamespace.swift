// SPDX-License-Identifier: Apache-2.0
internal import CLinux

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
        // Without waiting for somebody to write, should it be a pipe.
        let descriptor = try Descriptor(opening: path, O_RDONLY | O_NONBLOCK)
        let verdict = culvert_is_network_namespace(descriptor.rawValue)
        guard verdict >= 0 else { throw KernelError("stat \(path)", Errno(rawValue: -verdict)) }
        guard verdict == 1 else {
            throw KernelError("open \(path)", .invalidArgument, explanation: "it is not a network namespace")
        }
        try self.init(adopting: descriptor, path)
    }

    private init(adopting descriptor: consuming Descriptor, _ name: String) throws(KernelError) {
        identity = try descriptor.status(name).identity
        self.descriptor = descriptor
    }

    /// The namespace this thread is in.
    ///
    /// - Throws: ``KernelError``.
    package static func current() throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(ofSocket: -1)
    }

    /// The namespace that a socket of any kind was opened in.
    ///
    /// - Parameter socket: its descriptor; a negative number stands for the namespace this thread is in.
    /// - Throws: ``KernelError``.
    package init(ofSocket socket: CInt) throws(KernelError) {
        let result = culvert_open_network_namespace(socket)
        guard result >= 0 else { throw KernelError("open the host's network namespace", Errno(rawValue: -result)) }
        try self.init(adopting: Descriptor(adopting: result), "the host's network namespace")
    }

    /// The descriptor's number, for netlink requests that name a namespace; valid as long as this value lives.
    package var rawDescriptor: CInt { descriptor.rawValue }

    /// Runs a tiny body inside, and returns home.
    ///
    /// Use it to open a socket or to write a sysctl: a socket stays abroad, so one visit serves a whole verb. The body
    /// must stay on this thread (setns(2) is per thread).
    ///
    /// - Throws: what the body throws, or ``KernelError`` when the namespace cannot be entered or left. Who cannot get
    ///   home must do nothing more but take back through sockets that were opened there.
    package borrowing func run<Value: ~Copyable>(
        from home: borrowing NetworkNamespace,
        _ body: () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        try enter("enter network namespace")
        let value: Value
        do throws(KernelError) {
            value = try body()
        } catch {
            try home.enter("return to the host's network namespace")
            throw error
        }
        try home.enter("return to the host's network namespace")
        return value
    }

    private func enter(_ operation: String) throws(KernelError) {
        let result = culvert_enter_network_namespace(descriptor.rawValue)
        guard result == 0 else { throw KernelError(operation, Errno(rawValue: result)) }
    }
}

extension KernelError {
    /// Whether opening a namespace failed because it is gone: no such path, or the plain file that a lost mount leaves.
    package var isMissingNamespace: Bool {
        [.noSuchFileOrDirectory, .notDirectory, .invalidArgument].contains(errno)
    }
}
