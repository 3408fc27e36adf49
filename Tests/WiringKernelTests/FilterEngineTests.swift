// SPDX-License-Identifier: Apache-2.0
import Linux
import PacketFilter
import TestSupport
import Testing
import Wiring

private let first = attachment("c1")
private let second = attachment("c2")

@Suite("What containers have in the packet filter", .enabled(if: canUnshare, "needs root"))
struct FilterEngineTests {
    /// The rule set before, between and after some steps.
    private static func ruleSets(
        _ steps: [@Sendable (borrowing FilterEngine) throws -> Void]
    ) throws -> [[String]] {
        try inNewNamespace {
            let engine = try FilterEngine()
            return try steps.map { step in
                try step(engine)
                return try ruleSet()
            }
        }
    }

    @Test("The table comes with the first and goes with the last, and what is one's own with its owner")
    func life() throws {
        let sets = try Self.ruleSets([
            { try $0.admit(first, "10.0.0.1") }, { try $0.admit(second, "10.0.0.2") },
            { try $0.expel(first, "10.0.0.1") }, { try $0.expel(second, "10.0.0.2") },
        ])
        #expect(sets[0].filter { $0.hasPrefix("chain ") }.count == 4)
        #expect(sets[0].contains("comment \"A club\"") && sets[0].contains("comment \"For everybody\""))
        #expect(sets[1].filter { $0.hasPrefix("chain ") }.count == 5)
        #expect(sets[2].filter { $0.contains("10.0.0.1") || $0.contains("own-c1") } == [])
        let own = sets[2].filter { $0.contains("10.0.0.2") }
        #expect(own.count == 3 && own.allSatisfy { $0.contains(second.ruleComment) })
        #expect(sets[2].contains("chain room {"))
        #expect(sets[3] == [])
    }

