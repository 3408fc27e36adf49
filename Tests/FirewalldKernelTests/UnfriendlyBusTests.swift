// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import TestSupport
import Testing

@testable import Firewalld

/// What a listener on a socket does with each connection.
private enum Behaviour: Sendable {
    /// Accepts nobody.
    case deaf
    /// Closes at once.
    case rude
    /// Sends this and then nothing.
    case says([UInt8])
}

/// Calls a body with the address of a bus that is none.
private func withBus(
    _ behaviour: Behaviour,
    _ body: @escaping @Sendable (String) -> FirewalldError?
) throws -> FirewalldError? {
    try withTemporaryDirectory { directory in
        let path = "\(directory)/bus"
        return try OwnThread {
            let listener = Descriptor(adopting: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
            try bindAndListen(listener.rawValue, path)
            // The other thread has descriptors of its own.
            let client = try OwnThread { body("unix:path=\(path)") }
            if case .deaf = behaviour { return try client.join() }
            let connection = Descriptor(adopting: accept(listener.rawValue, nil, nil))
            if case .says(let octets) = behaviour {
                try connection.writeAll(octets, "answer")
                // Until the other side is gone.
                do throws(KernelError) {
                    while try !connection.readSome("question").isEmpty {}
                } catch {
                    guard error.errno == .connectionReset else { throw error }
                }
            }
            _ = consume connection
            return try client.join()
        }.join()
    }
}

private func bindAndListen(_ number: CInt, _ path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard result == 0, listen(number, 1) == 0 else { throw KernelError("listen on \(path)", .current) }
}

private func error(_ address: String) -> FirewalldError? {
    do throws(FirewalldError) {
        _ = try FirewallDaemon.find(at: address, waitingAtMost: .milliseconds(200))
        return nil
    } catch {
        return error
    }
}

@Suite("A bus that is no bus")
struct UnfriendlyBusTests {
    private static let ok = Array("DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n".utf8)

    @Test("Who never answers is waited for no longer than was said")
    func deaf() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let refusal = try withBus(.deaf, error)
        #expect(refusal == .unreachable(KernelError("wait for the system bus", .timedOut)))
        #expect(clock.now - start < .seconds(20))
    }

    @Test("Who answers the introduction only is not waited for either")
    func halfDeaf() throws {
        #expect(try withBus(.says(Self.ok), error) == .unreachable(KernelError("wait for the system bus", .timedOut)))
    }

    @Test("Who hangs up is unreachable")
    func rude() throws {
        guard case .unreachable(let refusal) = try withBus(.rude, error) else {
            Issue.record("not unreachable")
            return
        }
        #expect([Errno(rawValue: ECONNRESET), Errno(rawValue: EPIPE)].contains(refusal.errno))
    }

    @Test("Who says no is believed")
    func rejected() throws {
        let refusal = try withBus(.says(Array("DATA\r\nREJECTED EXTERNAL\r\n".utf8)), error)
        let name = "org.freedesktop.DBus.Error.AuthFailed"
        #expect(refusal == .refused(name: name, code: "", message: "REJECTED EXTERNAL"))
    }

    @Test("Who talks nonsense is malformed")
    func nonsense() throws {
        #expect(try withBus(.says(Array("220 mail\r\n".utf8)), error) == .malformed("no DATA after AUTH EXTERNAL"))
        let long = [UInt8](repeating: 0x61, count: 5000)
        #expect(try withBus(.says(long), error) == .malformed("a line without end"))
        let message = Self.ok + [0x47, 0x45, 0x54]
        #expect(try withBus(.says(message), error) == .malformed("not a message of D-Bus"))
    }

    @Test("Without a socket, or with one that nobody listens to, there is no firewalld")
    func nobody() throws {
        try withTemporaryDirectory { directory in
            #expect(error("unix:path=\(directory)/none") == nil)
            #expect(!FirewallDaemon.isRunning(at: "unix:path=\(directory)/none"))
            let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            try bindAndListen(number, "\(directory)/left")
            close(number)
            #expect(error("unix:path=\(directory)/left") == nil)
            #expect(!FirewallDaemon.isRunning(at: "unix:path=\(directory)/left"))
        }
    }
}
