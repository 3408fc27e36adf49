// SPDX-License-Identifier: Apache-2.0
import Addressing
import Reachability
import Testing

@Suite("Switches in user space")
struct SwitchTests {
    private typealias Output = HostModel.SwitchDecision.Output

    /// Both containers of a small host by taps on a switch, whose gateway is the host's `br0` and whose uplink `eth0`.
    private func small(_ answer: @escaping @Sendable (String, [UInt8]) -> HostModel.SwitchAnswer) throws -> SmallHost {
        var small = try SmallHost()
        small.change("br0") { $0.kind = "tun" }
        small.model.namespaces[0].links.removeAll { $0.kind == "veth" }
        func add(_ kind: HostModel.SwitchPort.Kind, _ link: String, _ name: String, _ number: UInt64 = 0) {
            var port = HostModel.SwitchPort(kind, link: link, name: name, switchName: "vs0", socketPath: "/run/sw")
            if number > 0 {
                port.container = "c\(number)"
                port.address = MACAddress(value: 0x0200_0000_000f + number)
                port.addresses = [IPAddress("10.0.0.\(1 + number)")].compactMap { $0 }
            }
            small.model.switchPorts.append(port)
        }
        for number in [1, 2] {
            small.model.namespaces[number].links[1].kind = "tun"
            small.model.namespaces[number].links[1].peer = nil
            add(.container, "eth0", "c\(number):eth0", UInt64(number))
        }
        add(.gateway, "br0", "br0")
        add(.uplink, "eth0", "eth0")
        small.model.askSwitch = { port, frame in answer(port.name, frame) }
        return small
    }

    /// A switch that gives everything to some ports.
    private func switching(to ports: [String], tag: UInt16 = 0) throws -> SmallHost {
        try small { origin, _ in
            let outputs = ports.filter { $0 != origin }.map { Output(port: $0, tag: tag) }
            return .told(.init(steps: ["looked"], sentence: "to some", isDropped: false, outputs: outputs))
        }
    }

    private func isolated(_ original: SmallHost) -> SmallHost {
        var small = original
        for index in small.model.switchPorts.indices { small.model.switchPorts[index].isIsolated = index < 2 }
        return small
    }

    @Test("Where the switch hands it out, it goes on, and the switch's words are told")
    func handed() throws {
        let small = try switching(to: ["c1:eth0", "c2:eth0", "br0"])
        let trace = try small.trace(1, "10.0.0.3")
        #expect((trace.verdict.outcome, trace.verdict.place) == (.connected, "c2"))
        #expect(trace.steps.contains { $0.stage == .bridge && $0.text == "switch vs0: looked" })
        #expect(try small.trace(1, "10.0.0.3", 81).verdict.outcome == .refused)
        #expect(try small.trace(1, "10.0.0.1", 9).verdict.outcome == .refused)
        #expect(try small.trace(0, "10.0.0.3").verdict.outcome == .connected)
        #expect(try small.trace(1, "10.0.0.77").verdict.outcome == .dropped)
    }

    @Test("Whom the switch leaves out is not reached, and isolation is named where it is that")
    func leftOut() throws {
        let inside = try switching(to: ["br0"])
        #expect(try inside.trace(1, "10.0.0.3").verdict.plugin == "vswitch")
        let kept = try isolated(inside).trace(1, "10.0.0.3").verdict
        #expect((kept.outcome, kept.plugin) == (.dropped, "vswitch (portIsolation)"))
        #expect(kept.reason.contains("does not hand to c2:eth0 what comes from c1:eth0"))
    }

    @Test("What the switch drops is dropped, for its reason")
    func dropped() throws {
        let small = try small { _, _ in
            .told(.init(steps: [], sentence: "a rule denies it", isDropped: true, outputs: []))
        }
        let verdict = try small.trace(1, "10.0.0.3").verdict
        #expect((verdict.outcome, verdict.plugin) == (.dropped, "vswitch"))
        #expect(verdict.reason.contains("switch vs0 drops it: a rule denies it"))
    }

    @Test("By the uplink it leaves the host, and what comes in there comes to the switch")
    func uplink() throws {
        let ports = ["c1:eth0", "c2:eth0", "br0", "eth0"]
        // No switch takes what has no source.
        let small = try small { origin, frame in
            let isSent = frame[6..<12].contains { $0 > 0 }
            let outputs = ports.filter { $0 != origin }.map { Output(port: $0, tag: 0) }
            return .told(.init(steps: [], sentence: "", isDropped: !isSent, outputs: isSent ? outputs : []))
        }
        let left = try small.trace(1, "10.0.0.77").verdict
        #expect(left.outcome == .connected)
        #expect(left.reason.contains("leaves the host by eth0"))
        var flow = Flow(origin: 0, input: "eth0", destination: try #require(IPAddress("10.0.0.3")))
        flow.source = IPAddress("10.0.0.99")
        let came = Trace(flow, on: small.model).verdict
        #expect((came.outcome, came.place) == (.connected, "c2"))
    }

    @Test("A frame leaves a port with the tag that the switch gives it")
    func tagged() throws {
        let small = try switching(to: ["c1:eth0", "c2:eth0"], tag: 9)
        #expect(try small.trace(1, "10.0.0.3").verdict.reason.contains("nobody above eth0 is in VLAN 9"))
    }

    @Test("Somebody behind the switch whom nobody looked into is named")
    func stranger() throws {
        var small = try switching(to: ["c1:eth0", "c2:eth0"])
        small.model.namespaces.removeLast()
        #expect(try small.trace(1, "10.0.0.3").verdict.stranger == "c2")
        #expect(try isolated(switching(to: ["br0"])).trace(1, "10.0.0.3").verdict.stranger == nil)
    }

    @Test(
        "Without an answer nothing is delivered: who should carry it is named, with his socket",
        arguments: [
            (HostModel.SwitchAnswer.absent("no"), TraceVerdict.Outcome.dropped), (.refused("no"), .dropped),
            (.silent("no"), .unknown),
        ]
    )
    func unanswered(_ answer: HostModel.SwitchAnswer, _ outcome: TraceVerdict.Outcome) throws {
        var small = try small { _, _ in answer }
        for origin in [0, 1] {
            let verdict = try small.trace(origin, "10.0.0.3").verdict
            #expect((verdict.outcome, verdict.plugin) == (outcome, "vswitch"))
            #expect(verdict.reason.contains("culvert-switchd") && verdict.reason.contains("/run/sw"))
        }
        small.model.askSwitch = nil
        let verdict = try small.trace(1, "10.0.0.3").verdict
        #expect(verdict.outcome == .unknown)
        #expect(verdict.advice == "culvert switch trace c1:eth0")
    }
}
