// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import TestSupport
import Testing

@Suite("The port mapper", .enabled(if: canUnshare, "needs root"))
struct PortMapPluginTests {
    private static let both = "10.1.2.3/24,fd00::3/64"

    @Test("ADD publishes, CHECK agrees, a second ADD replaces, DEL leaves the rule set as it was and can be repeated")
    func story() throws {
        let udp = #", "protocol": "udp", "hostIP": "192.0.2.1""#
        let first = members(Self.both, port(8080, 80), port(53, 53, udp), port(65_534, 65_534), port(65_535, 65_535))
        let second = members("10.1.2.4/24", port(9090, 80))
        let sights = try play([
            .birth("c1"), .add("c1", first), .check("c1", first), .add("c1", second), .check("c1", second),
            .delete("c1"), .delete("c1"), .check("c1", first), .delete("c1", ["CNI_NETNS": "", "CNI_COMMAND": "DEL"]),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, nil, nil, 105, nil])
        #expect(sights[1].isAnswered && sights[3].isAnswered)
        #expect(sights[1].lines("ports4").contains("tcp . 8080 comment"))
        #expect(sights[1].lines("ports4").contains(": 10.1.2.3 . 80"))
        #expect(sights[1].lines("ports6").contains(": fd00::3 . 80"))
        #expect(sights[1].lines("hosts4").contains("192.0.2.1 . udp . 53"))
        #expect(sights[1].lines("tcp_ranges4").contains("65534-65535"))
        #expect(sights[1].lines("replies6").contains("fd00::3"))
        for name in ["ports6", "hosts4", "tcp_ranges4", "tcp_ranges6", "replies6"] {
            #expect(!sights[3].lines(name).contains("elements"))
        }
        #expect(sights[3].lines("ports4").contains("tcp . 9090") && !sights[3].lines("ports4").contains("8080"))
        #expect(sights[3].lines("replies4").contains("10.1.2.4") && !sights[3].lines("replies4").contains("10.1.2.3"))
        #expect(sights[1].records == ["c1:eth0:portmap.json"] && sights[5].records == [])
        #expect([0, 5, 6, 7, 8].allSatisfy { sights[$0].rules == "" })
    }

