// SPDX-License-Identifier: Apache-2.0
import Addressing
import SeededNumbers
import Testing

@testable import Forwarding

/// A table that is obviously right: a list.
private struct ListOfRules {
    var rules: [(id: RuleID, rule: Rule)] = []

    func lookup(_ flow: FlowKey) -> RuleID? {
        var best: (id: RuleID, rule: Rule)?
        for entry in rules where entry.rule.match.contains(flow) {
            if let found = best, found.rule.priority >= entry.rule.priority { continue }
            best = entry
        }
        return best?.id
    }
}

@Suite("Rule tables")
struct RuleTableTests {
    /// Keys with few values in each field, so that rules and frames meet.
    private func randomKey(_ generator: inout SeededGenerator) -> FlowKey {
        var key = FlowKey()
        key.ingress = InterfaceID(index: .random(in: 0..<3, using: &generator))
        key.etherType = [EtherType.ipv4, EtherType.ipv6, EtherType.arp].randomElement(using: &generator) ?? 0
        key.vlan = .random(in: 1...2, using: &generator)
        key.protocolNumber = [6, 17].randomElement(using: &generator) ?? 0
        key.source = mac(.random(in: 0..<3, using: &generator))
        key.destination = mac(.random(in: 0..<3, using: &generator))
        key.sourcePort = .random(in: 0..<4, using: &generator)
        key.destinationPort = .random(in: 0..<4, using: &generator)
        key.word3 = UInt64.random(in: 0..<4, using: &generator) << 32 | .random(in: 0..<4, using: &generator)
        if key.etherType == EtherType.ipv6 {
            key.word5 = .random(in: 0..<3, using: &generator)
            key.word6 = .random(in: 0..<3, using: &generator)
        }
        return key
    }

    private func mask(_ generator: inout SeededGenerator) -> FlowKey {
        var mask = FlowKey()
        if Bool.random(using: &generator) { mask.ingress = InterfaceID(index: .max) }
        if Bool.random(using: &generator) { mask.vlan = .max }
        if Bool.random(using: &generator) { mask.destination = MACAddress(value: .max) }
        if Int.random(in: 0..<4, using: &generator) == 0 { mask.sourcePort = 0xfffe }
        if Int.random(in: 0..<4, using: &generator) == 0 { mask.destinationPort = .max }
        if Int.random(in: 0..<4, using: &generator) == 0 { mask.word3 = 0xffff_fffe_0000_0000 }
        if Int.random(in: 0..<6, using: &generator) == 0 { mask.word6 = .max }
        return mask
    }

    private func rule(_ generator: inout SeededGenerator, _ masks: [FlowKey]) -> Rule {
        let mask = masks.randomElement(using: &generator) ?? FlowKey()
        let actions: [RuleAction] = [.permit, .deny, .redirect(InterfaceID(index: 5)), .mirror(InterfaceID(index: 6))]
        return Rule(
            priority: .random(in: 0..<5, using: &generator),
            match: RuleMatch(key: randomKey(&generator), mask: mask),
            action: actions.randomElement(using: &generator) ?? .deny
        )
    }

