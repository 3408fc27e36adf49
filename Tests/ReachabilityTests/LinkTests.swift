// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Reachability
import Testing

@Suite("Links that rest upon others")
struct LinkTests {
    /// Puts both containers of a small host upon its uplink, each by a link of a kind.
    private func upon(_ kind: String, _ body: (inout HostModel.Link) -> Void = { _ in }) throws -> SmallHost {
        var small = try SmallHost()
        for number in [1, 2] {
            for index in small.model.namespaces[number].links.indices
            where small.model.namespaces[number].links[index].name == "eth0" {
                small.model.namespaces[number].links[index].kind = kind
                small.model.namespaces[number].links[index].peer = 20
                small.model.namespaces[number].links[index].isPeerAbroad = true
                body(&small.model.namespaces[number].links[index])
            }
        }
        return small
    }

    @Test("Stations of mode bridge reach each other and who is beyond, and not the host")
    func stations() throws {
        let small = try upon("macvlan") { $0.mode = "bridge" }
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .connected)
        #expect(try small.trace(1, "10.0.0.3", 81).verdict.outcome == .refused)
        #expect(try small.trace(1, "10.0.0.77").verdict.reason.contains("leaves the host by eth0"))
    }

    @Test("Those of mode private do not, and of mode vepa nobody knows")
    func strangers() throws {
        let apart = try upon("macvlan") { $0.mode = "private" }.trace(1, "10.0.0.3").verdict
        #expect(apart.outcome == .dropped)
        #expect(apart.plugin.contains("macvlan"))
        #expect(try upon("macvlan") { $0.mode = "vepa" }.trace(1, "10.0.0.3").verdict.outcome == .unknown)
    }

    @Test("A station that nobody looked into is named")
    func unseen() throws {
        var small = try upon("macvlan") { $0.mode = "bridge" }
        small.model.namespaces.removeLast()
        small.model.unseen = [HostModel.Stranger(name: "c2", addresses: [try #require(IPAddress("10.0.0.3"))])]
        #expect(try small.trace(1, "10.0.0.3").verdict.stranger == "c2")
        #expect(try small.trace(1, "10.0.0.77").verdict.outcome == .connected)
    }

    @Test("What comes to the link below goes to the station that it is for")
    func fromOutside() throws {
        let small = try upon("macvlan") { $0.mode = "bridge" }
        var flow = Flow(origin: 0, input: "eth0", destination: try #require(IPAddress("10.0.0.3")))
        flow.source = IPAddress("10.0.0.99")
        let verdict = Trace(flow, on: small.model).verdict
        #expect(verdict.outcome == .connected)
        #expect(verdict.place == "c2")
    }

    @Test("A container in a VLAN sends with its tag, and gets what has it")
    func vlan() throws {
        let small = try upon("vlan") { $0.vlan = 5 }
        let trace = try small.trace(1, "10.0.0.77")
        #expect(trace.verdict.outcome == .connected)
        #expect(trace.steps.contains { $0.text == "eth0 adds tag 5 and sends it by eth0" })
        #expect(trace.steps.contains { $0.isAnswer && $0.text == "eth0 takes what has tag 5" })
    }

    @Test("A socket that is bound to a VRF goes by its table, and no other does")
    func domain() throws {
        var small = try SmallHost()
        var red = HostModel.Link(index: 9, name: "red", kind: "vrf", address: .zero)
        red.table = 7
        var space = small.model.namespaces[1]
        for index in space.links.indices where space.links[index].name == "eth0" { space.links[index].master = 9 }
        for index in space.routes.indices where space.routes[index].link == 2 { space.routes[index].table = 7 }
        space.links.append(red)
        var rule = HostModel.Policy(.v4, priority: 1000, table: 0)
        rule.asksVRF = true
        space.policies.insert(rule, at: 1)
        small.model.namespaces[1] = space
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .unreachable)
        var flow = Flow(origin: 1, destination: try #require(IPAddress("10.0.0.3")))
        flow.binding = "red"
        #expect(Trace(flow, on: small.model).verdict.outcome == .connected)
        #expect(try small.trace(2, "10.0.0.2").verdict.outcome == .refused)
        small.model.namespaces[1].settings["ipv4/tcp_l3mdev_accept"] = 1
        #expect(try small.trace(2, "10.0.0.2").verdict.outcome == .connected)
        small.model.namespaces[1].settings["ipv4/tcp_l3mdev_accept"] = 0
        small.model.namespaces[1].sockets[0].link = 9
        #expect(try small.trace(2, "10.0.0.2").verdict.outcome == .connected)
    }

    @Test("A chain at the ingress of a link is asked there, and at no other")
    func ingress() throws {
        var small = try SmallHost()
        var hook = ChainHook(.filter, .ingress, priority: .filter, policy: .accept)
        hook.device = "veth2"
        small.add(.netdev, hook, [[.tcpDport(80), .drop]])
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .connected)
        let verdict = try small.trace(2, "198.51.100.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.reason.contains("chain netdev t c"))
    }
}