    @Test(
        "A table in which nobody has anything stays for who needs it, and comes again for who came meanwhile",
        arguments: [
            ([true], true), ([false, false], false), ([false, true, true], true), ([false, true, false, false], false),
        ]
    )
    func needed(answers: [Bool], isKept: Bool) throws {
        let (sets, rest) = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.install([FilterShare(Club.layout)], of: first, isFresh: true)
            let before = try ruleSet()
            var rest = answers
            try engine.removeUnused([Club.layout]) { () throws(KernelError) in
                rest.isEmpty ? isKept : rest.removeFirst()
            }
            return ([before, try ruleSet()], rest)
        }
        #expect(sets[0].contains("table inet club {") && sets[1] == (isKept ? sets[0] : []))
        #expect(rest == [])
    }

    @Test("What is installed is complete by its own count, twice as well as once")
    func complete() throws {
        let (missing, sets) = try inNewNamespace {
            let engine = try FilterEngine()
            let none = try engine.missing(first, "10.0.0.1")
            try engine.admit(first, "10.0.0.1")
            let set = try ruleSet()
            try engine.admit(first, "10.0.0.1", isFresh: false)
            return ([none, try engine.missing(first, "10.0.0.1")], [set, try ruleSet()])
        }
        #expect(missing == [["table inet club"], []])
        #expect(sets[0] == sets[1])
    }

    @Test(
        "Whatever somebody takes away is missed by name, and put back",
        arguments: [
            ("flush chain inet club forward", ["chain inet club forward"]),
            ("flush chain inet club own-c1", ["chain inet club own-c1"]),
            ("flush chain inet club room", ["chain inet club room"]),
            ("flush chain inet club open", ["chain inet club open", "rule of inet club open: "]),
            ("delete element inet club members { 10.0.0.1 }", ["element of map inet club members: 10.0.0.1"]),
            ("delete element inet club doors { \"room\" }", ["element of map inet club doors: room"]),
            (
                "flush chain inet club forward; flush map inet club doors; delete map inet club doors",
                ["chain inet club forward", "element of map inet club doors"]
            ),
            ("flush ruleset", ["table inet club"]),
        ]
    )
    func repair(damage: String, expected: [String]) throws {
        let (missing, sets) = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.admit(first, "10.0.0.1")
            try engine.admit(second, "10.0.0.2")
            // A chain of somebody else's counts as much as a set that is missing.
            try nft("add chain inet club theirs")
            let before = try ruleSet()
            try nft(damage.split(separator: ";").joined(separator: "\n"))
            let missing = try engine.missing(first, "10.0.0.1")
            try engine.install([
                .init(key: first, shares: [Club.share(first, "10.0.0.1")]),
                .init(key: second, shares: [Club.share(second, "10.0.0.2")]),
            ])
            let after = try ruleSet()
            return (missing, [before, after, try engine.missing(first, "10.0.0.1")])
        }
        // An open chain is anybody's: that it is empty is no fault of its own.
        let words = expected.filter { $0 != "chain inet club open" }
        #expect(missing.count == words.count)
        for (found, word) in zip(missing, words) { #expect(found.hasPrefix(word), "\(found)") }
        let wanted = sets[0].filter { $0 != "chain theirs {" }.sorted()
        #expect(sets[1].filter { $0 != "chain theirs {" }.sorted().filter { $0 != "}" } == wanted.filter { $0 != "}" })
        #expect(sets[2] == [])
    }

    @Test("A chain that always stands is made whole by the next one who joins")
    func flushed() throws {
        let sets = try Self.ruleSets([
            { try $0.admit(first, "10.0.0.1") }, { _ in try nft("flush chain inet club forward") },
            { try $0.admit(second, "10.0.0.2") },
        ])
        #expect(sets[1].contains("jump open") == false)
        #expect(["jump open", "ip saddr vmap @members", "iifname vmap @doors"].allSatisfy { sets[2].contains($0) })
    }

    @Test(
        "What somebody else put into the table keeps it",
        arguments: [
            ("add rule inet club open counter accept", "accept", "delete table inet club"),
            ("add rule inet club forward ip daddr 9.9.9.9 drop", "9.9.9.9", "delete table inet club"),
            ("add chain inet club theirs", "chain theirs", "delete table inet club"),
            ("add set inet club theirs { type ipv4_addr; }", "set theirs", "delete table inet club"),
            ("add counter inet club theirs", "counter theirs", "delete table inet club"),
            ("add element inet club doors { \"eth7\" : accept }", "eth7", "delete table inet club"),
            ("add chain inet club forward { policy drop; }", "policy drop", "delete table inet club"),
        ]
    )
    func foreign(addition: String, trace: String, end: String) throws {
        let sets = try Self.ruleSets([
            { try $0.admit(first, "10.0.0.1") }, { _ in try nft(addition) }, { try $0.expel(first, "10.0.0.1") },
            { try $0.sweep([Club.layout]) { .network("blue", sparing: .init()) } }, { _ in try nft(end) },
        ])
        for set in sets[2...3] {
            #expect(set.contains { $0.contains(trace) }, "\(set)")
            #expect(!set.contains { $0.contains("10.0.0.1") || $0.contains("chain room") })
        }
        #expect(sets[4] == [])
    }

    @Test("A rule of somebody else's in a shared chain keeps the chain, and who leaves can leave")
    func foreignInShared() throws {
        let sets = try Self.ruleSets([
            { try $0.admit(first, "10.0.0.1") }, { _ in try nft("insert rule inet club room ip daddr 9.9.9.9 accept") },
            { try $0.expel(first, "10.0.0.1") },
        ])
        #expect(sets[2].contains("chain room {") && sets[2].contains("ip daddr 9.9.9.9 accept"))
        #expect(!sets[2].contains { $0.contains("10.0.0.1") })
    }

    @Test("Who leaves can leave though somebody flushed what others still point to", arguments: [false, true])
    func leaveFlushed(withoutDoor: Bool) throws {
        let sets = try Self.ruleSets([
            {
                for number in 1...4 { try $0.admit(attachment("c\(number)"), "10.0.0.\(number)") }
                try nft("flush chain inet club room")
                if withoutDoor { try nft("flush map inet club doors") }
            },
            { try $0.expel(first, "10.0.0.1") },
            { for number in 2...3 { try $0.expel(attachment("c\(number)"), "10.0.0.\(number)") } },
            { try $0.expel(attachment("c4"), "10.0.0.4") },
        ])
        #expect(sets[1].contains("chain room {") && !sets[1].contains { $0.contains("10.0.0.1") })
        #expect(sets[2].contains("chain room {") && sets[2].contains { $0.contains("10.0.0.4") })
        #expect(sets[3] == [])
    }

    @Test("Each room goes with the last who is in it")
    func rooms() throws {
        let sets = try Self.ruleSets([
            { try $0.admit(first, "10.0.0.1", room: "red") }, { try $0.admit(second, "10.0.0.2", room: "green") },
            { try $0.expel(first, "10.0.0.1", room: "red") }, { try $0.expel(second, "10.0.0.2", room: "green") },
        ])
        #expect(sets[1].contains("chain red {") && sets[1].contains("chain green {"))
        #expect(!sets[2].contains { $0.contains("red") } && sets[2].contains("chain green {"))
        #expect(sets[3] == [])
    }
}