    @Test("A table does what a list does, in whatever order", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed)
        let masks = (0..<Int(seed) * 3).map { _ in mask(&generator) }
        var table = RuleTable(seed: seed)
        var list = ListOfRules()
        for number in 0..<1500 {
            if list.rules.count < 60, Bool.random(using: &generator) {
                let count = Bool.random(using: &generator) ? 1 : Int.random(in: 0...5, using: &generator)
                let rules = (0..<count).map { _ in rule(&generator, masks) }
                let ids = count == 1 ? [table.insert(rules[0])] : table.insert(contentsOf: rules)
                for (id, rule) in zip(ids, rules) { list.rules.append((id, rule)) }
            } else if number % 3 == 0, let index = list.rules.indices.randomElement(using: &generator) {
                let action = rule(&generator, masks).action
                list.rules[index].rule.action = action
                let isKnown = table.setAction(of: list.rules[index].id, to: action)
                #expect(isKnown)
            } else if let victim = list.rules.indices.randomElement(using: &generator) {
                let (id, rule) = list.rules.remove(at: victim)
                #expect(table.remove(id) == rule)
                #expect(table.remove(id) == nil)
            }
            #expect(table.count == list.rules.count)
            for _ in 0..<4 {
                let flow = randomKey(&generator)
                let verdict = table.lookup(flow)
                let expected = list.lookup(flow)
                let action = expected.flatMap { table.rule($0) }?.action
                guard verdict.id == expected, expected == nil || verdict.action == action else {
                    Issue.record("seed \(seed), step \(number): \(String(describing: verdict.id))")
                    return
                }
            }
        }
    }

    @Test("Whoever agrees in the bits that count has the same verdict", arguments: [11, 12, 13] as [UInt64])
    func unwildcarding(seed: UInt64) {
        var generator = SeededGenerator(seed)
        let masks = (0..<8).map { _ in mask(&generator) }
        var table = RuleTable(seed: seed)
        table.insert(contentsOf: (0..<40).map { _ in rule(&generator, masks) })
        var remembered = 0
        for _ in 0..<1500 {
            let flow = randomKey(&generator)
            var mask = FlowKey()
            let verdict = table.lookup(flow, unwildcarding: &mask)
            #expect(verdict == table.lookup(flow))
            // Other frames in all that does not count, be they possible or not.
            for _ in 0..<3 {
                var other = randomKey(&generator)
                other.word4 = generator.next()
                other.word1 ^= generator.next()
                merge(&other, flow, mask)
                if table.lookup(other) != verdict { Issue.record("seed \(seed): \(flow) \(other) \(mask)") }
                if other != flow { remembered += 1 }
            }
        }
        #expect(remembered > 1000)
    }

    /// Lets a key agree with another in the bits of a mask.
    private func merge(_ key: inout FlowKey, _ other: FlowKey, _ mask: FlowKey) {
        func word(_ old: UInt64, _ new: UInt64, _ bits: UInt64) -> UInt64 { old & ~bits | new & bits }
        key.word0 = word(key.word0, other.word0, mask.word0)
        key.word1 = word(key.word1, other.word1, mask.word1)
        key.word2 = word(key.word2, other.word2, mask.word2)
        key.word3 = word(key.word3, other.word3, mask.word3)
        key.word4 = word(key.word4, other.word4, mask.word4)
        key.word5 = word(key.word5, other.word5, mask.word5)
        key.word6 = word(key.word6, other.word6, mask.word6)
    }

    @Test("A burst has the verdicts its frames have one by one", arguments: [0, 1, 2, 6, 20])
    func burst(maskCount: Int) {
        var generator = SeededGenerator(UInt64(maskCount))
        let masks = (0..<maskCount).map { _ in mask(&generator) }
        var table = RuleTable()
        table.insert(contentsOf: (0..<maskCount * 5).map { _ in rule(&generator, masks) })
        var frames = BurstTable(repeating: BurstFrame())
        var verdicts = BurstTable(repeating: RuleVerdict())
        for count in 0...32 {
            // Those of the first places, in any order.
            let order = Array(0..<count).shuffled(using: &generator)
            for (place, index) in order.enumerated() {
                frames[index].key = randomKey(&generator)
                table.scratch.pending[place] = UInt64(index)
            }
            table.lookup(frames, count: count, into: &verdicts)
            for index in 0..<count {
                let (burst, single) = (verdicts[index], table.lookup(frames[index].key))
                #expect(burst == single)
            }
        }
    }

    @Test("Of equal rules the older counts, and then the next")
    func equals() {
        var table = RuleTable()
        var match = RuleMatch()
        match.require(vlan: 7)
        let first = table.insert(Rule(priority: 3, match: match, action: .deny))
        let second = table.insert(Rule(priority: 3, match: match, action: .permit))
        var flow = FlowKey()
        flow.vlan = 7
        #expect(table.lookup(flow).id == first)
        table.remove(first)
        #expect(table.lookup(flow).id == second)
        table.remove(second)
        #expect(table.lookup(flow).id == nil)
        #expect(table.lookup(flow).action == .permit)
    }

    @Test("Every change has a generation of its own")
    func generation() {
        var table = RuleTable()
        let before = table.generation
        let id = table.insert(Rule(priority: 0, match: RuleMatch(), action: .deny))
        let between = table.generation
        table.setAction(of: id, to: .permit)
        let changed = table.generation
        table.remove(id)
        let last = table.generation
        #expect(Set([before, between, changed, last]).count == 4)
        let isKnown = table.setAction(of: id, to: .deny)
        #expect(!isKnown)
        #expect(table.generation == last)
    }

    @Test(
        "The prefixes of a range of ports are the range",
        arguments: [0...0, 0...65535, 1...65534, 1024...65535, 5...5, 80...88, 65535...65535] as [ClosedRange<UInt16>]
    )
    func portRanges(range: ClosedRange<UInt16>) {
        let prefixes = RuleMatch.prefixes(of: range)
        #expect(prefixes.count <= 30)
        for port in 0...UInt16.max {
            let matches = prefixes.count { port & $0.mask == $0.port }
            if matches != (range.contains(port) ? 1 : 0) { Issue.record("port \(port): \(matches) matches") }
        }
    }

    @Test("A rule about addresses never takes the bits of another protocol for them")
    func sharedWords() throws {
        var match = RuleMatch()
        match.require(sourceNetwork: net("10.0.0.0/8"))
        let v4 = Frames.udp(from: (mac(1), ip("10.1.2.3"), 5), to: (mac(2), ip("10.9.9.9"), 6))
        // The first word of this address of IPv6 reads as 10.1.2.3.
        let v6 = Frames.udp(from: (mac(1), ip("a01:203::1"), 5), to: (mac(2), ip("fd00::1"), 6))
        #expect(match.contains(try #require(key(v4))))
        #expect(!match.contains(try #require(key(v6))))
        match.require(destinationNetwork: net("10.9.9.0/24"))
        match.require(protocolNumber: IPProtocol.udp, family: .v4)
        match.require(destinationPort: 6)
        #expect(match.contains(try #require(key(v4))))
        match.require(destinationPort: 7)
        #expect(!match.contains(try #require(key(v4))))
    }
}
