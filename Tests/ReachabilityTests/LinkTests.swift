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

    @Test("A chain at the ingress of several links is asked at each, and at those that its pattern names")
    func manyLinks() throws {
        var small = try SmallHost()
        var hook = ChainHook(.filter, .ingress, priority: .filter, policy: .accept)
        (hook.device, hook.otherDevices) = ("eth7", ["veth2", "lan*"])
        small.add(.netdev, hook, [[.tcpDport(80), .drop]])
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .connected)
        #expect(try small.trace(2, "198.51.100.1").verdict.outcome == .dropped)
        hook.otherDevices = ["veth*"]
        small.model.namespaces[0].ruleset.chains[0] = InstalledChain(Chain(Table(.netdev, "t"), "c"), at: hook)
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .dropped)
    }

    @Test("A chain at the egress of a link is asked when the link sends, be it for a bridge or for the host")
    func egress() throws {
        var small = try SmallHost()
        var hook = ChainHook(.filter, .egress, priority: .filter, policy: .accept)
        hook.device = "veth2"
        small.add(.netdev, hook, [[.tcpDport(80), .drop]])
        #expect(try small.trace(2, "10.0.0.2").verdict.outcome == .connected)
        for origin in [0, 1] {
            let verdict = try small.trace(origin, "10.0.0.3").verdict
            #expect(verdict.outcome == .dropped)
            #expect(verdict.reason.contains("chain netdev t c"))
        }
        #expect(try small.trace(1, "10.0.0.3", 81).verdict.outcome == .refused)
    }

    @Test("Behind one hardware address containers reach each other and who is beyond", arguments: ["l2", "l3", "l3s"])
    func addresses(mode: String) throws {
        let small = try uponOne(mode)
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .connected)
        #expect(try small.trace(1, "10.0.0.3", 81).verdict.outcome == .refused)
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .connected)
        var flow = Flow(origin: 0, input: "eth0", destination: try #require(IPAddress("10.0.0.3")))
        flow.source = IPAddress("198.51.100.7")
        let verdict = Trace(flow, on: small.model).verdict
        #expect(verdict.outcome == .connected)
        #expect(verdict.place == "c2")
    }

    @Test("The host's rules see what is routed there, and what it hears for others, as its own")
    func rulesBelow() throws {
        for (mode, point, isSeen) in [
            ("l2", ChainHook.Point.output, false), ("l3", .output, true), ("l3s", .output, true),
            ("l3", .forward, false),
        ] {
            var small = try uponOne(mode)
            small.add(.ip, ChainHook(.filter, point, priority: .filter), [[.tcpDport(80), .drop]])
            #expect(try small.trace(1, "198.51.100.1").verdict.outcome == (isSeen ? .dropped : .connected))
        }
        for (mode, isSeen) in [("l2", false), ("l3", false), ("l3s", true)] {
            var small = try uponOne(mode)
            small.add(.ip, ChainHook(.filter, .input, priority: .filter), [[.tcpDport(80), .drop]])
            var flow = Flow(origin: 0, input: "eth0", destination: try #require(IPAddress("10.0.0.3")))
            flow.source = IPAddress("198.51.100.7")
            #expect(Trace(flow, on: small.model).verdict.outcome == (isSeen ? .dropped : .connected))
        }
    }

    @Test("What keeps its addresses to itself is not guessed at")
    func privateAddresses() throws {
        #expect(try uponOne("l2 private").trace(1, "10.0.0.3").verdict.outcome == .unknown)
    }

    /// Both containers by `ipvlan` upon the host's uplink.
    private func uponOne(_ mode: String) throws -> SmallHost {
        var small = try upon("ipvlan") { $0.mode = mode }
        let address = try #require(small.model.namespaces[0].links.first { $0.name == "eth0" }?.address)
        small.model.namespaces[0].links.removeAll { $0.name == "br0" }
        small.model.namespaces[0].routes.removeAll { $0.link == 10 }
        for number in [1, 2] {
            for index in small.model.namespaces[number].links.indices
            where small.model.namespaces[number].links[index].kind == "ipvlan" {
                small.model.namespaces[number].links[index].address = address
            }
        }
        return small
    }

    /// The host's uplink is a bond of two links.
    private func bonded(_ mode: UInt8, active: Int32?, kind: String = "") throws -> SmallHost {
        var small = try SmallHost()
        small.change("eth0") { link in
            link.kind = "bond"
            link.bond = HostModel.Bond(mode: mode, active: active)
        }
        for index: Int32 in [21, 22] {
            let address = MACAddress(value: 0x0200_0000_0004)
            var link = HostModel.Link(index: index, name: "up\(index)", kind: kind, address: address)
            (link.master, link.isBackup) = (20, mode == 1 ? index != active : false)
            small.model.namespaces[0].links.append(link)
        }
        return small
    }

    @Test("A bond with one active link sends by that, and takes nothing from the others")
    func activeBackup() throws {
        let small = try bonded(1, active: 22)
        let trace = try small.trace(1, "198.51.100.1")
        #expect(trace.verdict.outcome == .connected)
        #expect(trace.steps.contains { $0.text == "bond eth0 sends by up22, its active link" })
        #expect(trace.steps.contains { $0.isAnswer && $0.text == "up22 belongs to bond eth0" })
        var flow = Flow(origin: 0, input: "up21", destination: try #require(IPAddress("192.0.2.1")))
        flow.source = IPAddress("192.0.2.9")
        #expect(Trace(flow, on: small.model).verdict.outcome == .dropped)
        #expect(try bonded(1, active: nil).trace(1, "198.51.100.1").verdict.outcome == .dropped)
    }

    @Test("A bond that balances leads out of the host; by which link is told only where there is one")
    func balance() throws {
        let trace = try bonded(2, active: nil).trace(1, "198.51.100.1")
        #expect(trace.verdict.outcome == .connected)
        #expect(trace.steps.contains { $0.text.contains("sends by one of up21, up22") })
        #expect(try bonded(2, active: nil, kind: "veth").trace(1, "198.51.100.1").verdict.outcome == .unknown)
        var small = try bonded(2, active: nil)
        small.change("up21") { $0.isUp = false }
        let steps = try small.trace(1, "198.51.100.1").steps
        #expect(steps.contains { $0.text.contains("by up22, the only link that is up") })
        small.change("eth0") { $0.bond = nil }
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .unknown)
    }
}
