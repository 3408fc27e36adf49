// SPDX-License-Identifier: Apache-2.0
import Addressing
import Netlink
import Testing

@testable import PacketFilter

@Suite("Connections that the kernel remembers")
struct TrackedConnectionTests {
    /// A datagram from 10.0.0.1 to 10.0.0.2, which 10.1.2.3 answers.
    private static let published = octets(
        """
        02 00 00 00  // AF_INET
        34 00 01 80  // CTA_TUPLE_ORIG
          14 00 01 80  08 00 01 00 0a 00 00 01  08 00 02 00 0a 00 00 02  // CTA_TUPLE_IP
          1c 00 02 80  05 00 01 00 11 00 00 00  06 00 02 00 d4 31 00 00  06 00 03 00 1f 90 00 00  // UDP, 54321, 8080
        34 00 02 80  // CTA_TUPLE_REPLY
          14 00 01 80  08 00 01 00 0a 01 02 03  08 00 02 00 0a 00 00 01
          1c 00 02 80  05 00 01 00 11 00 00 00  06 00 02 00 00 35 00 00  06 00 03 00 d4 31 00 00
        08 00 03 00 00 00 01 88  // CTA_STATUS
        08 00 0c 00 12 34 56 78  // CTA_ID
        06 00 12 00 00 05 00 00  // CTA_ZONE
        """
    )

    /// The same with addresses of IPv6.
    private static let six = octets(
        """
        0a 00 00 00
        4c 00 01 80
          2c 00 01 80
            14 00 03 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
            14 00 04 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02
          1c 00 02 80  05 00 01 00 06 00 00 00  06 00 02 00 d4 31 00 00  06 00 03 00 1f 90 00 00
        4c 00 02 80
          2c 00 01 80
            14 00 03 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02
            14 00 04 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
          1c 00 02 80  05 00 01 00 06 00 00 00  06 00 02 00 1f 90 00 00  06 00 03 00 d4 31 00 00
        """
    )

    private static func read(_ payload: [UInt8]) -> TrackedConnection? {
        let length = UInt8(16 + payload.count)
        return reply([length, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] + payload).flatMap { TrackedConnection($0) }
    }

    private static func text(_ tuple: TrackedConnection.Tuple) -> String {
        "\(tuple.source) \(tuple.sourcePort) \(tuple.destination) \(tuple.destinationPort)"
    }

    @Test("Both directions are read, in either family")
    func fields() throws {
        let four = try #require(Self.read(Self.published))
        #expect(Self.text(four.original) == "10.0.0.1 54321 10.0.0.2 8080")
        #expect(Self.text(four.reply) == "10.1.2.3 53 10.0.0.1 54321")
        let six = try #require(Self.read(Self.six))
        #expect(Self.text(six.original) == "fd00::1 54321 fd00::2 8080")
        #expect(Self.text(six.reply) == "fd00::2 8080 fd00::1 54321")
        #expect(four != six && four == Self.read(Self.published))
    }

    @Test("A message that is cut off before both directions are whole is no connection")
    func cutOff() {
        // Behind the second direction follow the status and what names the connection.
        for count in 0...Self.published.count {
            let connection = Self.read(Array(Self.published.prefix(count)))
            #expect((connection == nil) == (count < 108), "\(count) octets")
        }
        for count in 0..<Self.six.count {
            #expect(Self.read(Array(Self.six.prefix(count))) == nil, "\(count) octets")
        }
    }

    @Test("A message that is damaged anywhere does no harm")
    func damaged() {
        for index in Self.published.indices {
            for octet in [0x00, 0x01, 0x03, 0x7f, 0x80, 0xff] as [UInt8] {
                var octets = Self.published
                octets[index] = octet
                let connection = Self.read(octets)
                if index >= 112 { #expect(connection != nil, "octet \(index)") }
            }
        }
    }

    @Test("Messages without ports are no connections")
    func echo() {
        // CTA_PROTO_ICMP_ID, TYPE, CODE
        let echo = octets(
            """
            02 00 00 00
            3c 00 01 80
              14 00 01 80  08 00 01 00 0a 00 00 01  08 00 02 00 0a 00 00 02
              24 00 02 80  05 00 01 00 01 00 00 00  06 00 04 00 00 07 00 00
                05 00 05 00 08 00 00 00  05 00 06 00 00 00 00 00
            """
        )
        #expect(Self.read(echo) == nil)
        #expect(Self.read([]) == nil)
    }
}
