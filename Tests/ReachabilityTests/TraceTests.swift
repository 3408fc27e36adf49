// SPDX-License-Identifier: Apache-2.0
import Addressing
import Doctor
import Forwarding
import JSON
import PacketFilter
import Reachability
import Testing

@Suite("The way of a flow")
struct TraceTests {
    @Test("Containers of one bridge reach each other, and nobody who does not listen")
    func neighbours() throws {
        let small = try SmallHost()
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .connected)
        #expect(try small.trace(1, "10.0.0.3", 81).verdict.outcome == .refused)
        #expect(try small.trace(1, "10.0.0.77").verdict.outcome == .dropped)
    }

    @Test("What an isolated port sends to another one is dropped, and the plugin is named")
    func isolation() throws {
        var small = try SmallHost()
        small.change("veth1") { $0.port?.isIsolated = true }
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .connected)
        small.change("veth2") { $0.port?.isIsolated = true }
        let verdict = try small.trace(1, "10.0.0.3").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.plugin.contains("portIsolation"))
        #expect(try small.trace(1, "10.0.0.1", 9).verdict.outcome == .refused)
    }

    @Test("Ports in different VLANs are apart, in the same they are not")
    func vlans() throws {
        var small = try SmallHost()
        small.change("br0") { $0.filtersVLANs = true }
        func put(_ name: String, _ vlan: UInt16) {
            small.change(name) { link in
                link.port?.native = vlan
                link.port?.vlans = VLANSet([vlan])
                link.port?.untagged = VLANSet([vlan])
            }
        }
        put("veth1", 10)
        put("veth2", 20)
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .dropped)
        put("veth2", 10)
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .connected)
    }

    @Test("Where programs keep VLANs, what the bridge knows of a station leads nobody into another VLAN")
    func guarded() throws {
        var small = try SmallHost()
        small.change("br0") { link in
            (link.filtersVLANs, link.hasOneTableForVLANs) = (true, true)
            var port = HostModel.Port()
            (port.native, port.vlans, port.untagged) = (1, .all, VLANSet([1]))
            link.port = port
        }
        let stations = [(11, 16), (12, 17)].map { link, number in
            HostModel.Station(
                address: MACAddress(value: 0x0200_0000_0000 | UInt64(number)),
                vlan: 0,
                link: Int32(link),
                isPermanent: false
            )
        }
        small.model.namespaces[0].stations = stations
        func put(_ name: String, _ vlan: UInt16) {
            var port = HostModel.Port()
            (port.native, port.vlans, port.untagged) = (vlan, VLANSet([vlan]), VLANSet([vlan]))
            small.change(name) { $0.port = port }
        }
        put("veth1", 10)
        put("veth2", 20)
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .dropped)
        #expect(try small.trace(1, "10.0.0.1", 9).verdict.outcome == .dropped)
        put("veth2", 10)
        #expect(try small.trace(1, "10.0.0.3").verdict.outcome == .connected)
        put("veth1", 1)
        #expect(try small.trace(1, "10.0.0.1", 9).verdict.outcome == .refused)
    }

    @Test("Nobody can tell what becomes of frames where programs do not tell the VLANs of a port", arguments: 1...2)
    func hidden(port: Int) throws {
        var small = try SmallHost()
        small.change("br0") { link in
            (link.filtersVLANs, link.hasOneTableForVLANs) = (true, true)
            var port = HostModel.Port()
            (port.native, port.vlans, port.untagged) = (1, .all, VLANSet([1]))
            link.port = port
        }
        for number in 1...2 {
            var kept = HostModel.Port()
            (kept.native, kept.vlans, kept.untagged) = (10, VLANSet([10]), VLANSet([10]))
            if number == port {
                (kept.native, kept.vlans, kept.untagged, kept.hidesVLANs) = (1, .all, VLANSet([1]), true)
            }
            small.change("veth\(number)") { $0.port = kept }
        }
        let verdict = try small.trace(1, "10.0.0.3").verdict
        #expect(verdict.outcome == .unknown)
        #expect(verdict.reason.contains("port veth\(port)"))
    }

    @Test("Without forwarding nothing leaves the host, and the finding has the doctor's name")
    func forwarding() throws {
        var small = try SmallHost()
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .connected)
        small.model.namespaces[0].settings["ipv4/conf/br0/forwarding"] = 0
        let verdict = try small.trace(1, "198.51.100.1").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.finding == .forwardingOff)
    }

    @Test("A strict reverse path drops what comes from where it does not belong")
    func reversePath() throws {
        var small = try SmallHost()
        let spoofed = try #require(CIDR("198.51.100.7/32"))
        small.model.namespaces[1].addresses.append(HostModel.Address(spoofed, link: 2))
        var own = HostModel.Route(spoofed, link: 2)
        (own.kind, own.table) = (.local, 255)
        small.model.namespaces[1].routes.append(own)
        small.model.namespaces[0].settings["ipv4/conf/all/rp_filter"] = 1
        let verdict = try small.trace(1, "192.0.2.1", source: "198.51.100.7").verdict
        #expect(verdict.outcome == .dropped)
        #expect(verdict.finding == .strictReversePath)
    }

    @Test("Of several ways back any one satisfies a strict reverse path")
    func ways() throws {
        var small = try SmallHost()
        small.model.namespaces[0].settings["ipv4/conf/all/rp_filter"] = 1
        let number = try #require(small.model.namespaces[0].routes.firstIndex { $0.link == 10 })
        small.model.namespaces[0].routes[number].link = 20
        #expect(try small.trace(1, "192.0.2.1").verdict.finding == .strictReversePath)
        small.model.namespaces[0].routes[number].ways = [20, 10]
        let trace = try small.trace(1, "192.0.2.1")
        #expect(trace.verdict.finding == nil)
        #expect(trace.steps.contains { $0.text.contains("several ways") })
    }

    @Test("An address that the sender does not have cannot be sent from")
    func foreignSource() throws {
        #expect(try SmallHost().trace(1, "10.0.0.3", source: "10.9.9.9").verdict.outcome == .unreachable)
    }

    @Test("Without a route the sender is told at once")
    func routeless() throws {
        var small = try SmallHost()
        small.model.namespaces[1].routes.removeAll { $0.gateway != nil }
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .unreachable)
    }

    @Test("A rule of policy comes before the main table")
    func policy() throws {
        var small = try SmallHost()
        var rule = HostModel.Policy(.v4, priority: 100, table: 7)
        rule.source = CIDR("10.0.0.2/32")
        small.model.namespaces[0].policies.insert(rule, at: 1)
        var route = try small.route("0.0.0.0/0", nil)
        (route.kind, route.table) = (.unreachable, 7)
        small.model.namespaces[0].routes.append(route)
        #expect(try small.trace(1, "198.51.100.1").verdict.outcome == .unreachable)
        #expect(try small.trace(2, "198.51.100.1").verdict.outcome == .connected)
    }

    @Test("An attachment that nobody looked into is named, so that somebody does")
    func stranger() throws {
        var small = try SmallHost()
        let address = try #require(IPAddress("10.0.0.3"))
        small.model.namespaces.remove(at: 2)
        small.model.strangers["veth2"] = HostModel.Stranger(name: "c2", addresses: [address])
        let verdict = try small.trace(1, "10.0.0.3").verdict
        #expect(verdict.outcome == .unknown)
        #expect(verdict.stranger == "c2")
    }

    @Test("Who has no loopback address sends to it by a route, and the next host drops it")
    func loopback() throws {
        var small = try SmallHost()
        #expect(try small.trace(1, "127.0.0.1").verdict.outcome == .connected)
        for index in small.model.namespaces[1].links.indices where small.model.namespaces[1].links[index].isLoopback {
            small.model.namespaces[1].links[index].isUp = false
        }
        small.model.namespaces[1].routes.removeAll { $0.destination.address.isLoopback }
        let trace = try small.trace(1, "127.0.0.1")
        #expect(trace.verdict.outcome == .dropped)
        #expect(trace.verdict.reason == "the host takes no packets of 127.0.0.0/8 from br0")
        #expect(trace.verdict.advice.contains("lo of container c1"))
        #expect(trace.steps.contains { $0.stage == .remark && $0.text.contains("its loopback link is down") })
    }

    @Test("Nothing of ::1 is taken from a wire, whichever end it is", arguments: [true, false])
    func loopbackOfIPv6(isDestination: Bool) throws {
        let small = try SmallHost()
        let own = [UInt8](repeating: 0, count: 15) + [1]
        let other: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [2]
        let ends = isDestination ? other + own : own + other
        let ethernet: [UInt8] = [2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 99, 0x86, 0xdd]
        let header: [UInt8] = [0x60, 0, 0, 0, 0, 8, 17, 64]
        let datagram: [UInt8] = [0x9c, 0x40, 0, 53, 0, 8, 0, 0]
        let trace = try #require(Trace(frame: ethernet + header + ends + datagram, by: "eth0", of: 0, on: small.model))
        #expect(trace.verdict.outcome == .dropped)
        #expect(trace.verdict.reason == "the host takes no packets of ::1 from eth0")
    }

    @Test("A frame that is cut off is no frame, and one to a station of nobody is flooded in vain")
    func frames() throws {
        let small = try SmallHost()
        #expect(Trace(frame: [2, 0, 0], by: "veth1", of: 0, on: small.model) == nil)
        #expect(Trace(frame: [UInt8](repeating: 2, count: 60), by: "nowhere", of: 0, on: small.model) == nil)
        let frame: [UInt8] = [2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 0, 16, 0x88, 0xb5] + [UInt8](repeating: 0, count: 46)
        let trace = try #require(Trace(frame: frame, by: "veth1", of: 0, on: small.model))
        #expect(trace.verdict.outcome == .dropped)
    }

    @Test("The exit status and the keys of JSON stay")
    func json() throws {
        let trace = try SmallHost().trace(1, "10.0.0.3", 81)
        #expect(trace.exitStatus == 1)
        let verdict = try #require(try JSONReader(trace.json).object("verdict"))
        #expect(try verdict.string("outcome") == "refused")
        guard case .object(let object) = trace.json, case .array(let steps)? = object["steps"] else {
            Issue.record("no steps")
            return
        }
        #expect(steps.count == trace.steps.count)
        #expect(object.members.map { $0.key } == ["version", "packet", "verdict", "steps"])
    }
}
