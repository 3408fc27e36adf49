// SPDX-License-Identifier: Apache-2.0
import CNI
import Plugin
import TestSupport
import Testing

@Suite("The interface that a call is about")
struct RequestInterfaceTests {
    /// Which of the interfaces, given as name and sandbox, are meant by `eth0` in `/run/netns/c1`.
    private static func concerned(_ interfaces: [(name: String, sandbox: String)]) throws -> [Bool] {
        let request = try Request(#"{"name": "net"}"#, ["CNI_NETNS": "/run/netns/c1"])
        let result = AddResult(
            interfaces: interfaces.map { AddResult.Interface(name: $0.name, sandbox: $0.sandbox) }
        )
        return result.interfaces.map { request.concerns($0, of: result) }
    }

    @Test("A namesake on the host, or in another sandbox, is not meant")
    func namesakes() throws {
        let all = [("eth0", ""), ("eth0", "/run/netns/c2"), ("eth0", "/run/netns/c1"), ("eth1", "/run/netns/c1")]
        #expect(try Self.concerned(all) == [false, false, true, false])
    }

    @Test("A sandbox that is known by another path will do, and without any the name")
    func unknownSandbox() throws {
        #expect(try Self.concerned([("eth0", ""), ("eth0", "/proc/7/ns/net")]) == [false, true])
        #expect(try Self.concerned([("eth0", ""), ("eth1", "")]) == [true, false])
    }
}
