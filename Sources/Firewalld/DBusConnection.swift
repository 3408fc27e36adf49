// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// A connection to a message bus, for one question at a time.
struct DBusConnection: ~Copyable {
    private var connection: LocalConnection
    private let bound: Duration
    private var serial: UInt32 = 0

    /// Connects, and introduces itself.
    ///
    /// `path`: of the bus's socket.
    /// `bound`: how long to wait for this, and again for each answer.
    /// - Throws: ``FirewalldError``.
    static func open(_ path: String, waitingAtMost bound: Duration) throws(FirewalldError) -> DBusConnection {
        var bus: DBusConnection
        do throws(KernelError) {
            let connection = try LocalConnection(to: path, named: "the system bus", waitingAtMost: bound)
            bus = DBusConnection(connection, bound: bound)
        } catch {
            throw FirewalldError.unreachable(error)
        }
        try bus.authenticate()
        _ = try bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", [])
        return bus
    }

    private init(_ connection: consuming LocalConnection, bound: Duration) {
        self.connection = connection
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
        LocalConnection.deadline(in: bound)
    }

    /// The next line of the introduction, without its end.
    private mutating func line(by deadline: Int64) throws(FirewalldError) -> String {
        let line: [UInt8]?
        do throws(KernelError) {
            line = try connection.line(by: deadline, limit: 1024)
        } catch {
            throw FirewalldError.unreachable(error)
        }
        guard let line else { throw FirewalldError.malformed("a line without end") }
        return String(decoding: line.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    }

    /// The next message; nil for one of an unknown kind.
    private mutating func message(by deadline: Int64) throws(FirewalldError) -> DBusMessage? {
        while true {
            switch DBusMessage.parse(connection.received) {
            case .message(let message, let length):
                connection.received.removeSubrange(..<length)
                return message
            case .malformed: throw FirewalldError.malformed("not a message of D-Bus")
            case .incomplete:
                do throws(KernelError) {
                    try connection.receive(by: deadline)
                } catch {
                    throw FirewalldError.unreachable(error)
                }
            }
        }
    }

    private func send(_ octets: [UInt8], by deadline: Int64) throws(FirewalldError) {
        do throws(KernelError) {
            try connection.send(octets, by: deadline)
        } catch {
            throw FirewalldError.unreachable(error)
        }
    }
}
