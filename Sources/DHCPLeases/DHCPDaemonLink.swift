// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import JSON
package import Linux

/// Why the daemon gave no answer.
package enum DHCPDaemonError: Error, Sendable {
    /// Nobody listens at the socket.
    case absent(KernelError)
    /// Somebody listens there who is not ours, in words.
    case stranger(String)
    /// The daemon said nothing in time, or went away.
    case silent(KernelError)
    /// The daemon refused, with the code and the words of a CNI error.
    case refused(code: Int, message: String, details: String)
}

/// One question to the daemon, and its answer.
package struct DHCPDaemonLink: ~Copyable {
    private let socket: Descriptor
    private let path: String
    private var received: [UInt8] = []

    /// Where the daemon listens unless somebody says otherwise: the reference's.
    package static let usualPath = "/run/cni/dhcp.sock"

    /// How long the daemon may need for what takes no time.
    private static let bound = Duration.seconds(10)
    private static let longestLine = 16 << 20

    /// Asks, and waits for the answer: as long as the daemon says it may take.
    ///
    /// - Returns: the member `result` of the answer.
    /// - Throws: ``DHCPDaemonError``.
    package static func ask(_ question: DHCPQuestion, at path: String) throws(DHCPDaemonError) -> JSONValue {
        let milliseconds = UInt32(clamping: Int64(bound / .milliseconds(1)))
        let result = culvert_connect_local(path, milliseconds)
        guard result >= 0 else {
            throw DHCPDaemonError.absent(KernelError("connect to \(path)", Errno(rawValue: -result)))
        }
        var link = DHCPDaemonLink(socket: Descriptor(adopting: result), path: path)
        return try link.ask(question)
    }

    private init(socket: consuming Descriptor, path: String) {
        self.socket = socket
        self.path = path
    }

    private mutating func ask(_ question: DHCPQuestion) throws(DHCPDaemonError) -> JSONValue {
        var deadline = Machine.bootNanoseconds + Int64(DHCPDaemonLink.bound / .nanoseconds(1))
        try send(question.line, by: deadline)
        while true {
            switch try understand(try line(by: deadline)) {
            case .wait(let seconds): deadline += Int64(seconds) * 1_000_000_000
            case .refusal(let refusal): throw refusal
            case .result(let result): return result
            }
        }
    }

    private enum Answer {
        case wait(Int)
        case refusal(DHCPDaemonError)
        case result(JSONValue)
    }

    private func understand(_ line: [UInt8]) throws(DHCPDaemonError) -> Answer {
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
            throw DHCPDaemonError.stranger("an answer that makes no sense: \(error)")
        }
    }

    private func read(_ line: [UInt8]) throws(DHCPDaemonError) -> JSONReader {
        do throws(JSONValue.SyntaxError) {
            return JSONReader(try JSONValue(parsing: line))
        } catch {
            // Go's RPC begins as HTTP does, and answers any other beginning as HTTP does.
            if line.starts(with: "HTTP/".utf8) {
                throw DHCPDaemonError.stranger("the reference's daemon, which speaks another language")
            }
            throw DHCPDaemonError.stranger("an answer that is not JSON")
        }
    }

    /// The next line, without its end.
    private mutating func line(by deadline: Int64) throws(DHCPDaemonError) -> [UInt8] {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                return line
            }
            guard received.count < DHCPDaemonLink.longestLine else {
                throw DHCPDaemonError.stranger("an answer without end")
            }
            try wait(for: CInt(POLLIN), by: deadline)
            let bytes: [UInt8]
            do throws(KernelError) {
                bytes = try socket.readSome("answer of \(path)")
            } catch {
                throw DHCPDaemonError.silent(error)
            }
            guard !bytes.isEmpty else {
                // Somebody who answers without a line's end.
                if received.starts(with: "HTTP/".utf8) { return received }
                throw DHCPDaemonError.silent(KernelError("read answer of \(path)", .connectionReset))
            }
            received += bytes
        }
    }

    private func send(_ octets: [UInt8], by deadline: Int64) throws(DHCPDaemonError) {
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
                // Whoever does not want to hear more may have said why.
                if Errno.current == Errno(rawValue: EPIPE) { return }
                throw DHCPDaemonError.silent(KernelError("write to \(path)", Errno.current))
            }
        }
    }

    private func wait(for events: CInt, by deadline: Int64) throws(DHCPDaemonError) {
        while true {
            let rest = deadline - Machine.bootNanoseconds
            guard rest > 0 else { throw DHCPDaemonError.silent(KernelError("wait for \(path)", .timedOut)) }
            var waiting = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
            let result = poll(&waiting, 1, CInt(clamping: rest / 1_000_000 + 1))
            if result > 0 { return }
            guard result == 0 || Errno.current == .interrupted else {
                throw DHCPDaemonError.silent(KernelError("wait for \(path)", Errno.current))
            }
        }
    }
}
