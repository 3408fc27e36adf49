// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing

/// What a replay of random stories beside a bridge of Linux once found, each as short as it became.
@Suite("Switches beside a bridge of Linux")
struct KernelStoryTests {
    private let ports = (0..<3 as Range<UInt16>).map { InterfaceID(index: $0) }

    private func makeSwitch(
        knowsVLANs: Bool = true,
        remembering count: Int = 0,
        _ first: VirtualInterface
    ) -> VirtualSwitch {
        var settings = VirtualSwitch.Settings()
        settings.knowsVLANs = knowsVLANs
        settings.rememberedFlows = count
        var theSwitch = VirtualSwitch(settings)
        for interface in [first, VirtualInterface("second"), VirtualInterface("third")] {
            _ = theSwitch.addInterface(interface)
        }
        return theSwitch
    }

    @Test("A frame that ends inside of a tag goes nowhere, whosever the tag is", arguments: [true, false])
    func tornTag(knowsVLANs: Bool) {
        var theSwitch = makeSwitch(knowsVLANs: knowsVLANs, VirtualInterface("first"))
        for type in ["8100", "88a8"] {
            for rest in ["", "00", "0001", "000188"] {
                let frame = bytes("02000000000c 02000000000f" + type + rest)
                #expect(theSwitch.forward(frame.span, from: ports[0], now: 0).dropReason == .truncated)
            }
            let whole = bytes("02000000000c 02000000000f" + type + "000188b5")
            #expect(theSwitch.forward(whole.span, from: ports[0], now: 0).verdict == .flood(.unknown))
        }
    }

    @Test("A frame that asks to pause teaches nothing; one to the group beside it does", arguments: [0, 16])
    func pause(remembering count: Int) {
        var theSwitch = makeSwitch(remembering: count, VirtualInterface("first"))
        let frames = [("0180c2000002", mac(2)), ("0180c2000001", mac(1)), ("0180c2000001", mac(1))]
        for (group, source) in frames {
            let frame = bytes(group) + source.octets + bytes("8808 0001")
            #expect(theSwitch.forward(frame.span, from: ports[0], now: 0).dropReason == .linkLocalGroup)
        }
        #expect(theSwitch.stations.lookup(mac(1), vlan: 1, now: 0) == nil)
        #expect(theSwitch.stations.lookup(mac(2), vlan: 1, now: 0)?.interface == ports[0])
    }

    @Test("An interface that leaves a VLAN forgets who was learned there in it, and nobody else")
    func leaving() {
        var trunk = VirtualInterface("first")
        trunk.vlans = .trunk(VLANSet([1, 2]))
        var theSwitch = makeSwitch(trunk)
        for (station, vlan) in [(mac(1), 1 as UInt16), (mac(2), 2)] {
            let frame = Frames.ethernet(from: station, to: broadcast, tag: vlan)
            _ = theSwitch.forward(frame.span, from: ports[0], now: 0)
        }
        theSwitch.addStation(mac(3), vlan: 2, at: ports[0], now: 0)
        theSwitch.update(ports[0]) { $0.vlans.members.remove(2) }
        #expect(theSwitch.stations.lookup(mac(1), vlan: 1, now: 0)?.interface == ports[0])
        #expect(theSwitch.stations.lookup(mac(2), vlan: 2, now: 0) == nil)
        #expect(theSwitch.stations.lookup(mac(3), vlan: 2, now: 0)?.isStatic == true)
    }

    @Test("Who is known at a locked interface stays known while heard, if it learns", arguments: [true, false])
    func locked(learns: Bool) {
        var theSwitch = makeSwitch(VirtualInterface("first"))
        let frame = Frames.ethernet(from: mac(1), to: broadcast)
        _ = theSwitch.forward(frame.span, from: ports[0], now: 0)
        theSwitch.update(ports[0]) { ($0.isLocked, $0.learns) = (true, learns) }
        #expect(theSwitch.forward(frame.span, from: ports[0], now: 20000).verdict == .flood(.broadcast))
        let late = theSwitch.forward(frame.span, from: ports[0], now: 40000)
        #expect(late.dropReason == (learns ? nil : .lockedInterface))
        let stranger = Frames.ethernet(from: mac(2), to: broadcast)
        #expect(theSwitch.forward(stranger.span, from: ports[0], now: 40000).dropReason == .lockedInterface)
        #expect(theSwitch.stations.lookup(mac(2), vlan: 1, now: 40000) == nil)
    }
}
