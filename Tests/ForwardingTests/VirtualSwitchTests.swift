// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing

@Suite("Switches")
struct VirtualSwitchTests {
    private let ports = (0..<4 as Range<UInt16>).map { InterfaceID(index: $0) }

    private static let group = (broadcast, ip("ff02::16"))

    /// A switch with four interfaces, changed in turn.
    private func makeSwitch(_ changes: [Int: (inout VirtualInterface) -> Void] = [:]) -> VirtualSwitch {
        var theSwitch = VirtualSwitch()
        for index in 0..<4 {
            var interface = VirtualInterface("port\(index)")
            changes[index]?(&interface)
            _ = theSwitch.addInterface(interface)
        }
        return theSwitch
    }

    private func set(_ indexes: Int...) -> InterfaceSet {
        var set = InterfaceSet()
        for index in indexes { set.insert(ports[index]) }
        return set
    }

    @Test("The first frame goes to all, the answer to one, and never back")
    func learning() {
        var theSwitch = makeSwitch()
        let there = Frames.ethernet(from: mac(1), to: mac(2))
        let back = Frames.ethernet(from: mac(2), to: mac(1))
        let first = theSwitch.forward(there.span, from: ports[0], now: 0)
        let reached = theSwitch.outputs(of: first)
        #expect(first.verdict == .flood(.unknown))
        #expect(reached == set(1, 2, 3))
        #expect(theSwitch.forward(back.span, from: ports[3], now: 1).verdict == .forward(ports[0]))
        #expect(theSwitch.forward(there.span, from: ports[0], now: 2).verdict == .forward(ports[3]))
        #expect(theSwitch.forward(back.span, from: ports[0], now: 3).dropReason == .sameInterface)
        // The station has moved with its last frame, and is forgotten when it is silent.
        #expect(theSwitch.forward(there.span, from: ports[1], now: 4).verdict == .forward(ports[0]))
        #expect(theSwitch.forward(there.span, from: ports[1], now: 30003).verdict == .flood(.unknown))
    }

    @Test("What comes and goes is counted where it does")
    func counting() {
        var theSwitch = makeSwitch()
        let frame = Frames.ethernet(from: mac(1), to: mac(2))
        let invalid = Frames.ethernet(from: broadcast, to: mac(2))
        _ = theSwitch.forward(frame.span, from: ports[0], now: 0)
        _ = theSwitch.forward(invalid.span, from: ports[0], now: 0)
        let (zero, one) = (theSwitch.counters(of: ports[0]), theSwitch.counters(of: ports[1]))
        #expect(zero.receivedFrames == 2)
        #expect(zero.receivedBytes == UInt64(frame.count + invalid.count))
        #expect(zero.droppedFrames == 1)
        #expect(zero.sentFrames == 0)
        #expect(one.sentFrames == 1)
        #expect(one.sentBytes == UInt64(frame.count))
        let drops = DropReason.allCases.map { theSwitch.dropCount(of: ports[0], for: $0) }
        #expect(drops.reduce(0, +) == 1)
        #expect(theSwitch.dropCount(of: ports[0], for: .invalidSource) == 1)
    }

    @Test("Whoever looks on gets one copy of what comes and of what goes")
    func mirrors() {
        let last = ports[3]
        var theSwitch = makeSwitch([0: { $0.mirror = last }, 1: { $0.mirror = last }])
        theSwitch.addStation(mac(2), vlan: 1, at: ports[1], now: 0)
        var match = RuleMatch()
        match.require(destination: mac(2))
        theSwitch.addRule(Rule(priority: 0, match: match, action: .mirror(ports[2])))
        let frame = Frames.ethernet(from: mac(1), to: mac(2))
        let decision = theSwitch.forward(frame.span, from: ports[0], now: 0)
        var deliveries: [(InterfaceID, Bool)] = []
        theSwitch.forEachDelivery(of: decision) { deliveries.append(($0.interface, $0.isMirror)) }
        #expect(deliveries.map { $0.0 } == [ports[1], ports[2], ports[3]])
        #expect(deliveries.map { $0.1 } == [false, true, true])
        #expect(theSwitch.counters(of: last).mirroredFrames == 1)
        // Also of what is dropped, but never back.
        let invalid = Frames.ethernet(from: .zero, to: mac(2))
        var copies = 0
        for port in [ports[0], ports[3]] {
            let dropped = theSwitch.forward(invalid.span, from: port, now: 0)
            theSwitch.forEachDelivery(of: dropped) { copies += $0.isMirror ? 1 : 0 }
        }
        #expect(copies == 1)
    }

