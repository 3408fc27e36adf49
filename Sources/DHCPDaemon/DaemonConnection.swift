// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNI
internal import DHCPLeases
internal import JSON
internal import Linux

/// One plugin at the other end of the socket: asks once, is answered, and goes.
final class DaemonConnection {
    private let socket: Descriptor
    private var received: [UInt8] = []
    private var outgoing: [UInt8] = []
    /// Whether all has been said, so that it ends when all has been sent.
    private var isAnswered = false
    /// When it is closed however far it is; nil while it waits for an address.
    private(set) var deadline: Int64?

    /// A question is long when it lists survivors: so many octets are enough for tens of thousands.
    private static let longestQuestion = 4 << 20
    /// To ask, and again to take the answer, in nanoseconds.
    private static let patience: Int64 = 10_000_000_000

    init(_ socket: consuming Descriptor, now: Int64) {
        self.socket = socket
        deadline = now + DaemonConnection.patience
    }

    var rawDescriptor: CInt { socket.rawValue }

    /// What to wait for; that the other end is gone is always told.
    var events: CInt {
        if !outgoing.isEmpty { return CInt(POLLOUT) }
        return isAnswered || deadline == nil ? 0 : CInt(POLLIN)
    }

    enum Input {
        case more
        case line([UInt8])
        case end
    }

    /// Reads what has come.
    func read() -> Input {
        do throws(KernelError) {
            let bytes = try socket.readSome("question")
            guard !bytes.isEmpty else { return .end }
            received += bytes
        } catch {
            return error.errno == .wouldBlock ? .more : .end
        }
        // Questions have one line; whatever follows is not read.
        if let end = received.firstIndex(of: UInt8(ascii: "\n")) { return .line(Array(received[..<end])) }
        return received.count > DaemonConnection.longestQuestion ? .end : .more
    }

    /// Says how long the answer may take, and waits for whoever gives it.
    func promise(seconds: Int) {
        received = []
        deadline = nil
        outgoing += line(["wait": .integer(Int64(seconds))])
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

    private func finish(_ object: JSONObject, _ now: Int64) {
        received = []
        deadline = now + DaemonConnection.patience
        outgoing += line(object)
        isAnswered = true
    }

    /// Tells the reference's plugin, which speaks as HTTP begins, that it is in the wrong place; it passes the words on.
    func refuseReference(now: Int64) {
        received = []
        deadline = now + DaemonConnection.patience
        outgoing += "HTTP/1.0 501 here is culvert-dhcpd which serves only the dhcp plugin of Culvert\r\n\r\n".utf8
        isAnswered = true
    }

    private func line(_ object: JSONObject) -> [UInt8] {
        JSONValue.object(object).serialized() + [UInt8(ascii: "\n")]
    }

    /// Sends what can be sent.
    ///
    /// - Returns: false when the connection is at its end.
    func write() -> Bool {
        while !outgoing.isEmpty {
            let result = outgoing.withUnsafeBytes { buffer in
                CLinux.send(socket.rawValue, buffer.baseAddress, buffer.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if result < 0 {
                guard Errno.current != .interrupted else { continue }
                return Errno.current == .wouldBlock
            }
            outgoing.removeFirst(result)
        }
        return !isAnswered
    }
}
