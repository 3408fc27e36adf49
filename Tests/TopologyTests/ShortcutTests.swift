// SPDX-License-Identifier: Apache-2.0
import Addressing
import JSON
import Netlink
import Pools
import SwitchControl
import Testing

@testable import Topology

@Suite("Ports with a shortcut past their bridge")
struct PortShortcutTests {
    private func address(_ number: UInt64) -> MACAddress { MACAddress(value: 0x0200_0000_0000 + number) }

    /// An ordinary host whose first port has a shortcut.
    private func host(_ body: (inout TopologyFacts.Shortcut) -> Void) throws -> TopologyFacts {
        let facts = try SomeHost.ordinary()
        var shortcut = TopologyFacts.Shortcut()
        body(&shortcut)
        var links = facts.links
        for index in links.indices where links[index].name == "veth1" {
            links[index].counters = LinkCounters()
            links[index].add(shortcut)
        }
        return TopologyFacts(links: links, attachments: facts.attachments)
    }

    private func traits(_ facts: TopologyFacts) throws -> [String] {
        let nodes = try #require(try JSONReader(Topology(facts).json).array("nodes"))
        let web = try #require(try nodes.first { try $0.string("id") == "attachment/lan/web/eth0" })
        return try web.array("traits")?.map { try $0.string() } ?? []
    }

    private func flags(_ facts: TopologyFacts) throws -> [String] {
        let bridge = KernelSwitch(try #require(facts.links.first { $0.name == "br0" }), in: facts, [])
        return try #require(bridge.view.ports.first { $0.name == "veth1" }).flags
    }

    @Test("Frames that go past both ways, one way and not at all have a word each, in every form")
    func words() throws {
        let station = TopologyFacts.Shortcut.Station(address(1))
        let words: [(takesFrames: Bool, isLedTo: Bool, word: [String])] = [
            (true, true, ["shortcut"]), (true, false, ["shortcut-from"]), (false, true, ["shortcut-to"]),
            (false, false, []),
        ]
        for (takesFrames, isLedTo, word) in words {
            let facts = try host { shortcut in
                shortcut.takesFrames = takesFrames
                if isLedTo { shortcut.stations = [station] }
            }
            #expect(try traits(facts) == ["isolated"] + word)
            #expect(try flags(facts) == ["isolated"] + word)
            let topology = Topology(facts)
            for form in [topology.lines(Look()).joined(), topology.svg, topology.dot] {
                #expect(form.contains("shortcut") == !word.isEmpty)
            }
        }
    }

    @Test("What came past the bridge is counted with the rest")
    func counters() throws {
        let facts = try host { shortcut in
            (shortcut.received.sentPackets, shortcut.received.sentOctets) = (3, 300)
        }
        let counters = try #require(facts.links.first { $0.name == "veth1" }?.counters)
        #expect(counters.sentPackets == 3 && counters.sentOctets == 300 && counters.receivedPackets == 0)
    }

    @Test("A station is led to in its VLAN, and without one in that of frames without a tag")
    func stations() {
        var shortcut = TopologyFacts.Shortcut()
        shortcut.stations = [TopologyFacts.Shortcut.Station(address(1))]
        #expect(shortcut.leads(to: address(1), vlan: 0, native: nil))
        #expect(shortcut.leads(to: address(1), vlan: 1, native: 1))
        #expect(!shortcut.leads(to: address(1), vlan: 20, native: 1))
        #expect(!shortcut.leads(to: address(2), vlan: 0, native: nil))
        shortcut.stations = [TopologyFacts.Shortcut.Station(address(1), vlan: 10)]
        #expect(shortcut.leads(to: address(1), vlan: 10, native: 10))
        #expect(!shortcut.leads(to: address(1), vlan: 1, native: 10))
        // Of a bridge without VLANs, at whose ports programs keep them.
        #expect(shortcut.leads(to: address(1), vlan: 0, native: nil))
    }
}
