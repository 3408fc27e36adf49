// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Testing

@Suite("Frames that cannot be read")
struct UnreadableFrameTests {
    private static let four = Frames.udp(from: (mac(1), ip("10.0.0.1"), 4000), to: (mac(2), ip("10.0.0.2"), 53))

    /// The same frame behind tags.
    private static func tagged(_ tags: [UInt16], vlan: UInt8 = 0) -> [UInt8] {
        let octets = tags.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff), 0, vlan] }
        return Array(four[..<12]) + octets + Array(four[12...])
    }

    /// A packet of IPv6 with headers before its datagram.
    private static func six(_ headers: [[UInt8]], _ number: UInt8, datagram: Int = 10) -> [UInt8] {
        let udp: [UInt8] = [0x0f, 0xa0, 0, 53, 0, 10, 0, 0, 0xca, 0xfe]
        return Frames.packet(
            from: (mac(1), ip("fd00::1")),
            to: (mac(2), ip("fd00::2")),
            number,
            headers.flatMap { $0 } + Array(udp.prefix(datagram))
        )
    }

    /// So many headers of options for the destination.
    private static func options(_ count: Int) -> [UInt8] {
        six((1...count).map { [$0 == count ? 17 : 60, 0, 1, 4, 0, 0, 0, 0] }, 60)
    }

    private static func changed(_ frame: [UInt8], _ place: Int, _ octets: UInt8...) -> [UInt8] {
        var frame = frame
        for (index, octet) in octets.enumerated() { frame[place + index] = octet }
        return frame
    }

    static let unreadable: [[UInt8]] = [
        tagged([0x8100, 0x8100, 0x8100]), tagged([0x8100, 0x8100, 0x8100], vlan: 1),
        tagged([0x8100, 0x8100, 0x8100, 0x8100]), tagged([0x88a8, 0x8100, 0x8100]),
        tagged([0x8100, 0x88a8, 0x88a8]), options(17),
        // The length of the packet is 0, as of segments that are too long for it.
        changed(four, 16, 0, 0), changed(options(1), 18, 0, 0),
        // The datagram begins in the second fragment only.
        six([[60, 0, 0, 1, 0, 0, 0, 9], [17, 0, 1, 4, 0, 0, 0, 0]], 44, datagram: 0),
        changed(six([], 17), 18, 0, 0),
        // ARP over IEEE 802 rather than Ethernet, which Linux takes as well.
        changed(Frames.arp(1, from: mac(1), sender: (mac(1), ip("10.0.0.1")), target: ip("10.0.0.2")), 15, 6),
    ]

    static let readable: [[UInt8]] = [
        four, four + [UInt8](repeating: 0, count: 30), tagged([0x8100]), tagged([0x8100, 0x8100]),
        tagged([0x88a8, 0x8100]), options(16), six([], 17) + [0, 0, 0],
        // The first fragment, and a later one.
        changed(four, 20, 0x20, 0), changed(four, 20, 0, 1), six([[17, 0, 0, 1, 0, 0, 0, 9]], 44),
        six([[17, 0, 0, 8, 0, 0, 0, 9]], 44, datagram: 0),
        // A report of listeners with a router alert; nothing behind the header; something encrypted; ICMP.
        six([[58, 0, 5, 2, 0, 0, 1, 0], [143, 0, 0, 0, 0, 0, 0, 0]], 0, datagram: 0), six([], 59, datagram: 0),
        six([], 50), Frames.advertisement(from: (mac(1), ip("fd00::1")), of: ip("fd00::1")),
        Frames.packet(from: (mac(1), ip("10.0.0.1")), to: (mac(2), ip("10.0.0.2")), IPProtocol.icmp, [8, 0, 0, 0]),
        Frames.arp(1, from: mac(1), sender: (mac(1), ip("10.0.0.1")), target: ip("10.0.0.2")) + [0, 0, 0],
        // A bridge's own, with a length for a type; a type nobody knows.
        Frames.ethernet(from: mac(1), to: MACAddress(value: 0x0180_c200_0000), type: 38, payload: [0x42, 0x42, 3]),
        Frames.ethernet(from: mac(1), to: mac(2)),
        // As long as a segment can be that is still to be cut.
        Frames.packet(
            from: (mac(1), ip("10.0.0.1")),
            to: (mac(2), ip("10.0.0.2")),
            IPProtocol.tcp,
            [UInt8](repeating: 7, count: 65_515)
        ),
    ]

    /// What becomes of a frame, where datagrams to another port are denied and what cannot be read, or with no rules.
    private func verdict(of frame: [UInt8], isGuarded: Bool) -> Decision.Verdict {
        var theSwitch = VirtualSwitch()
        let ingress = InterfaceID(index: 0)
        for name in ["in", "out"] { _ = theSwitch.addInterface(VirtualInterface(name)) }
        for family in [AddressFamily.v4, .v6] where isGuarded {
            var match = RuleMatch()
            match.require(ingress: ingress)
            match.require(protocolNumber: IPProtocol.udp, family: family)
            match.require(destinationPort: 54)
            theSwitch.addRule(Rule(priority: 5, match: match, action: .deny))
        }
        if isGuarded {
            var match = RuleMatch()
            match.require(ingress: ingress)
            match.requireMalformed()
            theSwitch.addRule(Rule(priority: 1 << 16, match: match, action: .deny))
        }
        let explained = theSwitch.explain(frame.span, from: ingress, now: 1).decision.verdict
        let verdict = theSwitch.forward(frame.span, from: ingress, now: 1).verdict
        #expect(explained == verdict)
        return verdict
    }

    @Test("A rule can be about them, and without one they go their usual way", arguments: unreadable.indices)
    func malformed(index: Int) throws {
        let frame = Self.unreadable[index]
        let isMalformed = try #require(key(frame)).isMalformed
        #expect(isMalformed)
        #expect(verdict(of: frame, isGuarded: true) == .drop(.deniedByRule))
        let isForAll = frame[0] == 0xff
        #expect(verdict(of: frame, isGuarded: false) == .flood(isForAll ? .broadcast : .unknown))
    }

    @Test("What hosts send is none of them", arguments: readable.indices)
    func usual(index: Int) throws {
        let frame = Self.readable[index]
        let isMalformed = try #require(key(frame)).isMalformed
        #expect(!isMalformed)
        #expect(verdict(of: frame, isGuarded: true) == verdict(of: frame, isGuarded: false))
    }
}
