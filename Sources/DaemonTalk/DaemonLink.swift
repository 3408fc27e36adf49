// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Linux

/// Why a daemon gave no answer.
package enum DaemonLinkError: Error, Sendable {
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

/// One question to a daemon, and its answer.
package struct DaemonLink: ~Copyable {
    private var connection: LocalConnection
    private let httpServer: String

    private static let longestLine = 64 << 20
    /// Who answers as HTTP does, as long as nobody knows better.
    package static let unknownServer = "a server of HTTP"

    /// Asks, and waits for the answer: as long as the daemon says it may take.
    ///
    /// - Parameters:
    ///   - question: a line, with its end.
    ///   - path: where the daemon listens.
    ///   - bound: how long to wait for each of connecting and answering.
    ///   - httpServer: who it is, in words, that answers as HTTP does.
    /// - Returns: the member `result` of the answer.
    /// - Throws: ``DaemonLinkError``.
    package static func ask(
        _ question: [UInt8],
        at path: String,
        waitingAtMost bound: Duration,
        httpServer: String = DaemonLink.unknownServer
    ) throws(DaemonLinkError) -> JSONValue {
        var link = try DaemonLink(asking: question, at: path, waitingAtMost: bound, httpServer: httpServer)
        return try link.answer(waitingAtMost: bound)
    }

    /// Connects, and asks; with ``answer(waitingAtMost:)`` and ``copies()`` for who asks for more than an answer.
    ///
    /// - Throws: ``DaemonLinkError``.
    package init(
        asking question: [UInt8],
        at path: String,
        waitingAtMost bound: Duration = .seconds(10),
        httpServer: String = DaemonLink.unknownServer
    ) throws(DaemonLinkError) {
        let connection: LocalConnection
        do throws(KernelError) {
            connection = try LocalConnection(to: path, waitingAtMost: bound)
        } catch {
            throw DaemonLinkError.absent(error)
        }
        do throws(KernelError) {
            try connection.send(question, by: LocalConnection.deadline(in: bound))
        } catch {
            // Whoever does not want to hear more may have said why.
            guard error.errno == .brokenPipe else { throw DaemonLinkError.silent(error) }
        }
        self.connection = connection
        self.httpServer = httpServer
    }

    /// The answer's `result`.
    ///
    /// - Throws: ``DaemonLinkError``.
    package mutating func answer(waitingAtMost bound: Duration = .seconds(10)) throws(DaemonLinkError) -> JSONValue {
        var deadline = LocalConnection.deadline(in: bound)
        while true {
            switch try understand(try line(by: deadline)) {
            case .wait(let seconds): deadline += Int64(seconds) * 1_000_000_000
            case .refusal(let refusal): throw refusal
            case .result(let result): return result
            }
        }
    }

    /// What follows the answer: some octets more of a stream, however long they take; none at its end.
    ///
    /// - Throws: ``DaemonLinkError``.
    package mutating func copies() throws(DaemonLinkError) -> [UInt8] {
        do throws(KernelError) {
            return try connection.takeSome()
        } catch {
            throw DaemonLinkError.silent(error)
        }
    }

    private enum Answer {
        case wait(Int)
        case refusal(DaemonLinkError)
        case result(JSONValue)
    }

    private func understand(_ line: [UInt8]) throws(DaemonLinkError) -> Answer {
        let reader = try read(line)
        do throws(JSONTypeError) {
            if let seconds = try reader.integer("wait", in: 0...86_400) { return .wait(seconds) }
            guard let refusal = try reader.object("error") else {
                return .result(try reader.member("result")?.value ?? .null)
            }
            return .refusal(
                .refused(
                    code: try refusal.integer("code", in: 0...Int(Int32.max)) ?? 999,
                    message: try refusal.string("msg") ?? "",
                    details: try refusal.string("details") ?? ""
                )
            )
        } catch {
            throw DaemonLinkError.stranger("an answer that makes no sense: \(error)")
        }
    }

    private func read(_ line: [UInt8]) throws(DaemonLinkError) -> JSONReader {
        do throws(JSONValue.SyntaxError) {
            return JSONReader(try JSONValue(parsing: line))
        } catch {
            // Go's RPC begins as HTTP does, and answers any other beginning as HTTP does.
            if line.starts(with: "HTTP/".utf8) { throw DaemonLinkError.stranger(httpServer) }
            throw DaemonLinkError.stranger("an answer that is not JSON")
        }
    }

    private mutating func line(by deadline: Int64) throws(DaemonLinkError) -> [UInt8] {
        do throws(KernelError) {
            if let line = try connection.line(by: deadline, limit: DaemonLink.longestLine) { return line }
        } catch {
            // Somebody who answers without a line's end.
            if error.errno == .connectionReset, connection.received.starts(with: "HTTP/".utf8) {
                return connection.received
            }
            throw DaemonLinkError.silent(error)
        }
        throw DaemonLinkError.stranger("an answer without end")
    }
}
