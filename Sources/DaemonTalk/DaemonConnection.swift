// SPDX-License-Identifier: Apache-2.0
package import CNI
package import JSON
package import Linux

/// Somebody at the other end of a daemon's socket: asks once, is answered, and goes; or stays for what follows.
package final class DaemonConnection {
    private let socket: Descriptor
    private let longestQuestion: Int
    private var received: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var sent = 0
    /// Whether all has been said, so that it ends when all has been sent.
    package private(set) var isAnswered = false
    /// When it is closed however far it is; nil for who stays.
    package private(set) var deadline: Int64?

    /// To ask, and again to take the answer, in nanoseconds.
    private static let patience: Int64 = 10_000_000_000

    /// `longestQuestion`: of so many octets; whoever says more without a line's end is not listened to.
    package init(_ socket: consuming Descriptor, longestQuestion: Int, now: Int64) {
        self.socket = socket
        self.longestQuestion = longestQuestion
        deadline = now + DaemonConnection.patience
    }

    /// The connection's number, valid as long as this value lives.
    package var rawDescriptor: CInt { socket.rawValue }

    /// Whether something is still to be sent.
    package var hasOutgoing: Bool { sent < outgoing.count }

    /// What came of reading.
    package enum Input {
        case more
        case line([UInt8])
        case end
    }

    /// Reads what has come; once a question is answered, nothing that comes is read as another.
    package func read() -> Input {
        do throws(KernelError) {
            let octets = try socket.readSome("question")
            guard !octets.isEmpty else { return .end }
            guard deadline != nil, !isAnswered else { return .more }
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
        return received.count > longestQuestion ? .end : .more
    }

    /// Answers, and ends when that is sent.
    package func answer(_ result: JSONValue, now: Int64) {
        finish(line(["result": result]), now: now)
    }

    /// Refuses, and ends when that is sent.
    package func refuse(_ error: CNIError, now: Int64) {
        let object: JSONObject = [
            "code": .integer(Int64(error.code)), "msg": .string(error.message), "details": .string(error.details),
        ]
        finish(line(["error": .object(object)]), now: now)
    }

    /// Says the last thing in any language, and ends when that is sent.
    package func finish(_ octets: [UInt8], now: Int64) {
        deadline = now + DaemonConnection.patience
        outgoing += octets
        isAnswered = true
    }

    /// Says something, and stays for what is said later, however long that takes.
    package func stay(saying object: JSONObject) {
        deadline = nil
        outgoing += line(object)
    }

    /// Adds to what is to be sent, to who stays.
    package func send(_ octets: [UInt8]) {
        if hasOutgoing { return outgoing += octets }
        outgoing = octets
        sent = 0
    }

    private func line(_ object: JSONObject) -> [UInt8] {
        JSONValue.object(object).serialized() + [UInt8(ascii: "\n")]
    }

    /// Sends what can be sent.
    ///
    /// - Returns: false when the connection is at its end.
    package func write() -> Bool {
        while hasOutgoing {
            do throws(KernelError) {
                sent += try socket.sendSome(outgoing[sent...], "answer")
            } catch {
                return error.errno == .wouldBlock
            }
        }
        outgoing = []
        sent = 0
        return !isAnswered
    }
}
