// SPDX-License-Identifier: Apache-2.0
import Addressing
import JSON
import Testing

@testable import SwitchControl

private func rules(_ text: String) throws -> [SwitchRule] {
    try SwitchRule.all(JSONReader(try JSONValue(parsing: #"{"rules": [\#(text)]}"#)))
}

@Suite("Rules of a network, as they are written")
struct SwitchRuleTests {
    private static let full = """
        {"priority": 7, "action": "redirect", "to": "c9:eth0", "vlan": 9, "etherType": "ipv4",
         "sourceMAC": "02:00:00:00:00:01/ff:ff:00:00:00:00", "destinationMAC": "02:00:00:00:00:02",
         "source": "10.1.2.3/16", "destination": "10.1.0.9", "protocol": "tcp", "sourcePort": "1000-2000",
         "destinationPort": 80}
        """

    @Test("Each field is read, and what is written of it means the same")
    func fields() throws {
        let rule = try #require(try rules(Self.full).first)
        #expect(rule.priority == 7 && rule.action == .redirect("c9:eth0") && rule.vlan == 9 && rule.etherType == 0x800)
        #expect(rule.sourceStations?.address == MACAddress("02:00:00:00:00:00"))
        #expect(rule.destinationStations?.mask == MACAddress("ff:ff:ff:ff:ff:ff"))
        #expect(rule.source == CIDR("10.1.2.3/16") && rule.destination == CIDR("10.1.0.9/32"))
        #expect(rule.protocolNumber == 6 && rule.sourcePorts == 1000...2000 && rule.destinationPorts == 80...80)
        let others = [
            #"{"action": "permit"}"#, #"{"action": "deny", "protocol": 58, "sourcePort": "135"}"#,
            #"{"action": "mirror", "to": "a", "source": "fd00::/64"}"#, #"{"action": "deny", "etherType": 2048}"#,
        ]
        for text in others + [Self.full] {
            let read = try rules(text)
            let written = JSONValue.object(["rules": .array(read.map { $0.json })] as JSONObject)
            #expect(try SwitchRule.all(JSONReader(written)) == read)
        }
        #expect(try SwitchRule.all(JSONReader(.object([:]))).isEmpty)
    }

    @Test(
        "The family of IP follows from what is named",
        arguments: [
            (#""protocol": "tcp""#, [.v4, .v6]), (#""protocol": "icmp""#, [.v4]), (#""protocol": "icmpv6""#, [.v6]),
            (#""protocol": "udp", "etherType": "ipv6""#, [.v6]), (#""source": "10.0.0.0/8""#, [.v4]),
            (#""destination": "fd00::1", "protocol": 17"#, [.v6]), (#""vlan": 7"#, []),
            (#""etherType": "arp", "source": "10.0.0.1""#, [.v4]), (#""etherType": "ipv4""#, []),
        ] as [(String, [AddressFamily])]
    )
    func families(members: String, families: [AddressFamily]) throws {
        #expect(try rules(#"{"action": "deny", \#(members)}"#).first?.families == families)
    }

    @Test(
        "What could never be about a frame is refused",
        arguments: [
            #""source": "10.0.0.0/8", "destination": "fd00::/8""#, #""sourcePort": 5"#,
            #""protocol": 47, "destinationPort": 5"#, #""protocol": 6, "sourcePort": "1-2", "destinationPort": "1-2""#,
            #""etherType": "arp", "protocol": 6"#, #""etherType": "ipv6", "source": "10.0.0.1""#,
            #""etherType": "ipv4", "protocol": "icmpv6", "source": "fd00::1""#, #""sourcePort": "2-1", "protocol": 6"#,
        ]
    )
    func refused(members: String) {
        #expect(throws: JSONTypeError.self) { try rules(#"{"action": "deny", \#(members)}"#) }
    }

    @Test("There may be as many as a network can have, and no more")
    func number() throws {
        let rule = #"{"action": "permit"}"#
        #expect(try rules(Array(repeating: rule, count: 64).joined(separator: ",")).count == 64)
        #expect(throws: JSONTypeError.self) { try rules(Array(repeating: rule, count: 65).joined(separator: ",")) }
    }
}
