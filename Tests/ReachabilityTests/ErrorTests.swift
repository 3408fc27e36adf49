// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Reachability
import Testing

@Suite("Errors on their way back to the sender")
struct ErrorTests {
    private let forward = ChainHook(.filter, .forward, priority: .filter, policy: .accept)

    /// Sends what goes to port 80 of the host's uplink to the second container.
    private func publish(_ small: inout SmallHost) throws {
        let target = try #require(IPAddress("10.0.0.3"))
        let hook = ChainHook(.nat, .prerouting, priority: .dstnat)
        small.add(.inet, hook, [[.tcpDport(80), .dnat(.address(target, ports: 80...80), [])]], table: "n")
    }

    @Test("Nobody is told of a rejection when there is no way back to the sender")
    func noWayBack() throws {
        var small = try SmallHost()
        small.add(.inet, forward, [[.reject(.icmpx(code: 1))]])
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .refused)
        var hole = try small.route("10.0.0.2/32", nil)
        hole.kind = .blackhole
        small.model.namespaces[0].routes.append(hole)
        let verdict = try small.trace(1, "198.51.100.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("the sender is not told"))
    }

    @Test("A rule that drops what belongs to a connection drops the error about it, too")
    func droppedError() throws {
        var small = try SmallHost()
        small.add(.inet, forward, [[.reject(.icmpx(code: 1))]])
        let output = ChainHook(.filter, .output, priority: .filter, policy: .accept)
        small.add(.inet, output, [[.ctState(.related), .drop]], chain: "o")
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .dropped)
        #expect(try small.trace(0, "10.0.0.3").verdict.outcome == .connected)
    }

    @Test("An error about a translated destination is translated back, a reset past the bridge is not")
    func translated() throws {
        var small = try SmallHost()
        try publish(&small)
        small.add(.inet, forward, [[.reject(.icmpx(code: 1))]])
        #expect(try small.trace(1, "192.0.2.1").verdict.outcome == .refused)
        small = try SmallHost()
        try publish(&small)
        small.add(.inet, forward, [[.tcpDport(80), .reject(.tcpReset)]])
        #expect(try small.trace(1, "192.0.2.1").verdict.outcome == .refused)
        small.model.namespaces[0].settings["bridge/bridge-nf-call-iptables"] = 1
        let verdict = try small.trace(1, "192.0.2.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("whom the sender did not ask"))
    }

    @Test("An answer past who translated the question is none")
    func answerPastTranslation() throws {
        var small = try SmallHost()
        try publish(&small)
        // The second container answers the first one over the bridge.
        let verdict = try small.trace(1, "192.0.2.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("10.0.0.3:80"))
        small.add(.inet, ChainHook(.nat, .postrouting, priority: .srcnat), [[.masquerade]], table: "m")
        #expect(try small.trace(1, "192.0.2.1").verdict.outcome == .connected)
    }

    @Test("That nobody hears a datagram is told by ICMP, whatever rules say of UDP")
    func datagrams() throws {
        var small = try SmallHost()
        let output = ChainHook(.filter, .output, priority: .filter, policy: .accept)
        small.add(.inet, output, [[.l4proto(.udp), .drop]], chain: "o")
        let gateway = try #require(IPAddress("10.0.0.1"))
        var flow = Flow(origin: 1, destination: gateway, transport: .udp, destinationPort: 9)
        #expect(Trace(flow, on: small.model).verdict.outcome == .refused)
        small.add(.inet, output, [[.l4proto(.icmp), .drop]], chain: "p")
        #expect(Trace(flow, on: small.model).verdict.outcome == .dropped)
        flow.transport = .tcp
        #expect(Trace(flow, on: small.model).verdict.outcome == .refused)
    }
}
