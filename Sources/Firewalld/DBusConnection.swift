// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// A connection to a message bus, for one question at a time.
struct DBusConnection: ~Copyable {
    private let socket: Descriptor
    private let bound: Duration
    private var received: [UInt8] = []
    private var serial: UInt32 = 0

    /// Connects, and introduces itself.
    ///
    /// `path`: of the bus's socket.
    /// `bound`: how long to wait for this, and again for each answer.
    /// - Throws: ``FirewalldError``.
    static func open(_ path: String, waitingAtMost bound: Duration) throws(FirewalldError) -> DBusConnection {
        let milliseconds = UInt32(clamping: Int64(bound / .milliseconds(1)))
        let result = culvert_connect_local(path, milliseconds)
        guard result >= 0 else {
            throw FirewalldError.unreachable(KernelError("connect to \(path)", Errno(rawValue: -result)))
        }
        var connection = DBusConnection(socket: Descriptor(adopting: result), bound: bound)
        try connection.authenticate()
        _ = try connection.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", [])
        return connection
    }

    private init(socket: consuming Descriptor, bound: Duration) {
        self.socket = socket
        self.bound = bound
    }

    /// Lets the bus ask the kernel who we are.
    ///
    /// Source: the D-Bus specification, "Authentication Protocol"; without a user's number of our own this works in
    /// user namespaces too.
    private mutating func authenticate() throws(FirewalldError) {
        let deadline = deadline()
        try send(Array("\0AUTH EXTERNAL\r\nDATA\r\n".utf8), by: deadline)
        guard try line(by: deadline) == "DATA" else { throw FirewalldError.malformed("no DATA after AUTH EXTERNAL") }
        let answer = try line(by: deadline)
        guard answer.utf8.starts(with: "OK ".utf8) else {
            throw FirewalldError.refused(name: "org.freedesktop.DBus.Error.AuthFailed", code: "", message: answer)
        }
        try send(Array("BEGIN\r\n".utf8), by: deadline)
    }

    /// Calls a method and waits for its answer; what else arrives is passed over.
    ///
    /// - Throws: ``FirewalldError``; `refused` when the answer is an error.
    mutating func call(
        _ destination: String,
        _ path: String,
        _ interface: String,
        _ member: String,
        _ arguments: [String]
    ) throws(FirewalldError) -> DBusMessage {
        serial += 1
        let deadline = deadline()
        let question = DBusMessage.call(
            serial: serial,
            destination: destination,
            path: path,
            interface: interface,
            member: member,
            arguments
        )
        try send(question.octets, by: deadline)
        while true {
            guard let message = try message(by: deadline), message.replySerial == serial else { continue }
            switch message.kind {
            case .methodReturn: return message
            case .error:
                let text = message.string ?? ""
                throw FirewalldError.refused(
                    name: message.errorName ?? "",
                    code: Self.code(message.errorName ?? "", text),
                    message: text
                )
            case .methodCall, .signal: continue
            }
        }
    }

    /// firewalld's code: what stands before the colon, or all of the text.
    private static func code(_ name: String, _ text: String) -> String {
        guard name == "org.fedoraproject.FirewallD1.Exception" else { return "" }
        return String(Substring(text.utf8.prefix { $0 != UInt8(ascii: ":") }))
    }
}

/// Octets in and out, with a bound.
extension DBusConnection {
    private func deadline() -> Int64 {
        Machine.bootNanoseconds + Int64(bound / .nanoseconds(1))
    }

    /// The next line of the introduction, without its end.
    private mutating func line(by deadline: Int64) throws(FirewalldError) -> String {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = received[..<end].filter { $0 != UInt8(ascii: "\r") }
                received.removeSubrange(...end)
                return String(decoding: line, as: UTF8.self)
            }
            guard received.count < 1024 else { throw FirewalldError.malformed("a line without end") }
            try receive(by: deadline)
        }
    }

    /// The next message; nil for one of an unknown kind.
    private mutating func message(by deadline: Int64) throws(FirewalldError) -> DBusMessage? {
        while true {
            switch DBusMessage.parse(received) {
            case .message(let message, let length):
                received.removeSubrange(..<length)
                return message
            case .malformed: throw FirewalldError.malformed("not a message of D-Bus")
            case .incomplete: try receive(by: deadline)
            }
        }
    }

    private mutating func receive(by deadline: Int64) throws(FirewalldError) {
        try wait(for: CInt(POLLIN), by: deadline)
        do throws(KernelError) {
            let bytes = try socket.readSome("answer of the system bus")
            guard !bytes.isEmpty else { throw KernelError("read answer of the system bus", .connectionReset) }
            received += bytes
        } catch {
            throw FirewalldError.unreachable(error)
        }
    }

    private func send(_ octets: [UInt8], by deadline: Int64) throws(FirewalldError) {
        var sent = 0
        while sent < octets.count {
            try wait(for: CInt(POLLOUT), by: deadline)
            let result = octets.withUnsafeBytes { buffer in
                CLinux.send(
                    socket.rawValue,
                    buffer.baseAddress?.advanced(by: sent),
                    buffer.count - sent,
                    CInt(MSG_NOSIGNAL | MSG_DONTWAIT)
                )
            }
            if result >= 0 {
                sent += result
            } else if Errno.current != .interrupted && Errno.current != .wouldBlock {
                throw FirewalldError.unreachable(KernelError("write to the system bus", Errno.current))
            }
        }
    }

    private func wait(for events: CInt, by deadline: Int64) throws(FirewalldError) {
        while true {
            let rest = deadline - Machine.bootNanoseconds
            guard rest > 0 else {
                throw FirewalldError.unreachable(KernelError("wait for the system bus", .timedOut))
            }
            var waiting = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
            let result = poll(&waiting, 1, CInt(clamping: rest / 1_000_000 + 1))
            if result > 0 { return }
            guard result == 0 || Errno.current == .interrupted else {
                throw FirewalldError.unreachable(KernelError("wait for the system bus", Errno.current))
            }
        }
    }
}
