// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import TestSupport
import Testing

private func nftables(_ policy: String = "same-bridge") -> String {
    "\"backend\": \"nftables\", \"ingressPolicy\": \"\(policy)\""
}

private let iptables = #""backend": "iptables", "ingressPolicy": "same-bridge""#

/// A chain of iptables that drops what leaves by bridges, as the reference makes it.
private func stage(_ bridges: String..., of program: String = "iptables-nft") -> [Act] {
    let chain = "CNI-ISOLATION-STAGE-2"
    let remark = "CNI_firewall_plugin_rules_(ingressPolicy:_same-bridge|isolated)"
    return [.iptables("-N \(chain)", program)]
        + bridges.map { .iptables("-A \(chain) -o \($0) -m comment --comment \(remark) -j DROP", program) }
        + [.iptables("-A \(chain) -m comment --comment \(remark) -j RETURN", program)]
}

private let programs = ["iptables-nft", "ip6tables-nft"]

@Suite("Bridges of iptables beside ours", .enabled(if: canUnshare && hasIPTables, "needs root and iptables"))
struct FirewallNeighbourTests {
    @Test("Ours are kept apart from theirs as long as a container of ours is there", arguments: programs)
    func apart(program: String) throws {
        let one = members("10.1.2.3/24", nftables())
        let two = members("10.1.2.4/24", nftables())
        let before = stage("br0", "br1", "br$9", of: program)
        let sights = try play(
            before + [
                .add("c1", one), .check("c1", one), .add("c2", two), .delete("c1"), .check("c2", two), .delete("c2"),
            ]
        )
        #expect(sights.allSatisfy { $0.error == nil })
        for sight in sights[before.count...].prefix(5) {
            let pairs = sight.lines("apart")
            #expect(pairs.contains(#""br0" . "br1""#) && pairs.contains(#""br0" . "br$9""#))
            #expect(!pairs.contains(#". "br0""#))
        }
        #expect(sights[before.count + 2].rules.contains("10.1.2.4"))
        #expect(sights[before.count + 5].rules == sights[before.count - 1].rules)
    }

    @Test("A network without a policy is kept apart from nobody")
    func open() throws {
        let wanted = members("10.1.2.3/24", nftables("open"))
        let sights = try play(stage("br1") + [.add("c1", wanted), .check("c1", wanted)])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(try #require(sights.last).lines("apart") == "type ifname . ifname")
    }

    @Test("Each bridge has pairs of its own, which go with it")
    func bridges() throws {
        let one = members("10.1.2.3/24", nftables())
        let two = members("10.9.2.4/24", nftables("isolated"), bridge: "br9")
        let before = stage("br1")
        let sights = try play(before + [.add("c1", one), .add("c2", two), .delete("c1"), .delete("c2")])
        #expect(sights.allSatisfy { $0.error == nil })
        let pairs = sights[before.count...].map { $0.lines("apart") }
        #expect(pairs[1].contains(#""br0" . "br1""#) && pairs[1].contains(#""br9" . "br1""#))
        #expect(!pairs[2].contains("br0") && pairs[2].contains(#""br9" . "br1""#))
        #expect(sights[before.count + 3].rules == sights[before.count - 1].rules)
    }

    @Test("Pairs go with what GC collects, and with what has no record")
    func garbage() throws {
        let wanted = members("10.1.2.3/24", nftables())
        let before = stage("br1")
        let sights = try play(
            before + [.add("c1", wanted), .sweep(), .add("c1", wanted), .lose("c1"), .sweep()]
                + [.add("c1", wanted), .lose("c1"), .delete("c1")]
        )
        #expect(sights.allSatisfy { $0.error == nil })
        let rules = sights[(before.count - 1)...].map { $0.rules }
        #expect(rules[1].contains(#""br0" . "br1""#) && rules[3] == rules[1] && rules[6] == rules[1])
        #expect(rules[2] == rules[0] && rules[5] == rules[0] && rules[8] == rules[0])
    }

    @Test("Who comes and goes there is seen by the next ADD, and no CHECK minds")
    func changes() throws {
        let one = members("10.1.2.3/24", nftables())
        let two = members("10.1.2.4/24", nftables())
        let sights = try play(
            [.add("c1", one)] + stage("br1") + [
                .check("c1", one), .add("c2", two), .iptables("-F CNI-ISOLATION-STAGE-2"), .check("c1", one),
                .add("c3", members("10.1.2.5/24", nftables())),
            ]
        )
        #expect(sights.allSatisfy { $0.error == nil })
        let pairs = sights.suffix(5).map { $0.lines("apart").contains("br1") }
        #expect(pairs == [false, true, true, true, false])
    }

    @Test("Another network of ours, kept by iptables, tells those of nf_tables", arguments: [true, false])
    func ourOwn(isFirst: Bool) throws {
        let one = members("10.1.2.3/24", nftables())
        let two = members("10.9.2.4/24", iptables, bridge: "br9")
        let acts: [Act] = isFirst ? [.add("c1", one), .add("c2", two)] : [.add("c2", two), .add("c1", one)]
        let sights = try play(acts + [.check("c1", one), .check("c2", two), .delete("c2"), .delete("c1")])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[1].lines("apart").contains(#""br0" . "br9""#))
        #expect(!sights[5].rules.contains("culvert_firewall"))
    }

    @Test("Without a bridge of nf_tables, iptables alone has rules")
    func noneOfOurs() throws {
        let sights = try play([.add("c1", members("10.1.2.3/24", iptables))])
        #expect(sights[0].error == nil && !sights[0].rules.contains("culvert_firewall"))
    }

    @Test(
        "Rules that drop less than all, or that name no bridge, say nothing",
        arguments: ["-o br1 -s 10.9.9.9 -j DROP", "-o br+ -j DROP", "-o br1 -j ACCEPT", "-i br1 -j DROP", "-j DROP"]
    )
    func others(rule: String) throws {
        let sights = try play(
            stage() + [.iptables("-I CNI-ISOLATION-STAGE-2 \(rule)"), .add("c1", members("10.1.2.3/24", nftables()))]
        )
        let last = try #require(sights.last)
        #expect(last.error == nil && !last.lines("apart").contains("elements"))
    }
}
