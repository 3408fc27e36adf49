// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// One client: asks once, is answered, and goes.
///
/// Nobody gets more than some seconds and some kilobytes.
final class HTTPConnection {
    private enum Stage {
        case asking
        case answering
        /// All is sent; what the client still sends is thrown away, so that the kernel does not take the answer back.
        case leaving
    }

    private let socket: Descriptor
    private var stage = Stage.asking
    private var received: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var sent = 0
    /// How much was thrown away.
    private var discarded = 0
    /// By ``Machine/bootNanoseconds``.
    private(set) var deadline: Int64

    /// For each stage, in nanoseconds.
    static let patience: Int64 = 5_000_000_000
    /// So much is thrown away of who keeps sending, in octets.
    private static let mostDiscarded = 1 << 20

    init(_ socket: consuming Descriptor, now: Int64) {
        self.socket = socket
        deadline = now + HTTPConnection.patience
    }

    var rawDescriptor: CInt { socket.rawValue }

    var isAsking: Bool { stage == .asking }

    /// What to wait for.
    var events: CInt { stage == .answering ? CInt(POLLOUT) : CInt(POLLIN) }

    /// Does what can be done without waiting.
    ///
    /// - Parameters:
    ///   - now: ``Machine/bootNanoseconds``.
    ///   - respond: answers a whole request.
    /// - Returns: false when the connection is over.
    func proceed(now: Int64, _ respond: (HTTPRequest) -> HTTPResponse) -> Bool {
        switch stage {
        case .asking:
            guard let more = read() else { return true }
            guard !more.isEmpty else { return false }
            received += more
            switch HTTPRequest.parse(received) {
            case .unfinished: return true
            case .refused(let status): return answer(HTTPResponse(status, "culvert: \(status.phrase)"), now: now)
            case .complete(let request): return answer(respond(request), now: now)
            }
        case .answering: return send(now: now)
        case .leaving:
            guard let more = read() else { return true }
            discarded += more.count
            return !more.isEmpty && discarded < HTTPConnection.mostDiscarded
        }
    }

    /// Its time is over.
    ///
    /// - Returns: false when the connection is over.
    func expire(now: Int64) -> Bool {
        guard stage == .asking, !received.isEmpty else { return false }
        return answer(HTTPResponse(.requestTimeout, "culvert: the request did not end"), now: now)
    }

    private func answer(_ response: HTTPResponse, now: Int64) -> Bool {
        received = []
        outgoing = response.octets
        stage = .answering
        deadline = now + HTTPConnection.patience
        return send(now: now)
    }

    private func send(now: Int64) -> Bool {
        while sent < outgoing.count {
            let result = outgoing.withUnsafeBytes { buffer in
                culvert_send_some(socket.rawValue, buffer.baseAddress?.advanced(by: sent), buffer.count - sent)
            }
            if result < 0 {
                let error = Errno(rawValue: CInt(-result))
                return error == .wouldBlock || error == .interrupted
            }
            sent += result
        }
        outgoing = []
        stage = .leaving
        deadline = now + HTTPConnection.patience
        return shutdown(socket.rawValue, CInt(SHUT_WR)) == 0
    }

    /// - Returns: nil when there is nothing to read now; nothing at the end, or when the connection broke.
    private func read() -> [UInt8]? {
        do throws(KernelError) {
            return try socket.read(upTo: HTTPRequest.longest)
        } catch {
            return error.errno == .wouldBlock || error.errno == .interrupted ? nil : []
        }
    }
}

extension Descriptor {
    /// So many octets at most: a client decides how many come, but not how many we take at once.
    fileprivate func read(upTo count: Int) throws(KernelError) -> [UInt8] {
        var error: Errno?
        let octets = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let result = CLinux.read(rawValue, buffer.baseAddress, count)
            if result < 0 { error = Errno.current }
            filled = max(0, result)
        }
        if let error { throw KernelError("read request", error) }
        return octets
    }
}
