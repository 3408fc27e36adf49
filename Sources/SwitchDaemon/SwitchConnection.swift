// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNI
internal import JSON
internal import Linux

/// Somebody at the other end of the socket: asks once, is answered, and goes; or stays for copies of frames.
final class SwitchConnection {
    private let socket: Descriptor
    private var received: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var sent = 0
    /// Whether all has been said, so that it ends when all has been sent.
    private var isAnswered = false
    /// Whether the loop waits for room to write.
    var isWaitingToWrite = false
    /// When it is closed however far it is; nil for who looks on.
    private(set) var deadline: Int64?
    /// The port that it looks on through.
    var lookout: OpenPort?

    /// The longest question traces a frame of 64 KiB, in two digits for each octet.
    private static let longestQuestion = 1 << 20
    /// To ask, and again to take the answer, in nanoseconds.
    private static let patience: Int64 = 10_000_000_000

    init(_ socket: consuming Descriptor, now: Int64) {
        self.socket = socket
        deadline = now + SwitchConnection.patience
    }

    var rawDescriptor: CInt { socket.rawValue }
    var hasOutgoing: Bool { sent < outgoing.count }

    enum Input {
        case more
        case line([UInt8])
        case end
    }

    /// Reads what has come; after the answer nothing that comes is read as a question.
    func read() -> Input {
        do throws(KernelError) {
            let octets = try socket.readSome("question")
            guard !octets.isEmpty else { return .end }
            guard !isAnswered, lookout == nil else { return .more }
            received += octets
        } catch {
            return error.errno == .wouldBlock ? .more : .end
        }
        // Questions have one line; whatever follows is not read.
        if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(received[..<end])
            received = []
            return .line(line)
        }
        return received.count > SwitchConnection.longestQuestion ? .end : .more
    }

    func answer(_ result: JSONValue, now: Int64) {
        finish(["result": result], now)
    }

    func refuse(_ error: CNIError, now: Int64) {
        let object: JSONObject = [
            "code": .integer(Int64(error.code)), "msg": .string(error.message), "details": .string(error.details),
        ]
        finish(["error": .object(object)], now)
    }

    /// Answers, and stays for copies.
    func lookOn(through port: OpenPort, _ result: JSONValue) {
        outgoing += JSONValue.object(["result": result] as JSONObject).serialized() + [UInt8(ascii: "\n")]
        deadline = nil
        lookout = port
    }

    private func finish(_ object: JSONObject, _ now: Int64) {
        deadline = now + SwitchConnection.patience
        outgoing += JSONValue.object(object).serialized() + [UInt8(ascii: "\n")]
        isAnswered = true
    }

    /// Adds to what is to be sent, when nothing waits.
    func send(_ octets: [UInt8]) {
        outgoing = octets
        sent = 0
    }

    /// Sends what can be sent.
    ///
    /// - Returns: false when the connection is at its end.
    func write() -> Bool {
        while sent < outgoing.count {
            let result = outgoing.withUnsafeBytes { buffer in
                CLinux.send(
                    socket.rawValue,
                    buffer.baseAddress?.advanced(by: sent),
                    buffer.count - sent,
                    CInt(MSG_NOSIGNAL | MSG_DONTWAIT)
                )
            }
            if result < 0 {
                guard Errno.current != .interrupted else { continue }
                return Errno.current == .wouldBlock
            }
            sent += result
        }
        outgoing = []
        sent = 0
        return !isAnswered
    }
}
