// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import TestSupport
import Testing

private let nftables = #""backend": "nftables""#

private func policy(_ name: String) -> String { nftables + ", \"ingressPolicy\": \"\(name)\"" }

@Suite("The firewall", .enabled(if: canUnshare, "needs root"))
struct FirewallPluginTests {
    @Test(
        "ADD lets the addresses through, CHECK agrees, a second ADD replaces, DEL leaves the rule set as it was",
        arguments: ["open", "same-bridge", "isolated"]
    )
    func story(name: String) throws {
        let first = members("10.1.2.3/24,fd00::3/64", policy(name))
        let second = members("10.1.2.4/24", policy(name))
        let sights = try play([
            .add("c1", first), .check("c1", first), .add("c1", second), .check("c1", second), .delete("c1"),
            .delete("c1"), .check("c1", first), .delete("c1", first),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, nil, 105, nil])
        #expect(sights[0].isAnswered)
        // An open network's packets are accepted as they are.
        let isListed = name != "open"
        #expect(sights[0].lines("containers4").contains("10.1.2.3 comment") == isListed)
        #expect(sights[0].lines("containers6").contains("fd00::3 comment") == isListed)
        #expect(sights[0].lines("containers4").contains(": goto \(name)-br0") == isListed)
        #expect(sights[0].lines("policed").contains("br0") == isListed)
        #expect(
            !sights[2].lines("containers6").contains("fd00") && !sights[2].lines("containers4").contains("10.1.2.3")
        )
        #expect(sights[2].lines("containers4").contains("10.1.2.4") == isListed)
        #expect(sights[2].rules.contains("chain admin"))
        #expect(sights[0].records == ["c1:eth0:firewall.json"] && sights[4].records == [])
        #expect([4, 5, 6, 7].allSatisfy { sights[$0].rules == "" })
    }

    @Test("A policy's chain stays as long as one container needs it")
    func shared() throws {
        let one = members("10.1.2.3/24", policy("isolated"))
        let two = members("10.1.2.4/24", policy("isolated"))
        let other = members("10.9.2.4/24", policy("isolated"), bridge: "br$9")
        let sights = try play([
            .add("c1", one), .add("c2", two), .add("c3", other), .delete("c1"), .check("c2", two), .delete("c2"),
            .check("c3", other), .delete("c3"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[3].rules.contains("chain isolated-br0") && !sights[5].rules.contains("chain isolated-br0"))
        let hash = SHA512(of: "br$9").hexadecimal(digits: 16)
        #expect(sights[5].rules.contains("chain isolated-\(hash)"))
        #expect(!sights[5].lines("policed").contains("br0") && sights[5].lines("policed").contains("br$9"))
        #expect(sights[7].rules == "")
    }

    @Test("A late DEL does not take the address of its new owner", arguments: [true, false])
    func lateDelete(hasRecord: Bool) throws {
        let wanted = members("10.1.2.3/24", nftables)
        let sights = try play([
            .add("c1", wanted), .add("c2", wanted), hasRecord ? .check("c2", wanted) : .lose("c1"),
            .delete("c1", wanted), .check("c2", wanted), .delete("c2"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[3].rules == sights[1].rules && sights[3].records == ["c2:eth0:firewall.json"])
        #expect(sights[5].rules == "")
    }

    @Test("An ADD over a record whose writer died leaves no address of the old one")
    func spoiledRecord() throws {
        let sights = try play([
            .add("c1", members("10.1.2.3/24", nftables)), .spoil("c1"), .add("c1", members("10.1.2.4/24", nftables)),
            .check("c1", members("10.1.2.4/24", nftables)), .spoil("c1"), .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(!sights[2].rules.contains("10.1.2.3"))
        #expect(sights[5].rules == "" && sights[5].records == [])
    }

    @Test("An address that the result has twice is let through once")
    func twice() throws {
        let wanted = members("10.1.2.3/24,10.1.2.3/16", nftables)
        let sights = try play([.add("c1", wanted), .check("c1", wanted), .delete("c1")])
        #expect(sights.map { $0.error } == [nil, nil, nil])
        #expect(sights[2].rules == "")
    }

    @Test(
        "CHECK finds what somebody took away",
        arguments: [
            ("delete element inet culvert_firewall containers4 { 10.1.2.3 }", "containers4: 10.1.2.3"),
            ("flush chain inet culvert_firewall forward", "chain inet culvert_firewall forward"),
            ("flush chain inet culvert_firewall same-bridge-br0", "chain inet culvert_firewall same-bridge-br0"),
            ("delete element inet culvert_firewall policed { \"br0\" }", "culvert_firewall policed"),
            ("delete element inet culvert_firewall bridges { \"br0\" }", "culvert_firewall bridges"),
            ("delete table inet culvert_firewall", "table inet culvert_firewall"),
        ]
    )
    func findings(harm: String, finding: String) throws {
        let wanted = members("10.1.2.3/24", policy("same-bridge"))
        let sights = try play([.add("c1", wanted), .rules(harm + "\n"), .check("c1", wanted), .delete("c1")])
        #expect(sights.map { $0.error?.code } == [nil, nil, 105, nil])
        #expect(sights[2].error?.details.contains(finding) == true)
        #expect(sights[3].rules == "")
    }

    @Test("The operator's own rules stay, and keep their table")
    func admin() throws {
        let wanted = members("10.1.2.3/24", nftables)
        let sights = try play([
            .add("c1", wanted), .rules("add rule inet culvert_firewall admin ip saddr 10.1.2.3 drop\n"),
            .check("c1", wanted), .add("c1", wanted), .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[4].lines("admin").contains("ip saddr 10.1.2.3 drop"))
    }

    @Test("An ADD that the kernel refuses leaves nothing of its own")
    func refusal() throws {
        let table = """
            table inet culvert_firewall {
            \tset containers4 {
            \t\ttype ipv6_addr
            \t}
            }

            """
        let sights = try play([
            .rules(table), .add("c1", members("10.1.2.3/24", policy("isolated"))), .delete("c1"), .sweep(),
            .check("c1", members("10.1.2.3/24", policy("isolated"))),
        ])
        #expect(sights.map { $0.error?.code } == [nil, 100, nil, nil, 105])
        #expect(sights[1].error?.details.contains("inet culvert_firewall containers4") == true)
        #expect(sights[1].error?.details.contains("left behind") == false)
        #expect(sights[1].rules == sights[0].rules && sights[1].records == [])
    }

    @Test(
        "A policy whose bridge no rule can name is refused by ADD and CHECK, and DEL does not mind",
        arguments: ["", "0123456789abcdef", "*", "br*"]
    )
    func odd(bridge: String) throws {
        let wanted = members("10.1.2.3/24", policy("isolated"), bridge: bridge)
        let sights = try play([.add("c1", wanted), .check("c1", wanted), .delete("c1", wanted)])
        #expect(sights.map { $0.error?.code } == [7, 7, nil])
        #expect(sights.allSatisfy { $0.rules == "" && $0.records == [] })
    }

    @Test("GC removes the addresses of the network that nobody claims, of lost records too, and no others")
    func sweep() throws {
        let one = members("10.1.2.3/24", policy("isolated"))
        let two = members("10.1.2.4/24", policy("same-bridge"), bridge: "br1")
        let keep = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let sights = try play([
            .add("c1", one), .add("c2", two), .sweep(keep), .check("c1", one), .add("c2", two), .lose("c2"),
            .sweep(keep), .check("c1", one), .sweep(),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        for sight in [sights[2], sights[6]] {
            #expect(sight.rules == sights[0].rules && sight.records == ["c1:eth0:firewall.json"])
        }
        #expect(sights[8].rules == "" && sights[8].records == [])
    }

    @Test("STATUS finds the kernel able, and complains of a backend that nobody knows")
    func status() throws {
        let sights = try play([.status(), .status(nftables), .status(#""backend": "ipvs""#)])
        #expect(sights.map { $0.error?.code } == [nil, nil, 6])
    }
}

let hasIPTables: Bool = {
    do { return try FileStatus.of("/usr/sbin/iptables-nft") != nil } catch { return false }
}()

@Suite("The firewall by iptables", .enabled(if: canUnshare && hasIPTables, "needs root and iptables"))
struct FirewallIPTablesTests {
    private static let iptables = #""backend": "iptables""#

    @Test("DEL and GC take the rules of an address away, unless it is somebody else's by now")
    func removal() throws {
        let one = members("10.1.2.3/24", Self.iptables)
        let two = members("10.1.2.4/24", Self.iptables)
        let sights = try play([
            .add("c1", one), .check("c1", one), .add("c2", two),
            .sweep(.init(containerID: "c1", interfaceName: "eth0")),
            .check("c1", one), .add("c3", one), .delete("c1"), .check("c3", one), .sweep(),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[2].rules.contains("10.1.2.4"))
        #expect(!sights[3].rules.contains("10.1.2.4") && sights[3].rules.contains("10.1.2.3"))
        #expect(sights[6].rules.contains("10.1.2.3"))
        #expect(!sights[8].rules.contains("10.1.2.3") && sights[8].records == [])
    }

    @Test("A host whose iptables drops what is forwarded gets rules of iptables without being asked")
    func choice() throws {
        let wanted = members("10.1.2.3/24", #""backend": """#)
        let sights = try play([
            .iptables("-P FORWARD DROP"), .add("c1", wanted), .check("c1", wanted), .iptables("-P FORWARD ACCEPT"),
            .check("c1", wanted), .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[1].lines("CNI-FORWARD").contains("10.1.2.3"))
        #expect(!sights[1].rules.contains("culvert_firewall"))
        #expect(!sights[5].rules.contains("10.1.2.3"))
    }

    @Test(
        "DEL takes the rules away that iptables refuses to read beside somebody else's, and those only",
        arguments: [true, false]
    )
    func incompatible(hasRecord: Bool) throws {
        let one = members("10.1.2.3/24,fd00::3/64", Self.iptables)
        let two = members("10.1.2.4/24,fd00::4/64", Self.iptables)
        let theirs = ["ip", "ip6"].map { "add rule \($0) filter FORWARD ct state invalid drop\n" }.joined()
        let sights = try play([
            .add("c1", one), .add("c2", two), .rules(theirs), .check("c1", one), hasRecord ? .status() : .lose("c1"),
            .delete("c1", one),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, 100, nil, nil])
        #expect(sights[3].error?.details.contains("cannot read table filter") == true)
        #expect(sights[5].records == ["c2:eth0:firewall.json"])
        for address in ["10.1.2.3", "fd00::3"] {
            #expect(sights[4].lines("CNI-FORWARD").contains("10.1.2.3") && !sights[5].rules.contains(address))
        }
        for rule in ["ip saddr 10.1.2.4", "ip daddr 10.1.2.4", "ip6 saddr fd00::4", "ip6 daddr fd00::4"] {
            #expect(sights[5].rules.contains(rule))
        }
    }
}
