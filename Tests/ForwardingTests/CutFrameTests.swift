// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import SeededNumbers
import Testing

@Suite("Frames that are cut off")
struct CutFrameTests {
    static let frames: [[UInt8]] = [
        Frames.udp(from: (mac(1), ip("10.0.0.1"), 1), to: (mac(2), ip("10.0.0.2"), 2)),
        Frames.udp(from: (mac(1), ip("fd00::1"), 1), to: (mac(2), ip("fd00::2"), 2), tag: 0x2005),
        Frames.arp(1, from: mac(1), sender: (mac(1), ip("10.0.0.1")), target: ip("10.0.0.2")),
        Frames.advertisement(from: (mac(1), ip("fd00::1")), of: ip("fd00::1")),
        ProtocolTests.tagged,
    ]

    @Test("Every parser refuses what is cut off, and reads nothing behind the end", arguments: frames.indices)
    func parsers(index: Int) {
        let frame = Self.frames[index]
        for length in 0..<frame.count {
            let cut = Array(frame.prefix(length))
            guard let ethernet = EthernetView(cut.span) else {
                #expect(length < 14 || frame[12] != 8 && length < 22)
                continue
            }
            let payload = ethernet.payload
            let (found, expected) = (payload.count, length - ethernet.headerLength)
            #expect(found == expected)
            let isAccepted =
                switch ethernet.etherType {
                case EtherType.ipv4: IPv4Header(reading: payload) != nil
                case EtherType.ipv6: IPv6Header(reading: payload) != nil
                case EtherType.arp: ARPMessage(reading: payload) != nil
                default: false
                }
            #expect(!isAccepted)
            for start in 0...payload.count {
                let rest = payload.extracting(start..<payload.count)
                _ = TCPView(rest)?.payload.count
                _ = UDPView(rest)?.payload.count
                _ = ICMPView(rest)?.neighbourTarget
                _ = VXLANView(rest)?.frame.count
            }
        }
    }

    @Test("The key of a packet that is cut off holds nothing of it", arguments: frames.indices)
    func keys(index: Int) throws {
        let frame = Self.frames[index]
        let whole = try #require(key(frame))
        #expect(whole.ingress == InterfaceID(index: 3))
        for length in 0..<frame.count {
            guard let key = key(Array(frame.prefix(length))) else {
                #expect(length < 18)
                continue
            }
            #expect(key.isMalformed || key.etherType != whole.etherType)
            #expect(key.sourcePort == 0)
            #expect(key.destinationPort == 0)
            #expect(key.protocolNumber == 0)
        }
    }

    @Test("Damaged octets never stop the switch")
    func noise() {
        var generator = SeededGenerator(11)
        for _ in 0..<3000 {
            var frame = Self.frames[Int.random(in: 0..<Self.frames.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                frame[Int.random(in: 0..<frame.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard let view = EthernetView(frame.span), let key = key(frame) else { continue }
            let (source, destination) = (view.source, view.destination)
            #expect(key.source == source)
            #expect(key.destination == destination)
            let payload = view.payload
            if let header = IPv4Header(reading: payload), view.etherType == EtherType.ipv4 {
                #expect(key.sourceAddress == header.source)
                #expect(key.protocolNumber == header.protocolNumber)
            }
            if let packet = IPv6View(payload), view.etherType == EtherType.ipv6, let chain = packet.chain {
                let destination = packet.destination
                #expect(key.destinationAddress == destination)
                #expect(key.protocolNumber == chain.protocolNumber)
            }
        }
    }
}