    @Test("Without mappings, or without any for its addresses, the result is passed on and nothing is done")
    func passThrough() throws {
        let six = port(80, 80, #", "hostIP": "::""#)
        let sights = try play([
            .add("c1", members(Self.both)), .add("c1", members("10.1.2.3/24", six)), .check("c1", members(Self.both)),
            .check("c1", members("10.1.2.3/24", six)), .add("c1", ""), .check("c1", ""), .status(),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, 7, 7, nil])
        #expect(sights[0].isAnswered && sights[1].isAnswered)
        #expect(sights.allSatisfy { $0.rules == "" && $0.records == [] })
    }

    @Test("Two containers stand side by side, and the last one takes away what they shared")
    func sideBySide() throws {
        // The ranges touch.
        let one = members("10.1.2.3/24", port(80, 80), port(81, 81), port(1000, 1))
        let two = members("10.1.2.4/24", port(82, 82), port(83, 83), port(1001, 1))
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", one), .add("c2", two), .check("c1", one), .check("c2", two),
            .delete("c1"), .check("c2", two), .delete("c2"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[3].lines("tcp_ranges4").contains("80-81") && sights[3].lines("tcp_ranges4").contains("82-83"))
        #expect(!sights[6].lines("tcp_ranges4").contains("80-81"))
        #expect(sights[6].rules.contains("chain from-10.1.2.0/24"))
        #expect(sights[8].rules == "")
    }

    @Test(
        "Conditions of every kind come to rules that the kernel takes",
        arguments: [
            "ip saddr { 10.0.0.0/8, 10.1.0.0/16, 192.0.2.1 }", "ip daddr 10.0.0.1-10.0.0.9", "tcp dport { 80, 80 }",
            "tcp sport != { 1-9, 5-20 }", "iifname \"veth*\"", "iifname { \"a*\", \"eth0\" }", "meta mark 0x2000",
            "meta l4proto { tcp, udp }", "ether saddr 02:00:00:00:00:01", "th sport 1-65535", "ip saddr 0.0.0.0/0",
            "ip saddr != 0.0.0.0/0", "meta oifname != lo udp sport 7", "sctp dport 65535",
            "ether saddr != 02:00:00:00:00:01",
        ]
    )
    func conditions(text: String) throws {
        let quoted = text.replacing("\"", with: "\\\"")
        let wanted = members(
            "10.1.2.3/24",
            port(80, 80),
            port(81, 81, #", "hostIP": "192.0.2.1", "protocol": "udp""#),
            and: "\"conditionsV4\": [\"\(quoted)\"]"
        )
        let sights = try play([.birth("c1"), .add("c1", wanted), .check("c1", wanted), .delete("c1")])
        #expect(sights.map { $0.error } == [nil, nil, nil, nil])
        #expect(sights[1].rules.contains("dnat ip to 10.1.2.3:80"))
        #expect(sights[3].rules == "")
    }

    @Test("Conditions of the other family are refused, and nothing is done")
    func otherFamily() throws {
        let mapping = port(80, 80, #", "hostIP": "192.0.2.1""#)
        let six = #""conditionsV4": ["ip6", "saddr", "fd00::1"]"#
        let sights = try play([.add("c1", members("10.1.2.3/24", mapping, and: six))])
        #expect(sights[0].error?.code == 7)
        #expect(sights[0].rules == "" && sights[0].records == [])
    }

    @Test("Thousands of ports are published and withdrawn, as ranges or not")
    func thousands() throws {
        let run = (20_000..<23_000).map { port($0, $0) }.joined(separator: ",")
        let others = (30_000..<33_000).map { port($0, $0 - 1) }.joined(separator: ",")
        let wanted = members("10.1.2.3/24", run, others)
        let sights = try play([.birth("c1"), .add("c1", wanted), .check("c1", wanted), .delete("c1")])
        #expect(sights.map { $0.error } == [nil, nil, nil, nil])
        #expect(sights[1].lines("tcp_ranges4").contains("20000-22999"))
        #expect(sights[1].lines("ports4").contains("tcp . 32999"))
        #expect(sights[3].rules == "")
    }

    @Test(
        "CHECK finds what somebody took away",
        arguments: [
            ("delete element inet culvert_portmap ports4 { tcp . 8080 }", "element of map inet culvert_portmap ports4"),
            ("flush chain inet culvert_portmap hostports", "chain inet culvert_portmap hostports"),
            ("flush chain inet culvert_portmap prerouting", "chain inet culvert_portmap prerouting"),
            ("flush chain inet culvert_portmap from-10.1.2.0/24", "chain inet culvert_portmap from-10.1.2.0/24"),
            ("delete table inet culvert_portmap", "table inet culvert_portmap"),
            (
                "delete element inet culvert_portmap ports4 { tcp . 8080 }\n"
                    + "add element inet culvert_portmap ports4 { tcp . 8080 : 10.1.2.9 . 80 }", "tcp . 8080"
            ),
            ("delete element inet culvert_portmap tcp_ranges4 { 90-91 }", "tcp_ranges4"),
        ]
    )
    func findings(harm: String, finding: String) throws {
        let wanted = members("10.1.2.3/24", port(8080, 80), port(90, 90), port(91, 91))
        let sights = try play([
            .birth("c1"), .add("c1", wanted), .rules(harm + "\n"), .check("c1", wanted), .add("c1", wanted),
            .check("c1", wanted), .delete("c1"),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, 105, nil, nil, nil])
        #expect(sights[3].error?.details.contains(finding) == true)
        #expect(sights[6].rules == "")
    }

    @Test("An ADD that the kernel refuses leaves nothing of its own")
    func refusal() throws {
        let table = """
            table inet culvert_portmap {
            \tset ports4 {
            \t\ttype ipv6_addr
            \t}
            }

            """
        let wanted = members("10.1.2.3/24", port(8080, 80))
        let sights = try play([
            .birth("c1"), .rules(table), .add("c1", wanted), .delete("c1"),
            .rules("delete table inet culvert_portmap\n"),
            .add("c1", wanted), .check("c1", wanted),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, 100, nil, nil, nil, nil])
        #expect(sights[2].error?.details.contains("inet culvert_portmap ports4") == true)
        #expect(sights[2].error?.details.contains("left behind") == false)
        #expect(sights[2].rules == sights[1].rules && sights[2].records == [])
    }

    @Test("GC removes the ports of the network that nobody claims, of lost records too, and no others")
    func sweep() throws {
        let one = members("10.1.2.3/24", port(8080, 80))
        let two = members("10.1.2.4/24", port(9090, 80), and: #""conditionsV4": ["iifname", "eth0"]"#)
        let keep = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", one), .add("c2", two), .sweep(keep), .check("c1", one),
            .add("c2", two), .lose("attachments/blue/c2:eth0:portmap.json"), .sweep(keep), .check("c1", one), .sweep(),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        for sight in [sights[4], sights[8]] {
            #expect(sight.rules == sights[2].rules && sight.records == ["c1:eth0:portmap.json"])
        }
        #expect(sights[10].rules == "" && sights[10].records == [])
    }

    @Test("A record whose writer died is no trouble to ADD, nor to DEL")
    func spoiledRecord() throws {
        let two = members("10.1.2.4/24", port(9090, 80))
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", members("10.1.2.3/24", port(8080, 80))), .spoil("c1"),
            .add("c1", two), .check("c1", two), .add("c2", members("10.1.2.5/24", port(8080, 80))), .delete("c2"),
            .spoil("c1"), .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(!sights[4].rules.contains("8080") && !sights[4].rules.contains("10.1.2.3"))
        #expect(sights[9].rules == "" && sights[9].records == [])
    }

    @Test(
        "The host reaches its own ports by 127.0.0.1 only if one of IPv4 is published and answers find back",
        arguments: [
            (port(80, 80), "", true), (port(80, 80, #", "hostIP": "::""#), "", false),
            (port(80, 80), #""snat": false"#, false),
        ]
    )
    func localhost(mapping: String, others: String, expected: Bool) throws {
        let network = try #require(CIDR("10.1.2.1/24"))
        let wanted = members(Self.both, mapping, and: others)
        let sights = try play([.birth("c1"), .bridge(network), .add("c1", wanted)])
        #expect(sights.map { $0.error } == [nil, nil, nil])
        #expect(sights.map { $0.letsLocalhostThrough } == [nil, false, expected])
    }

    @Test("DEL needs no record: the comments say whose the elements are")
    func withoutRecord() throws {
        let wanted = members("10.1.2.3/24", port(8080, 80), and: #""conditionsV4": ["iifname", "eth0"]"#)
        let sights = try play([
            .birth("c1"), .add("c1", wanted), .lose("attachments/blue/c1:eth0:portmap.json"), .lose("host-ports"),
            .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[4].rules == "")
    }
}
