// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Where clients connect to a daemon: a stream socket in the file system that only its owner may use.
package struct DaemonSocket: ~Copyable {
    package let listener: Descriptor
    package let path: String
    /// Whether a service manager handed it over, whose file stays.
    package let isInherited: Bool

    /// Takes the socket that a service manager handed over, or makes one.
    ///
    /// `path`: where to make it.
    /// - Throws: ``KernelError``; `EADDRINUSE` when a daemon listens there.
    package init(at path: String) throws(KernelError) {
        if let inherited = try DaemonSocket.inherited() {
            self.path = inherited.path
            listener = Descriptor(adopting: inherited.number)
            isInherited = true
            return
        }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            _ = try Directory(creating: String(path[..<slash]), mode: 0o700)
        }
        try DaemonSocket.clear(path)
        let number = culvert_listen_local(path)
        guard number >= 0 else { throw KernelError("listen at \(path)", Errno(rawValue: -number)) }
        listener = Descriptor(adopting: number)
        self.path = path
        isInherited = false
    }

    /// Removes the file that a daemon left which was killed.
    private static func clear(_ path: String) throws(KernelError) {
        let number = culvert_connect_local(path, 1000)
        guard number < 0 else {
            close(number)
            throw KernelError("listen at \(path)", .addressInUse, explanation: "a daemon is running")
        }
        guard Errno(rawValue: -number) == .connectionRefused else { return }
        unlink(path)
    }

    /// sd_listen_fds(3): the first descriptor, if it is meant for this process.
    private static func inherited() throws(KernelError) -> (number: CInt, path: String)? {
        guard let process = Machine.variable("LISTEN_PID").flatMap({ Int32($0) }), process == getpid(),
            let count = Machine.variable("LISTEN_FDS").flatMap({ Int32($0) }), count > 0
        else { return nil }
        let first: CInt = 3
        let result = culvert_adopt_descriptor(first)
        guard result == 0 else { throw KernelError("use the socket handed over", Errno(rawValue: result)) }
        var path = [CChar](repeating: 0, count: 256)
        let length = culvert_local_path(first, &path, path.count)
        guard length >= 0 else { throw KernelError("use the socket handed over", Errno(rawValue: CInt(-length))) }
        return (first, String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// The next connection that waits; nil when none does.
    ///
    /// - Throws: ``KernelError``; `EMFILE` when there are too many.
    package func accept() throws(KernelError) -> Descriptor? {
        let number = culvert_accept(listener.rawValue)
        if number >= 0 { return Descriptor(adopting: number) }
        let error = Errno(rawValue: -number)
        if [.wouldBlock, .interrupted, Errno(rawValue: ECONNABORTED)].contains(error) { return nil }
        throw KernelError("accept a connection at \(path)", error)
    }
}
