// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing

@testable import Reachability

@Suite("Large bridges")
struct BridgeTableTests {
    /// A bridge with ports 1 and on, each of all VLANs, behind which nobody is known.
    private func space(ports: Int, filtersVLANs: Bool = true) -> HostModel.Namespace {
        var trunk = HostModel.Port()
        (trunk.native, trunk.vlans, trunk.untagged) = (1, .all, VLANSet([1]))
        var space = HostModel.Namespace("host")
        space.links = (0...ports).map { number in
            let kind = number == 0 ? "bridge" : "veth"
            var link = HostModel.Link(index: Int32(number), name: "l\(number)", kind: kind, address: own(number))
            link.port = trunk
            if number == 0 { link.filtersVLANs = filtersVLANs } else { link.master = 0 }
            return link
        }
        return space
    }

    /// The address of a link.
    private func own(_ number: Int) -> MACAddress { MACAddress(value: 0x0200_0000_0000 | UInt64(number)) }

    /// One that is elsewhere.
    private func other(_ number: Int) -> MACAddress { MACAddress(value: 0x0600_0000_0000 | UInt64(number)) }

    private func station(_ number: Int, _ vlan: UInt16, at link: Int) -> HostModel.Station {
        HostModel.Station(address: other(number), vlan: vlan, link: Int32(link), isPermanent: false)
    }

    /// Where a frame that comes by the first port is delivered.
    private func goals(_ space: HostModel.Namespace, to destination: MACAddress, vlan: UInt16 = 0) -> [Int32] {
        var packet = Packet(source: other(0), destination: destination, etherType: 0x88b5, body: [1, 2])
        packet.vlan = vlan
        let decision = BridgeTable(space.links[0], of: space).decide(packet, from: space.links[1])
        return decision.deliveries.map { $0.0.index }
    }

    @Test("The host's own addresses are known in each of thousands of VLANs", arguments: [true, false])
    func ownAddresses(filtersVLANs: Bool) {
        let space = space(ports: 40, filtersVLANs: filtersVLANs)
        for vlan in stride(from: UInt16(1), through: 4094, by: 273) {
            #expect(goals(space, to: own(0), vlan: vlan) == [0])
            #expect(goals(space, to: own(40), vlan: vlan) == [0])
        }
    }

    @Test("A station is known in its VLAN and in no other one, however many there are")
    func stations() {
        var space = space(ports: 3)
        space.stations = (1...10000).map { station($0, 7, at: 2) } + [station(1, 8, at: 3)]
        #expect(goals(space, to: other(10000), vlan: 7) == [2])
        #expect(goals(space, to: other(1), vlan: 7) == [2])
        #expect(goals(space, to: other(1), vlan: 8) == [3])
        #expect(goals(space, to: other(10000), vlan: 8) == [2, 3])
        #expect(goals(space, to: other(10000)) == [2, 3])
    }

    @Test("Frames without a tag are of their port's VLAN")
    func native() {
        var space = space(ports: 3)
        space.stations = [station(1, 1, at: 3)]
        #expect(goals(space, to: other(1)) == [3])
        space.links[1].port?.native = 9
        #expect(goals(space, to: other(1)) == [2, 3])
    }

    @Test("All ports that Linux gives to a bridge take part")
    func allPorts() {
        var space = space(ports: 1023)
        space.stations = [station(1, 5, at: 1023)]
        #expect(goals(space, to: other(1), vlan: 5) == [1023])
        #expect(goals(space, to: other(2), vlan: 5).count == 1022)
        #expect(goals(space, to: own(1023), vlan: 5) == [0])
    }
}
