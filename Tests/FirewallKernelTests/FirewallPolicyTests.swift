// SPDX-License-Identifier: Apache-2.0
import CNI
import TestSupport
import Testing

private func policy(_ name: String) -> String { "\"backend\": \"nftables\", \"ingressPolicy\": \"\(name)\"" }

@Suite("The policy of a bridge", .enabled(if: canUnshare, "needs root"))
struct FirewallPolicyTests {
    @Test(
        "A bridge has one policy: another one is refused in words as long as a container has the first",
        arguments: [("isolated", "same-bridge"), ("same-bridge", "isolated")]
    )
    func contradiction(first: String, second: String) throws {
        let one = members("10.1.2.3/24", policy(first))
        let two = members("10.1.2.4/24", policy(second))
        let sights = try play([.add("c1", one), .add("c2", two), .check("c1", one), .delete("c1"), .add("c2", two)])
        #expect(sights.map { $0.error?.code } == [nil, 7, nil, nil, nil])
        let error = try #require(sights[1].error)
        #expect(error.message == "bridge br0 has ingressPolicy \(first), and cannot have \(second) besides")
        #expect(error.details.hasPrefix("(net: blue, if: eth0, id: c1) came with \(first): "))
        #expect(error.details.hasSuffix("or set ingressPolicy to \(first)"))
        #expect(sights[1].rules == sights[0].rules && sights[1].records == ["c1:eth0:firewall.json"])
        #expect(sights[4].rules.contains("chain \(second)-br0"))
    }

    @Test("Of many who have the policy some are named")
    func manyHolders() throws {
        let acts = (1...5).map { Act.add("c\($0)", members("10.1.2.\($0)/24", policy("isolated"))) }
        let sights = try play(acts + [.add("c9", members("10.1.2.9/24", policy("same-bridge")))])
        let details = try #require(sights.last?.error).details
        #expect(details.contains("id: c3) and 2 more came with isolated") && !details.contains("c4"))
    }

    @Test("A container without addresses keeps its bridge's policy, whoever leaves")
    func withoutAddresses() throws {
        let bare = members("", policy("isolated"))
        let other = members("10.1.2.4/24", policy("isolated"))
        let sights = try play([
            .add("c1", bare), .check("c1", bare), .add("c2", other), .delete("c2"), .check("c1", bare),
            .add("c3", bare), .add("c3", bare), .delete("c1"), .check("c3", bare), .delete("c3"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        for index in [0, 3, 7] {
            #expect(sights[index].lines("policed").contains("br0"), "\(index)")
            #expect(sights[index].rules.contains("chain isolated-br0"))
        }
        #expect(sights[9].rules == "")
    }

    @Test("What holds the policy of a container without addresses goes without its record too, by DEL and by GC")
    func withoutRecord() throws {
        let bare = members("", policy("isolated"))
        let sights = try play([
            .add("c1", bare), .add("c2", bare), .lose("c1"), .delete("c1"), .check("c2", bare), .lose("c2"), .sweep(),
            .add("c1", bare), .spoil("c1"), .add("c1", bare), .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(!sights[3].rules.contains("id: c1") && sights[3].rules.contains("chain isolated-br0"))
        #expect(sights[6].rules == "" && sights[10].rules == "")
    }

    @Test("The policy of a dead container's bridge goes when its address is somebody else's")
    func replaced() throws {
        let one = members("10.1.2.3/24,fd00::3/64,10.1.2.4/24", policy("isolated"))
        let two = members("10.1.2.3/24,fd00::3/64", policy("same-bridge"), bridge: "br1")
        let three = members("10.1.2.4/24", policy("same-bridge"), bridge: "br1")
        let sights = try play([
            .add("c1", one), .lose("c1"), .add("c2", two), .add("c3", three), .delete("c2"), .delete("c3"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[2].rules.contains("chain isolated-br0"))
        #expect(!sights[3].rules.contains("isolated-br0") && !sights[3].lines("policed").contains("br0"))
        #expect(sights[5].rules == "")
    }

    @Test("All addresses of a dead container can be somebody else's at once")
    func replacedAtOnce() throws {
        let one = members("10.1.2.3/24,fd00::3/64", policy("isolated"))
        let two = members("10.1.2.3/24,fd00::3/64", policy("same-bridge"), bridge: "br1")
        let sights = try play([.add("c1", one), .lose("c1"), .add("c2", two), .delete("c2")])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(!sights[2].rules.contains("br0") && sights[3].rules == "")
    }

    @Test("A policy that nobody has any more is in nobody's way")
    func leftover() throws {
        let one = members("10.1.2.3/24", policy("isolated"))
        let two = members("10.1.2.4/24", policy("isolated"), bridge: "br1")
        let three = members("10.1.2.5/24", policy("same-bridge"))
        let sights = try play([
            .add("c1", one), .add("c2", two), .lose("c1"),
            .rules("delete element inet culvert_firewall containers4 { 10.1.2.3 }\n"), .add("c3", three),
            .check("c3", three), .check("c2", two), .delete("c3"), .delete("c2"),
        ])
        #expect(sights.allSatisfy { $0.error == nil }, "\(sights.compactMap { $0.error })")
        #expect(sights[4].rules.contains("chain same-bridge-br0") && !sights[4].rules.contains("isolated-br0"))
        #expect(sights[8].rules == "")
    }

    @Test("A policy that nobody has any more goes with the last container, and what somebody else made stays")
    func forsaken() throws {
        let one = members("10.1.2.3/24", policy("isolated"))
        let two = members("10.1.2.4/24", policy("isolated"), bridge: "br1")
        let three = members("10.1.2.5/24", policy("isolated"), bridge: "br2")
        let losing: [Act] = [
            .add("c1", one), .add("c2", two), .lose("c1"),
            .rules("delete element inet culvert_firewall containers4 { 10.1.2.3 }\n"),
        ]
        let sights = try play(losing + [.add("c3", three), .delete("c2"), .delete("c3")])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[5].rules.contains("chain isolated-br0") && sights[6].rules == "")
        let kept = try play(
            losing + [.rules("add rule inet culvert_firewall isolated-br0 ip saddr 9.9.9.9 drop\n"), .delete("c2")]
        )
        #expect(kept[5].error == nil)
        #expect(kept[5].rules.contains("9.9.9.9") && kept[5].lines("policed").contains("br0"))
        #expect(!kept[5].rules.contains("br1"))
    }
}
