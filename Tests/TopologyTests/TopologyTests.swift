// SPDX-License-Identifier: Apache-2.0
import Addressing
import Attachments
import JSON
import Netlink
import Pools
import Testing
import Wiring

@testable import Topology

@Suite("The network of a host")
struct TopologyTests {
    private let plain = Look(hasBlocks: true)

    @Test("A port hangs on its bridge, a macvlan on its parent, and everything on the host")
    func tree() throws {
        let topology = Topology(try SomeHost.ordinary())
        let lines = topology.lines(plain)
        #expect(
            lines == [
                "NAME              NETWORK  ADDRESSES     KIND     LINK   VLAN  NOTES",
                "host",
                "├─ direct:eth0    wire     10.1.0.2/24   ptp      veth3",
                "├─ lost:eth0      wire     10.1.0.3/24   ptp                   container dead, veth9 is gone",
                "├─ br0                     10.0.0.1/24   bridge                VLAN-aware",
                "│  ├─ up0.5                              vlan 5",
                "│  ├─ db:eth0     lan      10.0.0.3/24   bridge   veth2        link down",
                "│  ├─ web:eth0    lan      10.0.0.2/24   bridge   veth1  10    isolated",
                "│  └─ stray                              veth                  no record",
                "└─ up0                     192.0.2.1/24",
                "   ├─ phone:eth0  street   192.0.2.9/24  macvlan",
                "   └─ up0.5                              vlan 5                port of br0",
            ]
        )
    }

    @Test("Without UTF-8 the tree is drawn with letters")
    func letters() throws {
        let lines = Topology(try SomeHost.ordinary()).lines(Look(hasBlocks: false), hasHeader: false)
        #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 < 128 } })
        #expect(lines[3].hasPrefix("|- br0") && lines[4].hasPrefix("|  |- up0.5") && lines[9].hasPrefix("   |- phone"))
    }

    @Test("No line is wider than the terminal, and what matters least goes first", arguments: [20, 40, 60, 80, 100])
    func width(columns: Int) throws {
        let topology = Topology(try SomeHost.ordinary())
        let lines = topology.lines(Look(width: columns))
        #expect(lines.allSatisfy { $0.count <= columns })
        #expect(lines.contains { $0.hasPrefix("│  ├─ web:eth0") })
        #expect(lines[0].contains("KIND") == (columns >= 100))
    }

    @Test("The same host makes the same octets, in whatever order the kernel tells")
    func determinism() throws {
        let facts = try SomeHost.ordinary()
        let turned = TopologyFacts(links: facts.links.reversed(), attachments: facts.attachments.reversed())
        let (one, other) = (Topology(facts), Topology(turned))
        #expect(one == other && one.svg == other.svg && one.dot == other.dot && one.json == other.json)
    }

    @Test("One network is shown with what shares links with it")
    func narrowing() throws {
        let facts = try SomeHost.ordinary()
        func names(_ network: String) -> [String] {
            Topology(facts, network: network).host.all.map { $0.node.name }
        }
        #expect(names("lan") == ["host", "br0", "up0.5", "db:eth0", "web:eth0", "stray"])
        #expect(names("wire") == ["host", "direct:eth0", "lost:eth0"])
        #expect(names("street") == ["host", "up0", "phone:eth0", "up0.5"])
        #expect(names("nobody") == ["host"])
    }

    @Test("A host with nothing on it is the host")
    func nothing() {
        let topology = Topology(TopologyFacts(links: [], attachments: []))
        #expect(topology.lines(plain) == ["NAME", "host"])
        #expect(topology.json == ["nodes": [["id": "host", "role": "host"]]])
        #expect(topology.summary == "0 bridges, 0 interfaces of containers.")
    }

    @Test("A port that was taken away from its bridge is found")
    func notAPort() throws {
        let facts = TopologyFacts(
            links: [SomeHost.link(1, "br0", "bridge"), SomeHost.link(2, "veth1", "veth")],
            attachments: [try SomeHost.attachment("web", end: "veth1", address: "10.0.0.2/24")]
        )
        let web = try #require(Topology(facts).host.children.first { $0.role == .attachment })
        #expect(web.marks == [Topology.Mark(.notAPort, "not a port of br0")] && web.isDown)
    }

    @Test("The host's own way out is no stranger where the host is a container itself")
    func ownUplink() throws {
        var own = SomeHost.link(1, "eth0", "veth")
        own.addresses = [try SomeHost.cidr("192.0.2.7/24")]
        let facts = TopologyFacts(links: [own, SomeHost.link(2, "x", "veth")], attachments: [])
        #expect(Topology(facts).host.children.map { $0.role } == [.link, .stranger])
    }

    @Test("Links in a circle, which a kernel may seem to have while they change, are drawn once each")
    func circle() {
        var (one, other) = (SomeHost.link(1, "a", ""), SomeHost.link(2, "b", ""))
        (one.below, other.below) = (2, 1)
        let names = Topology(TopologyFacts(links: [one, other], attachments: [])).host.all.map { $0.node.name }
        #expect(names.sorted() == ["a", "b", "host"])
    }

    @Test("Rates are what was counted by the time that passed, and none for a counter that went back")
    func rates() throws {
        func facts(_ seconds: Int64, _ octets: UInt64, _ others: UInt64) throws -> TopologyFacts {
            var counters = LinkCounters()
            (counters.receivedOctets, counters.sentOctets) = (octets, octets * 2)
            (counters.receivedPackets, counters.sentPackets) = (octets / 100, octets / 50)
            var first = SomeHost.link(1, "a", "")
            first.counters = counters
            var second = SomeHost.link(2, "b", "")
            counters.receivedOctets = others
            second.counters = counters
            return TopologyFacts(nanoseconds: seconds * 1_000_000_000, links: [first, second], attachments: [])
        }
        let topology = Topology(try facts(12, 3000, 5), since: try facts(10, 1000, 9))
        let nodes = topology.host.children
        #expect(
            nodes[0].rates
                == Topology.Rates(receivedOctets: 1000, sentOctets: 2000, receivedPackets: 10, sentPackets: 20)
        )
        #expect(nodes[1].rates == nil)
        #expect(topology.lines(plain)[1].contains("1k") == false && topology.lines(plain)[2].contains("1k"))
    }

    @Test("Names with numbers are in the order of the numbers")
    func numbers() throws {
        let names = Topology(try SomeHost.crowd(12)).host.children[0].children.map { $0.name }
        #expect(names == (0..<12).map { "c\($0):eth0" })
    }

    @Test("VLANs are said as people say them")
    func vlans() {
        let access = PortVLANs([PortVLANs.Run(10...10, isNative: true, isUntagged: true)])
        let trunk = PortVLANs([
            PortVLANs.Run(1...1, isNative: true, isUntagged: true), PortVLANs.Run(20...30), PortVLANs.Run(40...40),
        ])
        #expect(access.words == "10" && access.isAccess)
        #expect(trunk.words == "20-30,40 native 1" && !trunk.isAccess)
        #expect(trunk.json == ["native": 1, "tagged": [[20, 30], [40, 40]]])
    }
}
