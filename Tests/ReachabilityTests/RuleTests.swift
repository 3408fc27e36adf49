// SPDX-License-Identifier: Apache-2.0
import Addressing
import Doctor
import PacketFilter
import Reachability
import Testing

@Suite("Rules on the way of a flow")
struct RuleTests {
    private let forward = ChainHook(.filter, .forward, priority: .filter, policy: .accept)
    private let unknown = Expression.unknown(name: "socket", octets: [])

    @Test("A drop names its rule, and an accept elsewhere helps nothing")
    func drop() throws {
        var small = try SmallHost()
        let source = try #require(IPAddress("10.0.0.2"))
        small.add(.inet, forward, [[.match(.ipSaddr, .address(source)), .drop]])
        small.add(.ip, forward, [[.accept]], table: "other")
        let verdict = try small.trace(1, "198.51.100.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("rule 1 of chain inet t c"))
        #expect(try small.trace(2, "198.51.100.1").verdict.outcome == .connected)
    }

    @Test("A policy of drop lets only answers through, and is what the doctor finds")
    func policy() throws {
        var small = try SmallHost()
        var hook = forward
        hook.policy = .drop
        small.add(.inet, hook, [[.match(.ctState, .state(.established)), .accept]])
        let verdict = try small.trace(1, "198.51.100.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.finding == .forwardDropped)
    }

    @Test("Answers that are dropped on their way back are told")
    func answers() throws {
        var small = try SmallHost()
        small.add(.inet, forward, [[.match(.iifname, .name("eth0")), .drop]])
        let verdict = try small.trace(1, "198.51.100.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("no answer comes back"))
    }

    @Test("A rule that asks for the way back takes any of several")
    func wayBack() throws {
        var small = try SmallHost()
        let rule: [Expression] = [
            .fib(.oif, [.saddr, .iif], to: .word(0)), .compare(.equal, .word(0), [0, 0, 0, 0]), .verdict(.drop),
        ]
        small.add(rule, to: .prerouting)
        #expect(try small.trace(1, "192.0.2.1").verdict.outcome == .refused)
        let number = try #require(small.model.namespaces[0].routes.firstIndex { $0.link == 10 })
        small.model.namespaces[0].routes[number].ways = [10, 20]
        #expect(try small.trace(1, "192.0.2.1").verdict.outcome == .refused)
        small.model.namespaces[0].routes[number].ways = [20, 10]
        small.model.namespaces[0].routes[number].link = 20
        #expect(try !small.trace(1, "192.0.2.1").verdict.reason.contains("rule 1"))
        small.model.namespaces[0].routes[number].ways = []
        #expect(try small.trace(1, "192.0.2.1").verdict.reason.contains("rule 1"))
    }

    @Test("What leaves masqueraded has the host's address, and answers find back")
    func masquerade() throws {
        var small = try SmallHost()
        small.add(.inet, ChainHook(.nat, .postrouting, priority: .srcnat), [[.masquerade]])
        let trace = try small.trace(1, "198.51.100.1")
        #expect(trace.verdict.outcome == .connected)
        #expect(trace.steps.contains { $0.stage == .nat && $0.text.contains("192.0.2.1:40000 > 198.51.100.1:80") })
        #expect(trace.steps.contains { $0.isAnswer && $0.text.contains("198.51.100.1:80 > 10.0.0.2:40000") })
    }

    @Test(
        "Prefixes stand in a rule's words as nft has them, however many of their bits are compared",
        arguments: [
            ("198.0.0.0/8", "198.0.0.0/8"), ("198.51.96.0/19", "198.51.96.0/19"),
            ("198.51.100.0/24", "198.51.100.0/24"), ("198.51.100.1/32", "198.51.100.1"),
        ]
    )
    func prefixes(prefix: String, words: String) throws {
        for family in [Family.inet, .ip] {
            var small = try SmallHost()
            let network = try #require(CIDR(prefix)?.network)
            small.add(family, forward, [[.match(.ipDaddr, .network(network)), .drop]])
            let texts = try small.trace(1, "198.51.100.1").steps.map { $0.text }
            #expect(texts.contains { $0.hasSuffix("): ip daddr \(words) drop") }, "\(texts)")
        }
    }

    @Test("What a register held before is not taken for what it holds")
    func registers() throws {
        var small = try SmallHost()
        let register = Register.word(0)
        small.add(
            [
                .meta(.nfproto, to: register), .compare(.equal, register, [2]),
                .payload(base: .network, offset: 16, length: 4, to: register),
                .compare(.equal, register, [198, 51, 100, 1]), .ct(.mark, direction: nil, to: register),
                .compare(.equal, register, [0, 0, 0, 0]), .verdict(.drop),
            ],
            to: .forward
        )
        let texts = try small.trace(1, "198.51.100.1").steps.map { $0.text }
        #expect(texts.contains { $0.hasSuffix(": ip daddr 198.51.100.1 ct mark 0x00000000 drop") }, "\(texts)")
    }

    @Test("What is not understood matters only if it could change the verdict")
    func doubts() throws {
        var small = try SmallHost()
        small.add([unknown, .verdict(.accept)], to: .forward)
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .connected)
        small.add([unknown, .counter(packets: 0, bytes: 0)], to: .forward)
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .connected)
        small.add([unknown, .verdict(.drop)], to: .forward)
        let verdict = try small.trace(1, "198.51.100.1").verdict
        #expect(verdict.outcome == .unknown)
        #expect(verdict.reason.contains("socket"))
    }

    @Test("A spoofed source stops the answer to ARP already")
    func spoofing() throws {
        var small = try SmallHost()
        let hook = ChainHook(.filter, .prerouting, priority: .bridgeDstnat, policy: .accept)
        let other = MACAddress(value: 0x0200_0000_9999)
        small.add(.bridge, hook, [[.iifname("veth2"), .mismatch(.etherSaddr, .ether(other)), .drop]])
        let verdict = try small.trace(1, "10.0.0.3").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("nobody answers for 10.0.0.3"))
    }

    @Test("Of a rejection that is no error to a socket of UDP it is not told")
    func unheard() throws {
        var small = try SmallHost()
        small.add(.inet, forward, [[.reject(.icmpx(code: 0))]])
        let destination = try #require(IPAddress("198.51.100.1"))
        var flow = Flow(origin: 1, destination: destination)
        #expect(Trace(flow, on: small.model).verdict.outcome == .unreachable)
        flow.transport = .udp
        #expect(Trace(flow, on: small.model).verdict.outcome == .dropped)
    }

    @Test(
        "A rejection is what the sender sees",
        arguments: [
            (Reject.tcpReset, TraceVerdict.Outcome.refused), (.icmpx(code: 1), .refused),
            (.icmpx(code: 3), .unreachable), (.icmp(.v4, code: 3), .refused), (.icmp(.v4, code: 13), .unreachable),
        ]
    )
    func rejection(reject: Reject, outcome: TraceVerdict.Outcome) throws {
        var small = try SmallHost()
        small.add(.inet, forward, [[.reject(reject)]])
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == outcome)
    }
}
