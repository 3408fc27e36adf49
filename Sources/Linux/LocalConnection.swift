// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A connection to whoever listens at a local socket, on which nothing takes longer than its deadline.
///
/// Deadlines are moments of ``Machine/bootNanoseconds``; ``deadline(in:)`` makes one.
package struct LocalConnection: ~Copyable {
    private let socket: Descriptor
    private let peer: String
    /// What has come, and nobody has taken.
    package var received: [UInt8] = []

    /// Connects.
    ///
    /// `path`: of the socket.
    /// `peer`: who listens there, for errors; the path when it is empty.
    /// `bound`: how long to wait for a place in the queue.
    /// - Throws: ``KernelError``; `ENOENT` or `ECONNREFUSED` when nobody listens.
    package init(to path: String, named peer: String = "", waitingAtMost bound: Duration) throws(KernelError) {
        let result = culvert_connect_local(path, UInt32(clamping: Int64(bound / .milliseconds(1))))
        guard result >= 0 else { throw KernelError("connect to \(path)", Errno(rawValue: -result)) }
        socket = Descriptor(adopting: result)
        self.peer = peer.isEmpty ? path : peer
    }

    /// The moment that is so far away.
    package static func deadline(in bound: Duration) -> Int64 {
        Machine.bootNanoseconds + Int64(bound / .nanoseconds(1))
    }

    /// Sends all of it.
    ///
    /// - Throws: ``KernelError``; `ETIMEDOUT` at the deadline, `EPIPE` when the other end takes no more.
    package func send(_ octets: [UInt8], by deadline: Int64) throws(KernelError) {
        var sent = 0
        while sent < octets.count {
            try wait(for: CInt(POLLOUT), by: deadline)
            do throws(KernelError) {
                sent += try socket.sendSome(octets[sent...], "to \(peer)")
            } catch {
                guard error.errno == .wouldBlock else { throw error }
            }
        }
    }

    /// Adds what comes next to ``received``: at least one octet.
    ///
    /// - Throws: ``KernelError``; `ETIMEDOUT` at the deadline, `ECONNRESET` at the end.
    package mutating func receive(by deadline: Int64) throws(KernelError) {
        try wait(for: CInt(POLLIN), by: deadline)
        let octets = try socket.readSome("answer of \(peer)")
        guard !octets.isEmpty else { throw KernelError("read answer of \(peer)", .connectionReset) }
        received += octets
    }

    /// Takes the next line, without its end.
    ///
    /// - Parameters:
    ///   - deadline: until when to wait for its end.
    ///   - limit: the longest line there may be.
    /// - Returns: nil when that many octets are no line.
    /// - Throws: ``KernelError``, as ``receive(by:)``.
    package mutating func line(by deadline: Int64, limit: Int) throws(KernelError) -> [UInt8]? {
        var looked = 0
        while true {
            if let end = received[looked...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                return line
            }
            looked = received.count
            guard looked < limit else { return nil }
            try receive(by: deadline)
        }
    }

    /// Takes what has come, or what comes next, however long that takes; nothing at the end.
    ///
    /// - Throws: ``KernelError``.
    package mutating func takeSome() throws(KernelError) -> [UInt8] {
        guard !received.isEmpty else { return try socket.readSome("from \(peer)") }
        let octets = received
        received = []
        return octets
    }

    private func wait(for events: CInt, by deadline: Int64) throws(KernelError) {
        while true {
            let rest = deadline - Machine.bootNanoseconds
            guard rest > 0 else { throw KernelError("wait for \(peer)", .timedOut) }
            var waiting = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
            let result = poll(&waiting, 1, CInt(clamping: rest / 1_000_000 + 1))
            if result > 0 { return }
            guard result == 0 || Errno.current == .interrupted else {
                throw KernelError("wait for \(peer)", Errno.current)
            }
        }
    }
}
