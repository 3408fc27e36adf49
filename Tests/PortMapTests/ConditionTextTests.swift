// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import PacketFilter
import Testing
import Wiring

@testable import PortMap

@Suite("Conditions in nft's words")
struct ConditionTextTests {
    /// A value that the tests know to be one.
    private static func address(_ text: String) -> Datum {
        IPAddress(text).map { .address($0) } ?? .octet(0)
    }

    private static func network(_ text: String) -> Datum {
        CIDR(text).map { .network($0) } ?? .octet(0)
    }

    private static let ether: Datum = MACAddress("02:00:00:00:00:01").map { .ether($0) } ?? .octet(0)

    @Test(
        "Every field is compared with a value of its own kind",
        arguments: [
            ("ip saddr 10.0.0.1", .match(.ipSaddr, address("10.0.0.1"))),
            ("ip daddr 10.0.0.0/8", .match(.ipDaddr, network("10.0.0.0/8"))),
            ("tcp sport 80", .match(.tcpSport, .port(80))), ("tcp dport 65535", .match(.tcpDport, .port(65_535))),
            ("udp sport 0", .match(.udpSport, .port(0))), ("udp dport 53-60", .match(.udpDport, .ports(53...60))),
            ("sctp sport 1", .match(.sctpSport, .port(1))), ("sctp dport 7-7", .match(.sctpDport, .port(7))),
            ("th sport 1", .match(.thSport, .port(1))), ("th dport 1", .match(.thDport, .port(1))),
            ("ether saddr 02:00:00:00:00:01", .match(.etherSaddr, ether)),
            ("meta mark 0x2000", .match(.metaMark, .mark(0x2000))), ("meta mark 7", .match(.metaMark, .mark(7))),
            ("meta l4proto udp", .match(.metaL4proto, .octet(17))), ("iifname eth0", .match(.iifname, .name("eth0"))),
            ("oifname \"veth*\"", .match(.oifname, .name("veth*"))), ("meta iifname lo", .match(.iifname, .name("lo"))),
            ("meta oifname \"br-x\"", .match(.oifname, .name("br-x"))),
            ("ip saddr == 10.0.0.1", .match(.ipSaddr, address("10.0.0.1"))),
            ("ip saddr != 10.0.0.1", .mismatch(.ipSaddr, address("10.0.0.1"))),
            ("tcp dport != 1-9", .mismatch(.tcpDport, .ports(1...9))),
            (
                "ip saddr 10.0.0.1-10.0.0.9",
                .match(.ipSaddr, .addresses(IPAddress(v4: 0x0a00_0001), IPAddress(v4: 0x0a00_0009)))
            ),
            ("tcp dport { 80, 443 }", .member([.tcpDport], .literal([SetElement(.port(80)), SetElement(.port(443))]))),
            (
                "tcp dport {80,90-99}",
                .member([.tcpDport], .literal([SetElement(.port(80)), SetElement(.ports(90...99))]))
            ),
            (
                "iifname != {\"a\", \"b\"}",
                .nonmember([.iifname], .literal([SetElement(.name("a")), SetElement(.name("b"))]))
            ),
            ("tcp dport == { 80 }", .member([.tcpDport], .literal([SetElement(.port(80))]))),
        ] as [(String, Statement)]
    )
    func fields(text: String, statement: Statement) throws {
        #expect(try ConditionText.parse([text], .v4) == [statement])
        // The same in a word for each, and in a few of them.
        #expect(try ConditionText.parse(text.split(separator: " ").map { String($0) }, .v4) == [statement])
        #expect(try ConditionText.parse(["  " + text, "\t", ""], .v4) == [statement])
    }

    @Test(
        "IPv6 has its own addresses",
        arguments: [
            ("ip6 saddr fd00::1", .match(.ip6Saddr, address("fd00::1"))),
            ("ip6 daddr != fd00::/8", .mismatch(.ip6Daddr, network("fd00::/8"))),
        ] as [(String, Statement)]
    )
    func six(text: String, statement: Statement) throws {
        #expect(try ConditionText.parse([text], .v6) == [statement])
    }

