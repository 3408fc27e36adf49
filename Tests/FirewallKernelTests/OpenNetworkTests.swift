// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import PacketFilter
import Plugin
import Synchronization
import TestSupport
import Testing
import Wiring

private let nftables = #""backend": "nftables""#
private let policed = nftables + #", "ingressPolicy": "isolated""#

@Suite("The firewall of an open network", .enabled(if: canUnshare, "needs root"))
struct OpenNetworkTests {
    @Test("Of all containers only the first and the last change the rules")
    func firstAndLast() throws {
        let one = members("10.1.2.3/24,fd00::3/64", nftables)
        let two = members("10.1.2.4/24,fd00::4/64", nftables)
        let generations = Generations()
        let sights = try play([
            .add("c1", one), generations.note, .add("c2", two), .check("c2", two), .add("c2", two), .delete("c1"),
            .check("c2", two), generations.note, .delete("c2"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(generations.seen.count == 2 && Set(generations.seen).count == 1)
        #expect(sights[0].rules.contains("chain admin") && !sights[0].rules.contains("10.1.2.3"))
        #expect(sights[7].rules == sights[0].rules && sights[8].rules == "")
    }

    @Test("CHECK misses the table, and ADD makes what somebody took away of it")
    func damage() throws {
        let one = members("10.1.2.3/24", nftables)
        let two = members("10.1.2.4/24", nftables)
        let harm = "flush chain inet culvert_firewall forward\ndelete chain inet culvert_firewall admin\n"
        let sights = try play([
            .add("c1", one), .rules(harm), .check("c1", one), .add("c2", two), .check("c1", one),
            .rules("flush ruleset\n"), .check("c1", one), .add("c2", two), .check("c1", one), .delete("c1"),
            .delete("c2"),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, 105, nil, nil, nil, 105, nil, nil, nil, nil])
        #expect(sights[3].lines("forward").contains("jump admin"))
        #expect(sights[10].rules == "")
    }

    @Test("The table stays when the last container with a policy goes, and GC removes it with the last of all")
    func mixed() throws {
        let one = members("10.1.2.3/24", nftables)
        let two = members("10.1.3.3/24", policed, bridge: "br1")
        let keep = AttachmentID(containerID: "c1", interfaceName: "eth0")
        let sights = try play([
            .add("c1", one), .add("c2", two), .delete("c2"), .check("c1", one), .add("c2", two), .sweep(keep),
            .check("c1", one), .add("c2", two), .lose("c2"), .sweep(keep), .check("c1", one), .sweep(),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        for index in [2, 5, 9] { #expect(sights[index].rules == sights[0].rules, "\(index)") }
        #expect(sights[11].rules == "" && sights[11].records == [])
    }

    @Test("An address that led to the policy of somebody who is gone leads there no longer")
    func stalePolicy() throws {
        let wanted = members("10.1.2.3/24,fd00::3/64", nftables)
        let sights = try play([
            .add("c1", members("10.1.2.3/24,fd00::3/64", policed)), .lose("c1"), .add("c2", wanted),
            .check("c2", wanted), .delete("c1"), .check("c2", wanted), .delete("c2"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(!sights[2].rules.contains("10.1.2.3") && !sights[2].rules.contains("isolated-br0"))
        #expect(!sights[2].lines("policed").contains("br0") && sights[4].rules.contains("chain admin"))
        #expect(sights[6].rules == "")
    }

    @Test(
        "What earlier versions said of an address goes with its container, and with another ADD",
        arguments: [true, false]
    )
    func upgrade(isDeleted: Bool) throws {
        let wanted = members("10.1.2.3/24", nftables)
        let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")
        let element = "{ 10.1.2.3 comment \"\(key.ruleComment)\" : accept }"
        let sights = try play([
            .add("c1", wanted), .rules("add element inet culvert_firewall containers4 \(element)\n"),
            .check("c1", wanted), isDeleted ? .status(nftables) : .add("c1", wanted), .delete("c1"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[1].rules.contains("10.1.2.3") && sights[3].rules.contains("10.1.2.3") == isDeleted)
        #expect(sights[4].rules == "")
    }

    @Test("An ADD with another backend leaves no table behind", .enabled(if: hasIPTables, "needs iptables"))
    func otherBackend() throws {
        let wanted = members("10.1.2.3/24", #""backend": "iptables""#)
        let sights = try play([.add("c1", members("10.1.2.3/24", nftables)), .add("c1", wanted), .check("c1", wanted)])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[0].rules.contains("culvert_firewall") && !sights[1].rules.contains("culvert_firewall"))
    }
}

/// The numbers of the rule set at some moments: each change by anybody makes it another one.
private final class Generations: Sendable {
    private let numbers = Mutex<[UInt32]>([])

    var seen: [UInt32] { numbers.withLock { $0 } }

    var note: Act {
        Act { [self] _ in
            let number = try PacketFilterSocket().generation()
            numbers.withLock { $0.append(number) }
            return .nothing
        }
    }
}
