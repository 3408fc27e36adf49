// SPDX-License-Identifier: Apache-2.0
import Forwarding
import JSON
import SwitchControl
import Testing

@testable import SwitchDaemon

@Suite("Rules of a network, as the switch has them")
struct SwitchRuleMatchTests {
    private func matches(_ members: String) throws -> [RuleMatch] {
        let text = #"{"rules": [{"action": "deny", \#(members)}]}"#
        let rules = try SwitchRule.all(JSONReader(try JSONValue(parsing: text)))
        return try #require(rules.first).matches(from: InterfaceID(index: 5))
    }

    @Test("One is about one port, and as many as families and runs of ports need")
    func number() throws {
        #expect(try matches(#""vlan": 7"#).count == 1)
        #expect(try matches(#""protocol": "tcp", "destinationPort": 80"#).count == 2)
        #expect(try matches(#""protocol": "tcp", "source": "10.0.0.0/8", "sourcePort": "8-15""#).count == 1)
        #expect(try matches(#""protocol": "udp", "destinationPort": "1-65534""#).count == 60)
        for match in try matches(#""protocol": "udp", "destinationPort": "1-65534""#) {
            #expect(match.key.ingress == InterfaceID(index: 5) && match.mask.ingress == InterfaceID(index: .max))
        }
    }

    @Test("A range of ports is about all in it and no other")
    func range() throws {
        let all = try matches(#""protocol": "tcp", "source": "10.0.0.0/8", "destinationPort": "1000-1999""#)
        var frame = all[0].key
        for port in [0, 999, 1000, 1001, 1500, 1999, 2000, 65535] as [UInt16] {
            frame.destinationPort = port
            #expect(all.contains { $0.contains(frame) } == (1000...1999).contains(port))
        }
    }

    @Test("Addresses beside the type of ARP are those that it says")
    func arp() throws {
        let match = try #require(try matches(#""etherType": "arp", "destination": "10.0.0.1""#).first)
        #expect(match.key.etherType == EtherType.arp && match.mask.etherType == .max)
    }
}