    @Test(
        "Only allowed addresses come in",
        arguments: [
            (Frames.udp(from: (mac(1), ip("10.0.0.5"), 1), to: (mac(2), ip("10.0.0.9"), 1)), nil),
            (Frames.udp(from: (mac(1), ip("10.0.0.6"), 1), to: (mac(2), ip("10.0.0.9"), 1)), .addressNotAllowed),
            (Frames.udp(from: (mac(3), ip("10.0.0.5"), 1), to: (mac(2), ip("10.0.0.9"), 1)), .sourceNotAllowed),
            (Frames.udp(from: (mac(1), ip("0.0.0.0"), 68), to: (broadcast, ip("255.255.255.255"), 67)), nil),
            (Frames.udp(from: (mac(1), ip("0.0.0.0"), 68), to: (broadcast, ip("10.0.0.9"), 69)), .addressNotAllowed),
            (Frames.arp(1, from: mac(1), sender: (mac(1), ip("10.0.0.5")), target: ip("10.0.0.9")), nil),
            (Frames.arp(1, from: mac(1), sender: (mac(1), ip("0.0.0.0")), target: ip("10.0.0.9")), nil),
            (Frames.arp(2, from: mac(1), sender: (mac(1), ip("10.0.0.9")), target: ip("10.0.0.5")), .addressNotAllowed),
            (Frames.arp(2, from: mac(1), sender: (mac(7), ip("10.0.0.5")), target: ip("10.0.0.9")), .sourceNotAllowed),
            (Frames.udp(from: (mac(1), ip("fd00::5"), 1), to: (mac(2), ip("fd00::9"), 1)), nil),
            (Frames.udp(from: (mac(1), ip("fd00::6"), 1), to: (mac(2), ip("fd00::9"), 1)), .addressNotAllowed),
            (Frames.udp(from: (mac(1), ip("fe80::ff:fe00:1"), 1), to: (mac(2), ip("fe80::9"), 1)), nil),
            (Frames.udp(from: (mac(1), ip("fe80::ff:fe00:2"), 1), to: (mac(2), ip("fe80::9"), 1)), .addressNotAllowed),
            (Frames.advertisement(from: (mac(1), ip("fd00::5")), of: ip("fd00::5")), nil),
            (Frames.advertisement(from: (mac(1), ip("fd00::5")), of: ip("fd00::9")), .addressNotAllowed),
            (Frames.packet(from: (mac(1), ip("::")), to: group, 58, [143, 0, 0, 0, 0, 0, 0, 0]), nil),
            (Frames.packet(from: (mac(1), ip("::")), to: group, 17, [0, 1, 0, 2, 0, 8, 0, 0]), .addressNotAllowed),
            (Frames.ethernet(from: mac(1), to: mac(2), type: EtherType.ipv4, payload: [69]), .unreadablePacket),
            (Frames.ethernet(from: mac(1), to: mac(2)), .unreadablePacket),
        ] as [([UInt8], DropReason?)]
    )
    func spoofing(frame: [UInt8], reason: DropReason?) {
        var theSwitch = makeSwitch([
            0: {
                $0.allowedSources = [mac(1)]
                $0.allowedAddresses = [net("10.0.0.5/32"), net("fd00::5/128")]
            }
        ])
        let decision = theSwitch.forward(frame.span, from: ports[0], now: 0)
        #expect(decision.dropReason == reason)
        let elsewhere = theSwitch.forward(frame.span, from: ports[1], now: 0).dropReason
        #expect(elsewhere == nil)
    }

    @Test("Nothing is learned from what a rule denies")
    func deniedTeachesNothing() {
        var theSwitch = makeSwitch()
        theSwitch.addRule(Rule(priority: 0, match: RuleMatch(), action: .deny))
        let frame = Frames.ethernet(from: mac(1), to: mac(2))
        #expect(theSwitch.forward(frame.span, from: ports[0], now: 0).dropReason == .deniedByRule)
        let count = theSwitch.stations.count
        #expect(count == 0)
    }

    @Test("An interface that goes down is forgotten, what was written down is not")
    func bringDown() {
        var theSwitch = makeSwitch()
        theSwitch.addStation(mac(7), vlan: 1, at: ports[0], now: 0)
        let frame = Frames.ethernet(from: mac(1), to: mac(2))
        _ = theSwitch.forward(frame.span, from: ports[0], now: 0)
        theSwitch.update(ports[0]) { $0.bringDown() }
        let known = theSwitch.stations.count
        #expect(known == 1)
        let answer = Frames.ethernet(from: mac(2), to: mac(7))
        #expect(theSwitch.forward(answer.span, from: ports[1], now: 1).dropReason == .outputDown)
        theSwitch.removeInterface(ports[0])
        #expect(theSwitch.forward(answer.span, from: ports[1], now: 1).verdict == .flood(.unknown))
        let again = theSwitch.addInterface(VirtualInterface("again"))
        #expect(again == ports[0])
    }

    @Test("A switch has as many interfaces as it may have")
    func capacity() {
        var settings = VirtualSwitch.Settings()
        settings.maximumInterfaces = 65
        settings.knowsVLANs = false
        var theSwitch = VirtualSwitch(settings)
        var ids: [InterfaceID?] = []
        for _ in 0..<66 { ids.append(theSwitch.addInterface(VirtualInterface("port"))) }
        #expect(ids.last == .some(nil))
        #expect(ids[64] == InterfaceID(index: 64))
        let frame = Frames.ethernet(from: mac(1), to: broadcast)
        let decision = theSwitch.forward(frame.span, from: InterfaceID(index: 64), now: 0)
        let outputs = theSwitch.outputs(of: decision)
        #expect(outputs.count == 64)
        #expect(theSwitch.forward(frame.span, from: InterfaceID(index: 1000), now: 0).dropReason == .noSuchInterface)
        let short = Array(frame.prefix(13))
        #expect(theSwitch.forward(short.span, from: InterfaceID(index: 0), now: 0).dropReason == .truncated)
    }

    @Test("Every reason has a sentence of its own")
    func explanations() {
        #expect(Set(DropReason.allCases.map(\.explanation)).count == DropReason.allCases.count)
    }
}