    @Test("Several comparisons follow one another, and no words are none")
    func several() throws {
        let words = ["ip saddr 10.0.0.1 iifname", "eth0", "tcp", "dport {80}"]
        #expect(try ConditionText.parse(words, .v4).count == 3)
        #expect(try ConditionText.parse([], .v4) == [])
        #expect(try ConditionText.parse([" ", ""], .v4) == [])
    }

    @Test(
        "What makes no sense is refused in words",
        arguments: [
            ("icmp type 8", "\"icmp\" is no field"), ("counter", "\"counter\" is no field"), ("}", "is no field"),
            ("ip", "what of ip is missing at the end"), ("meta", "what of meta is missing"),
            ("ip protocol tcp", "\"ip protocol\" is no field that can be compared here"),
            ("tcp flags syn", "\"tcp flags\" is no field"),
            ("ether daddr 02:00:00:00:00:01", "\"ether daddr\" is no field"),
            ("ip saddr", "a value is missing at the end"), ("ip saddr !=", "a value is missing"),
            ("ip saddr \"\"", "a value is missing"), ("ip saddr fd00::1", "\"fd00::1\" is no value of ip saddr"),
            ("ip saddr fd00::/8", "is no value"), ("ip saddr 10.0.0.300", "is no value"),
            ("ip saddr 10.0.0.9-10.0.0.1", "is no value"), ("ip saddr 10.0.0.1-fd00::1", "is no value"),
            ("ip saddr @name", "is no value"), ("tcp dport 65536", "is no value of tcp dport"),
            ("tcp dport -1", "is no value"), ("tcp dport +80", "is no value"), ("tcp dport 9-1", "is no value"),
            ("tcp dport 1-+9", "is no value"), ("tcp dport http", "is no value"), ("meta mark 0x", "is no value"),
            ("meta mark 4294967296", "is no value"), ("meta mark 0x+1", "is no value"), ("meta mark -1", "is no value"),
            ("meta l4proto icmp", "is no value"), ("ether saddr 02:00", "is no value"),
            ("iifname 0123456789abcdef", "is no value of iifname"), ("iifname \"*\"", "\"*\" is no value of iifname"),
            ("iifname { a, * }", "\"*\" is no value"), ("tcp dport { }", "is no value"),
            ("tcp dport { 80", "is not closed by }"), ("tcp dport { 80 443 }", "is not closed by }"),
            ("tcp dport { 80, }", "is no value"), ("tcp dport 80 443", "\"443\" is no field"),
            ("ip6 saddr fd00::1", "ip6 saddr is of the other family"),
            ("ip saddr 10.0.0.1 ip6 daddr fd00::1", "ip6 daddr is of the other family"),
        ]
    )
    func errors(text: String, explanation: String) throws {
        let failure = try #require(throws: ConditionText.Failure.self) { _ = try ConditionText.parse([text], .v4) }
        #expect(failure.explanation.contains(explanation))
    }

    @Test("IPv4 addresses are no condition of IPv6")
    func otherFamily() throws {
        let failure = try #require(throws: ConditionText.Failure.self) {
            _ = try ConditionText.parse(["ip", "saddr", "10.0.0.1"], .v6)
        }
        #expect(failure.explanation == "ip saddr is of the other family")
    }

    @Test("A plan names the key whose conditions make no sense, and only nftables looks at them")
    func plan() throws {
        let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")
        let four = try configuration(wants(port(80, 80)), bothFamilies, #""conditionsV4": ["ip", "saddr"]"#)
        let six = try configuration(wants(port(80, 80)), bothFamilies, #""conditionsV6": ["ip saddr 10.0.0.1"]"#)
        for (configuration, name) in [(four, "conditionsV4: "), (six, "conditionsV6: ")] {
            let error = try #require(throws: CNIError.self) { _ = try PortPlan(configuration, key) }
            #expect(error.code == 7)
            #expect(error.message.hasPrefix(name))
        }
        let others = try configuration(wants(port(80, 80)), bothFamilies, #""conditionsV4": ["-m", "what"]"#)
        #expect(throws: Never.self) { _ = try PortPlan(others, key) }
    }
}
