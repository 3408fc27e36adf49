// SPDX-License-Identifier: Apache-2.0
import Addressing
import FastPath
import JSON
import Netlink
import Pools
import Reachability
import SwitchControl
import Testing

@testable import Topology

@Suite("Ports that programs keep to VLANs")
struct GuardedPortTests {
    /// An ordinary host whose bridge tells no VLANs apart, with programs at some of its ports.
    private func host(_ known: [Int32: FastPathGuard], untold: Set<Int32> = []) throws -> TopologyFacts {
        let facts = try SomeHost.ordinary()
        var links = facts.links
        for index in links.indices where links[index].master == 3 { links[index].port = TopologyFacts.Port() }
        for index in links.indices { (links[index].vlans, links[index].filtersVLANs) = (nil, nil) }
        let guarded = GuardedPorts([4: 3, 5: 3, 6: 3, 7: 3], known, untold: untold)
        for index in links.indices { links[index].add(guarded) }
        return TopologyFacts(links: links, attachments: facts.attachments)
    }

    private let known: [Int32: FastPathGuard] = [
        5: FastPathGuard(native: 100, members: [100...100], untagged: [100...100]),
        6: FastPathGuard(native: 7, members: [7...7, 20...30, 40...40], untagged: [7...7]),
        7: .defaultVLAN,
    ]

    @Test("A picture has their VLANs, and an uplink that nobody keeps is in all of them")
    func picture() throws {
        let lines = Topology(try host(known)).lines(Look(hasBlocks: true)).map { $0.split(separator: " ") }
        func words(_ name: String) throws -> [Substring] { try #require(lines.first { $0.contains { $0 == name } }) }
        #expect(try words("web:eth0").suffix(1) == ["100"])
        #expect(try words("db:eth0").joined(separator: " ").contains(" 20-30,40 native 7 "))
        #expect(try words("stray").contains("1"))
        #expect(try words("up0.5").suffix(3) == ["2-4094", "native", "1"])
        #expect(try words("br0").suffix(4) == ["VLANs", "kept", "by", "programs"])
        let nodes = try #require(try JSONReader(Topology(try host(known)).json).array("nodes"))
        let db = try #require(try nodes.first { try $0.string("id") == "attachment/lan/db/eth0" }?.object("vlans"))
        #expect(try db.integer("native", in: 0...4095) == 7 && db.array("tagged")?.count == 2)
    }

    @Test("A bridge without such programs has no VLANs")
    func nothing() throws {
        let text = Topology(try host([:])).lines(Look()).joined()
        #expect(!text.contains("VLAN"))
    }

    @Test("One at which the programs are and of which nothing is known is in no VLAN")
    func unknown() throws {
        let facts = try host([5: FastPathGuard(native: 0, members: [], untagged: [])])
        #expect(facts.links.first { $0.index == 5 }?.vlans == PortVLANs([]))
    }

    @Test("Of one whose programs do not tell, no VLAN is said, but that there are some")
    func untold() throws {
        let facts = try host([:], untold: [5])
        let bridge = try #require(facts.links.first { $0.name == "br0" })
        #expect(bridge.hasGuardedPorts)
        let port = try #require(KernelSwitch(bridge, in: facts, []).view.ports.first { $0.number == 5 })
        #expect(port.native == nil && port.tagged.isEmpty && port.flags.contains("vlans-unknown"))
        let text = Topology(facts).lines(Look(hasBlocks: true)).first { $0.contains("web:eth0") }
        #expect(try #require(text).contains("vlans-unknown"))
    }

    @Test("Switches show them at their ports")
    func tables() throws {
        let facts = try host(known)
        let bridge = try #require(facts.links.first { $0.name == "br0" })
        let ports = KernelSwitch(bridge, in: facts, []).view.ports
        let natives = Dictionary(uniqueKeysWithValues: ports.map { ($0.name, $0.native) })
        #expect(natives == ["veth1": 100, "veth2": 7, "stray": 1, "up0.5": 1])
        #expect(ports.first { $0.name == "veth2" }?.tagged == [20...30, 40...40])
    }
}
