// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import DHCP

@Suite("DHCP messages")
struct DHCPMessageTests {
    private static var example: DHCPMessage {
        var message = DHCPMessage(.acknowledgement, transaction: 0x0102_0304, clientHardware: hardware)
        message.seconds = 0x1122
        message.wantsBroadcast = true
        message.clientAddress = IPAddress(v4: 0x0a01_0014)
        message.yourAddress = IPAddress(v4: 0x0a01_0015)
        message.options[.subnetMask] = [255, 255, 0, 0]
        message.options[.hostName] = Array("web".utf8)
        return message
    }

    @Test("A message has its fields where RFC 2131 puts them")
    func layout() {
        let octets = Self.example.octets
        #expect(Array(octets[..<12]) == [2, 1, 6, 0, 1, 2, 3, 4, 0x11, 0x22, 0x80, 0])
        #expect(Array(octets[12..<20]) == [10, 1, 0, 20, 10, 1, 0, 21])
        #expect(Array(octets[28..<34]) == [2, 0, 0, 0, 0, 5])
        #expect(
            Array(octets[236..<257]) == [
                99, 130, 83, 99, 53, 1, 5, 1, 4, 255, 255, 0, 0, 12, 3, 119, 101, 98, 255, 0, 0,
            ]
        )
        #expect(octets.count == 300)
    }

    @Test("What was written is read back", arguments: [0, 1, 254, 255, 256, 510, 600])
    func roundTrip(length: Int) {
        var message = Self.example
        message.options[.userClass] = [UInt8](repeating: 7, count: length)
        #expect(DHCPMessage(parsing: message.octets) == message)
    }

    @Test("A message cut off anywhere before its end mark is none")
    func cutOff() {
        let octets = Self.example.octets
        for length in 0..<252 where ![243, 249].contains(length) {
            #expect(DHCPMessage(parsing: Array(octets[..<length])) == nil, "cut off at \(length)")
        }
    }

    @Test("Of option fields that go on elsewhere all parts are read, each option's in order")
    func overload() {
        var octets = Self.example.octets
        let start = [UInt8]([53, 1, 5, 52, 1, 3, 12, 1, 97, 255])
        octets.replaceSubrange(240..<(240 + start.count), with: start)
        octets.replaceSubrange(108..<112, with: [12, 1, 98, 255])
        octets.replaceSubrange(44..<48, with: [12, 1, 99, 255])
        #expect(DHCPMessage(parsing: octets)?.options[.hostName] == Array("abc".utf8))
    }

    @Test(
        "What is not a message of an Ethernet host is none",
        arguments: [(0, 3), (1, 6), (2, 16), (236, 0), (242, 9), (242, 0), (0, 1), (241, 2)] as [(Int, UInt8)]
    )
    func strangers(offset: Int, value: UInt8) {
        var octets = Self.example.octets
        octets[offset] = value
        #expect(DHCPMessage(parsing: octets) == nil)
    }

    @Test("Whatever is in a message, reading it, its terms and a client's answer to it come to an end")
    func noise() throws {
        var chance = Chance(seed: 20_240_601)
        var client = newClient()
        let discover = try #require(client.handle(.start, at: 0).sent.first)
        var readable = 0
        let pattern = reply(
            .offer,
            to: discover.message,
            [121: [24, 10, 2, 3, 10, 1, 0, 1], 119: [1, 97, 0, 0xc0, 0]]
        )
        for round in 0..<20_000 {
            var octets = pattern.octets
            for _ in 0..<(round % 9) {
                octets[Int(chance.next() % UInt64(octets.count))] = UInt8(truncatingIfNeeded: chance.next())
            }
            if round % 5 == 0 { octets.removeLast(Int(chance.next() % UInt64(octets.count))) }
            // Options are where most can go wrong.
            for index in stride(from: 243, to: octets.count, by: 1) where round % 7 == 0 {
                octets[index] = UInt8(truncatingIfNeeded: chance.next())
            }
            guard let message = DHCPMessage(parsing: octets) else { continue }
            readable += 1
            #expect(DHCPMessage(parsing: message.octets)?.kind == message.kind)
            var other = client
            _ = other.handle(.received(message), at: Int64(round) * second)
        }
        #expect(readable > 5000)
    }

    @Test(
        "Options go by the names of dhcp-options(5), or by number",
        arguments: [
            ("host-name", 12), ("dhcp-client-identifier", 61), ("routers", 3), ("user-class", 77), ("1", 1),
            ("254", 254), ("012", 12),
        ] as [(String, UInt8)]
    )
    func names(text: String, number: UInt8) {
        #expect(DHCPOptionCode(named: text)?.rawValue == number)
    }

    @Test(
        "Other words are no options",
        arguments: ["", "0", "255", "256", "-1", "1a", "Host-Name", "99999999999999999999"]
    )
    func noNames(text: String) {
        #expect(DHCPOptionCode(named: text) == nil)
    }
}

@Suite("DHCP datagrams")
struct DHCPDatagramTests {
    private static let payload = DHCPMessage(.offer, transaction: 9, clientHardware: hardware).octets

    private static func packet() -> [UInt8] {
        DHCPDatagram.packet(payload, from: IPAddress(v4: 0x0a01_0001), 67, to: IPAddress(v4: 0x0a01_0014), 68)
    }

    @Test("A datagram has the checksums that RFC 791 and RFC 768 ask for")
    func checksums() {
        let packet = DHCPDatagram.broadcast([1, 2, 3])
        let expected: [UInt8] = [
            0x45, 0, 0, 31, 0, 0, 0, 0, 64, 17, 0x7a, 0xcf, 0, 0, 0, 0, 255, 255, 255, 255, 0, 68, 0, 67, 0, 11, 0xfb,
            0x4f, 1, 2, 3,
        ]
        #expect(packet == expected)
    }

    @Test("What a packet carries is found, behind options and before padding")
    func payload() {
        var packet = Self.packet()
        #expect(DHCPDatagram.payload(of: packet, hasChecksum: true) == Self.payload)
        packet += [0, 0, 0, 0]
        #expect(DHCPDatagram.payload(of: packet, hasChecksum: true) == Self.payload)
    }

    @Test("Damage anywhere in a packet is noticed", arguments: 0..<40)
    func damage(offset: Int) {
        var packet = Self.packet()
        packet[offset] ^= 0x10
        #expect(DHCPDatagram.payload(of: packet, hasChecksum: true) == nil)
    }

    @Test("A packet of this machine may lack its checksum")
    func offloaded() {
        var packet = Self.packet()
        packet[26] ^= 0xff
        #expect(DHCPDatagram.payload(of: packet, hasChecksum: true) == nil)
        #expect(DHCPDatagram.payload(of: packet, hasChecksum: false) == Self.payload)
    }

    @Test("A packet cut off anywhere carries nothing")
    func cutOff() {
        let packet = Self.packet()
        for length in packet.indices {
            #expect(DHCPDatagram.payload(of: Array(packet[..<length]), hasChecksum: false) == nil)
        }
    }
}
