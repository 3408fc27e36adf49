// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import JSON
package import Linux

/// Why the daemon gave no answer.
package enum SwitchLinkError: Error, Sendable {
    /// Nobody listens at the socket.
    case absent(KernelError)
    /// Somebody listens there who is not ours, in words.
    case stranger(String)
    /// The daemon said nothing in time, or went away.
    case silent(KernelError)
    /// The daemon refused, with the code and the words of a CNI error.
    case refused(code: Int, message: String, details: String)

    /// The same in words.
    package var text: String {
        switch self {
        case .absent(let error): "\(error)"
        case .stranger(let words): words
        case .silent(let error): "\(error)"
        case .refused(_, let message, let details): details.isEmpty ? message : "\(message): \(details)"
        }
    }
}

/// One question to the daemon, and its answer.
package struct SwitchLink: ~Copyable {
    private let socket: Descriptor
    private let path: String
    private var received: [UInt8] = []

    /// Where the daemon listens unless somebody says otherwise.
    package static let usualPath = "/run/culvert/switchd.sock"

    private static let longestLine = 64 << 20

    /// Asks, and waits for the answer.
    ///
    /// `bound`: how long to wait for each of connecting and answering.
    /// - Returns: the member `result` of the answer.
    /// - Throws: ``SwitchLinkError``.
    package static func ask(
        _ question: SwitchQuestion,
        at path: String = SwitchLink.usualPath,
        waitingAtMost bound: Duration = .seconds(10)
    ) throws(SwitchLinkError) -> JSONValue {
        var link = try SwitchLink(question, at: path, waitingAtMost: bound)
        return try link.answer(waitingAtMost: bound)
    }

    /// Connects, and asks; with ``answer(waitingAtMost:)`` and ``copies()`` for who asks for copies.
    ///
    /// - Throws: ``SwitchLinkError``.
    package init(
        _ question: SwitchQuestion,
        at path: String = SwitchLink.usualPath,
        waitingAtMost bound: Duration = .seconds(10)
    ) throws(SwitchLinkError) {
        let result = culvert_connect_local(path, UInt32(clamping: Int64(bound / .milliseconds(1))))
        guard result >= 0 else {
            throw SwitchLinkError.absent(KernelError("connect to \(path)", Errno(rawValue: -result)))
        }
        let socket = Descriptor(adopting: result)
        let deadline = Machine.bootNanoseconds + Int64(bound / .nanoseconds(1))
        try SwitchLink.send(question.line, through: socket, path, by: deadline)
        self.socket = socket
        self.path = path
    }

    /// The answer's `result`.
    ///
    /// - Throws: ``SwitchLinkError``.
    package mutating func answer(waitingAtMost bound: Duration = .seconds(10)) throws(SwitchLinkError) -> JSONValue {
        let line = try line(by: Machine.bootNanoseconds + Int64(bound / .nanoseconds(1)))
        let reader: JSONReader
        do throws(JSONValue.SyntaxError) {
            reader = JSONReader(try JSONValue(parsing: line))
        } catch {
            throw SwitchLinkError.stranger("an answer that is not JSON")
        }
        var refused: SwitchLinkError?
        var result = JSONValue.null
        do throws(JSONTypeError) {
            if let refusal = try reader.object("error") {
                refused = .refused(
                    code: try refusal.integer("code", in: 0...Int(Int32.max)) ?? 999,
                    message: try refusal.string("msg") ?? "",
                    details: try refusal.string("details") ?? ""
                )
            } else {
                result = try reader.member("result")?.value ?? .null
            }
        } catch {
            throw SwitchLinkError.stranger("an answer that makes no sense: \(error)")
        }
        if let refused { throw refused }
        return result
    }

    /// What follows the answer: some octets more of a stream; none at its end.
    ///
    /// Waits as long as it takes; ``rawDescriptor`` can be waited on beside other things.
    /// - Throws: ``SwitchLinkError``.
    package mutating func copies() throws(SwitchLinkError) -> [UInt8] {
        if !received.isEmpty {
            let octets = received
            received = []
            return octets
        }
        do throws(KernelError) {
            return try socket.readSome("copies from \(path)")
        } catch {
            throw SwitchLinkError.silent(error)
        }
    }

    /// The connection's number; valid as long as this value lives.
    package var rawDescriptor: CInt { socket.rawValue }

    /// The next line, without its end.
    private mutating func line(by deadline: Int64) throws(SwitchLinkError) -> [UInt8] {
        var looked = 0
        while true {
            if let end = received[looked...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                return line
            }
            looked = received.count
            guard looked < SwitchLink.longestLine else { throw SwitchLinkError.stranger("an answer without end") }
            try SwitchLink.wait(for: CInt(POLLIN), of: socket, path, by: deadline)
            let octets: [UInt8]
            do throws(KernelError) {
                octets = try socket.readSome("answer of \(path)")
            } catch {
                throw SwitchLinkError.silent(error)
            }
            guard !octets.isEmpty else {
                throw SwitchLinkError.silent(KernelError("read answer of \(path)", .connectionReset))
            }
            received += octets
        }
    }

    private static func send(
        _ octets: [UInt8],
        through socket: borrowing Descriptor,
        _ path: String,
        by deadline: Int64
    ) throws(SwitchLinkError) {
        var sent = 0
        while sent < octets.count {
            try wait(for: CInt(POLLOUT), of: socket, path, by: deadline)
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
                // Whoever does not want to hear more may have said why.
                if Errno.current == Errno(rawValue: EPIPE) { return }
                throw SwitchLinkError.silent(KernelError("write to \(path)", Errno.current))
            }
        }
    }

    private static func wait(
        for events: CInt,
        of socket: borrowing Descriptor,
        _ path: String,
        by deadline: Int64
    ) throws(SwitchLinkError) {
        while true {
            let rest = deadline - Machine.bootNanoseconds
            guard rest > 0 else { throw SwitchLinkError.silent(KernelError("wait for \(path)", .timedOut)) }
            var waiting = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
            let result = poll(&waiting, 1, CInt(clamping: rest / 1_000_000 + 1))
            if result > 0 { return }
            guard result == 0 || Errno.current == .interrupted else {
                throw SwitchLinkError.silent(KernelError("wait for \(path)", Errno.current))
            }
        }
    }
}
