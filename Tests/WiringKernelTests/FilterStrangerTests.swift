// SPDX-License-Identifier: Apache-2.0
import Linux
import PacketFilter
import TestSupport
import Testing
import Wiring

private let old = attachment("old")
private let new = attachment("new")

@Suite("Packet filters of those who are gone", .enabled(if: canUnshare, "needs root"))
struct FilterStrangerTests {
    @Test("An element of somebody who is gone is replaced, and its late removal does not cost the newer one")
    func successor() throws {
        let sets = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.admit(old, "10.0.0.1")
            try engine.admit(new, "10.0.0.1")
            let replaced = try ruleSet()
            try engine.expel(old, "10.0.0.1")
            let removed = try ruleSet()
            let missing = try engine.missing(new, "10.0.0.1")
            try engine.expel(new, "10.0.0.1")
            return [replaced, removed, missing, try ruleSet()]
        }
        let element = "10.0.0.1 comment \"\(new.ruleComment)\" : goto room"
        #expect(sets[0].contains { $0.contains(element) } && sets[1].contains { $0.contains(element) })
        #expect(!sets[0].contains { $0.contains("10.0.0.1 comment \"\(old.ruleComment)\"") })
        #expect(!sets[1].contains { $0.contains(old.ruleComment) || $0.contains("own-old") })
        #expect(sets[2] == [] && sets[3] == [])
    }

    @Test(
        "An ADD that was cut off leaves no rule twice, whether the next one knows of it or not",
        arguments: [false, true]
    )
    func repetition(isFresh: Bool) throws {
        let sets = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.admit(old, "10.0.0.1")
            let once = try ruleSet()
            try engine.admit(old, "10.0.0.1", isFresh: isFresh)
            return [once, try ruleSet()]
        }
        #expect(sets[0] == sets[1])
    }

    @Test(
        "A run that overlaps one of somebody who is gone takes its place, one of a sibling leaves it there",
        arguments: [(1, 5), (5, 15), (15, 25), (1, 30), (12, 13), (10, 20), (20, 20)]
    )
    func runs(first: UInt16, last: UInt16) throws {
        let sibling = AttachmentKey(network: "blue", containerID: old.containerID, interfaceName: "eth1")
        let sets = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.install([Runs.share(old, 10...20, 100...120)], of: old, isFresh: true)
            let wanted = Runs.share(sibling, first...last, 110...130)
            try engine.install([wanted], of: sibling, isFresh: true)
            let kept = try ruleSet().joined()
            try engine.install([Runs.share(new, first...last, 200...210)], of: new, isFresh: true)
            return [kept, try ruleSet().joined()]
        }
        #expect(sets[0].contains("10-20 comment \"\(old.ruleComment)") && sets[0].contains("100-120"))
        #expect(!sets[0].contains("110-130") && sets[1].contains("100-120") && sets[1].contains("200-210"))
        let run = first == last ? "\(first) comment" : "\(first)-\(last) comment"
        #expect(sets[1].contains("\(run) \"\(new.ruleComment)"))
        #expect(sets[1].contains("10-20 comment \"\(old.ruleComment)") == (last < 10))
    }

    @Test("A chain of one's own that is there already is emptied first, also where no element is in the way")
    func ownChain() throws {
        let rules = try inNewNamespace {
            let engine = try FilterEngine()
            var share = try Club.share(old, "10.0.0.1")
            share.elements = []
            share.shared = []
            try engine.install([share], of: old, isFresh: true)
            try engine.install([share], of: old, isFresh: true)
            return try ruleSet().filter { $0.hasPrefix("ip saddr 10.0.0.1") }
        }
        #expect(rules.count == 2)
    }

    @Test("Of two who claim one element the first one gets it, whoever had it, if anybody", arguments: [0, 1, 2])
    func rivals(flushing count: Int) throws {
        let set = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.admit(old, "10.0.0.1")
            try engine.admit(new, "10.0.0.1")
            if count == 1 { try nft("flush map inet club members") }
            if count == 2 { try nft("flush ruleset") }
            try engine.install([
                .init(key: new, shares: [Club.share(new, "10.0.0.1")]),
                .init(key: old, shares: [Club.share(old, "10.0.0.1")]),
            ])
            return try ruleSet()
        }
        #expect(set.contains { $0.contains("10.0.0.1 comment \"\(new.ruleComment)\" : goto room") })
    }

    @Test("A sweep takes one attachment's, or a network's but the survivors', and nobody else's")
    func sweep() throws {
        let sets = try inNewNamespace {
            let engine = try FilterEngine()
            try engine.admit(old, "10.0.0.1")
            try engine.admit(new, "10.0.0.2", room: "red")
            try engine.admit(attachment("x", of: "red"), "10.0.0.3")
            try engine.sweep([Club.layout]) { .attachment(attachment("other")) }
            let all = try ruleSet()
            try engine.sweep([Club.layout]) {
                var survivors = FilterOwners.Survivors()
                survivors.insert(new)
                return .network("blue", sparing: survivors)
            }
            let survivors = try ruleSet()
            try engine.sweep([Club.layout]) { .attachment(new) }
            let stranger = try ruleSet()
            try engine.sweep([Club.layout]) { .network("red", sparing: .init()) }
            return [all, survivors, stranger, try ruleSet()]
        }
        for text in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] { #expect(sets[0].contains { $0.contains(text) }, "\(text)") }
        #expect(!sets[1].contains { $0.contains("10.0.0.1") || $0.contains("own-old") })
        for text in ["10.0.0.2", "10.0.0.3", "chain red", "chain room"] {
            #expect(sets[1].contains { $0.contains(text) }, "\(text)")
        }
        #expect(!sets[2].contains { $0.contains("10.0.0.2") || $0.contains("red {") || $0.contains("\"red\"") })
        #expect(sets[2].contains { $0.contains("10.0.0.3") } && sets[2].contains("chain room {"))
        #expect(sets[3] == [])
    }

    @Test("A sweep that finds no table does nothing, and asks all the same who is meant")
    func nothing() throws {
        let (asked, set) = try inNewNamespace {
            let engine = try FilterEngine()
            var asked = 0
            try engine.sweep([Club.layout, Masquerade.layout]) {
                asked += 1
                return .network("blue", sparing: .init())
            }
            return (asked, try ruleSet())
        }
        #expect(asked == 1 && set == [])
    }

    @Test("Many come and go at once, and nothing is left")
    func crowd() throws {
        let (failures, set) = try inNewNamespace {
            let outcomes = try onThreads(4) { thread in
                let engine = try FilterEngine()
                for round in 0..<6 {
                    let key = attachment("c\(thread)-\(round)")
                    try engine.admit(key, "10.0.\(thread).\(round)")
                    let missing = try engine.missing(key, "10.0.\(thread).\(round)")
                    guard missing.isEmpty else { return missing }
                    try engine.expel(key, "10.0.\(thread).\(round)")
                }
                return []
            }
            return (outcomes.flatMap { $0 }, try ruleSet())
        }
        #expect(failures == [] && set == [])
    }

    @Test("Rules are removed by what they say, and from no table that is not there")
    func rules() throws {
        let set = try inNewNamespace {
            let engine = try FilterEngine()
            let chain = Chain(Table(.ip, "t"), "c")
            try engine.removeRules(of: [chain]) { _ in true }
            try engine.removeRules(of: []) { _ in true }
            try nft("add table ip t\nadd chain ip t c\nadd rule ip t c accept comment \"a\"\nadd rule ip t c drop")
            try engine.removeRules(of: [chain, Chain(Table(.ip, "t"), "absent")]) { $0.comment == "a" }
            return try ruleSet()
        }
        #expect(set.contains("drop") && !set.contains { $0.contains("accept") })
    }
}
