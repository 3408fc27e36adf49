// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import SeededNumbers
import Testing

/// Four switches to which the same happens: one that is asked frame by frame, one that remembers, one that is asked for
/// bursts, and one that does both.
private struct Quadruplets: ~Copyable {
    var plain: VirtualSwitch
    var remembering: VirtualSwitch
    var bursting: VirtualSwitch
    var rememberingBursts: VirtualSwitch

    init(knowsVLANs: Bool, rememberedFlows: Int) {
        var settings = VirtualSwitch.Settings()
        settings.knowsVLANs = knowsVLANs
        settings.maximumInterfaces = 9
        settings.maximumAddresses = 12
        settings.ageing = 40
        plain = VirtualSwitch(settings)
        bursting = VirtualSwitch(settings)
        settings.rememberedFlows = rememberedFlows
        remembering = VirtualSwitch(settings)
        rememberingBursts = VirtualSwitch(settings)
    }

    mutating func change(_ body: (inout VirtualSwitch) -> Void) {
        body(&plain)
        body(&remembering)
        body(&bursting)
        body(&rememberingBursts)
    }

    /// What two of them decide about a burst, the one that remembers last.
    mutating func forward(
        _ references: [FrameReference],
        in memory: [UInt8],
        now: Ticks
    ) -> (plain: [Decision], remembering: [Decision]) {
        let nothing = plain.explain(bytes("00").span, from: InterfaceID(index: 0), now: now).decision
        var decisions = [Decision](repeating: nothing, count: references.count)
        var others = decisions
        var span = decisions.mutableSpan
        bursting.forward(references.span, in: memory.span, now: now, into: &span)
        var otherSpan = others.mutableSpan
        rememberingBursts.forward(references.span, in: memory.span, now: now, into: &otherSpan)
        return (decisions, others)
    }
}

@Suite("Remembered decisions and bursts")
struct RememberedFlowTests {
    private func frame(_ generator: inout SeededGenerator) -> [UInt8] {
        let source = mac(.random(in: 0..<5, using: &generator))
        let others = [mac(0), mac(1), mac(2), mac(3), mac(9), broadcast, MACAddress(value: 0x0180_c200_0000)]
        let destination = others.randomElement(using: &generator) ?? broadcast
        let tags: [UInt16?] = [nil, nil, 0, 0x6000, 1, 0xe001, 2]
        let tag = tags.randomElement(using: &generator) ?? nil
        func address() -> IPAddress { IPAddress(v4: 0x0a00_0000 | .random(in: 0..<4, using: &generator)) }
        func wide() -> IPAddress { IPAddress(v6: 0xfd00 << 112 | .random(in: 0..<4, using: &generator)) }
        let port: UInt16 = [53, 67, 80].randomElement(using: &generator) ?? 53
        switch Int.random(in: 0..<20, using: &generator) {
        case 0:
            let length = Int.random(in: 0..<18, using: &generator)
            return Array(Frames.ethernet(from: source, to: destination).prefix(length))
        case 1: return Frames.ethernet(from: broadcast, to: destination, tag: tag)
        case 2: return Frames.ethernet(from: source, to: destination, tag: tag, type: EtherType.arp)
        case 3: return Frames.ethernet(from: source, to: destination, tag: tag, type: EtherType.ipv4)
        case 4..<8: return Frames.udp(from: (source, wide(), 9), to: (destination, wide(), port), tag: tag)
        default:
            let hops = UInt8.random(in: 1...2, using: &generator)
            let (from, to) = ((source, address(), 9 as UInt16), (destination, address(), port))
            return Frames.udp(from: from, to: to, tag: tag, timeToLive: hops)
        }
    }

    private func rule(_ generator: inout SeededGenerator) -> Rule {
        var match = RuleMatch()
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: match.require(source: mac(.random(in: 0..<5, using: &generator)))
        case 1: match.require(destinationPort: 53)
        case 2: match.require(sourceNetwork: net("10.0.0.2/31"))
        case 3: match.require(destinationNetwork: net("fd00::/127"))
        case 4: match.require(ingress: InterfaceID(index: 1))
        default: match.require(vlan: 2)
        }
        let actions: [RuleAction] = [
            .permit, .deny, .redirect(InterfaceID(index: 2)), .mirror(InterfaceID(index: 3)),
        ]
        let action = actions.randomElement(using: &generator) ?? .permit
        return Rule(priority: .random(in: 0..<3, using: &generator), match: match, action: action)
    }

    private func adjust(_ interface: inout VirtualInterface, _ generator: inout SeededGenerator) {
        func rarely() -> Bool { Int.random(in: 0..<3, using: &generator) == 0 }
        switch Int.random(in: 0..<11, using: &generator) {
        case 0: interface.bringDown()
        case 1: interface.bringUp()
        case 2: interface.spanningTree = SpanningTreeState.allCases.randomElement(using: &generator) ?? .forwarding
        case 3: interface.spanningTree = .forwarding
        case 4: interface.vlans = rarely() ? .access(2, admission: .onlyUntagged) : .trunk(VLANSet([1, 2]), native: 1)
        case 5: (interface.learns, interface.learnLimit) = (!rarely(), rarely() ? 1 : 0)
        case 6: (interface.isHairpin, interface.isIsolated) = (rarely(), rarely())
        case 7: interface.isLocked = rarely()
        case 8: interface.allowedSources = rarely() ? [mac(0), mac(1), mac(2)] : nil
        case 9: interface.allowedAddresses = rarely() ? [net("10.0.0.0/31"), net("fd00::/126")] : nil
        default: interface.mirror = rarely() ? InterfaceID(index: 4) : nil
        }
    }

    /// Something that may alter decisions, done to all four.
    private func rearrange(_ switches: inout Quadruplets, _ generator: inout SeededGenerator, _ now: Ticks) {
        let id = InterfaceID(index: .random(in: 0..<7, using: &generator))
        let station = mac(.random(in: 0..<5, using: &generator))
        switch Int.random(in: 0..<16, using: &generator) {
        case 0: switches.change { $0.removeInterface(id) }
        case 1, 2:
            var interface = VirtualInterface("new")
            interface.vlans = .trunk(VLANSet([1, 2]), native: 1)
            switches.change { _ = $0.addInterface(interface) }
        case 3: switches.change { $0.addStation(station, vlan: 1, at: id, now: now) }
        case 4, 5: switches.change { $0.removeStation(station, vlan: 1) }
        case 6: switches.change { $0.age(now: now, budget: 16) }
        case 7:
            let rule = rule(&generator)
            switches.change { $0.addRule(rule) }
        case 8:
            let number = UInt32.random(in: 0..<10, using: &generator)
            switches.change { $0.removeRule(RuleID(number: number)) }
        case 9: switches.change { $0.removeAllRules() }
        case 10:
            switches.change { $0.setGateway(mac(9), vlan: 1, now: now) }
            let route = Route(destination: net("10.0.0.0/30"), outputInterface: id, nextHop: mac(40))
            switches.change { _ = $0.addRoute(route) }
        case 11: switches.change { $0.removeGateway(vlan: 1) }
        default:
            guard var interface = switches.plain.interface(id) else { return }
            adjust(&interface, &generator)
            switches.change { $0.update(id) { $0 = interface } }
        }
    }

    private func areSame(_ one: borrowing VirtualSwitch, _ other: borrowing VirtualSwitch, _ now: Ticks) -> Bool {
        for index in 0..<9 {
            let id = InterfaceID(index: UInt16(index))
            guard one.counters(of: id) == other.counters(of: id) else { return false }
            for reason in DropReason.allCases {
                guard one.dropCount(of: id, for: reason) == other.dropCount(of: id, for: reason) else { return false }
            }
        }
        var stations: [Set<MACTable.Entry>] = [[], []]
        one.stations.forEach(now: now) { stations[0].insert($0) }
        other.stations.forEach(now: now) { stations[1].insert($0) }
        return stations[0] == stations[1]
    }

    @Test(
        "Whoever remembers decisions, or is asked for many at once, decides, learns and counts the same",
        arguments: [1, 2, 3, 4, 5, 6, 8, 10] as [UInt64]
    )
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed)
        // Once with hardly any room.
        var switches = Quadruplets(knowsVLANs: seed % 4 != 0, rememberedFlows: seed == 3 ? 1 : 300)
        for _ in 0..<7 { switches.change { _ = $0.addInterface(VirtualInterface("port")) } }
        var now: Ticks = .max - 2000
        // At other times little happens, and what was said is said again.
        let isCalm = seed % 2 == 0
        let pool = isCalm ? (0..<60).map { _ in frame(&generator) } : []
        func isOld() -> Bool { isCalm && Int.random(in: 0..<20, using: &generator) != 0 }
        for step in 0..<500 {
            now &+= .random(in: 0...(step % 50 == 0 ? 50 : 3), using: &generator)
            if Int.random(in: 0..<(isCalm ? 20 : 3), using: &generator) == 0 { rearrange(&switches, &generator, now) }
            var memory: [UInt8] = []
            var references: [FrameReference] = []
            var decisions: [Decision] = []
            for _ in 0..<Int.random(in: 0..<40, using: &generator) {
                let frame = isOld() ? pool.randomElement(using: &generator) ?? [] : frame(&generator)
                // Stations stay where they are, as a rule.
                let isElsewhere =
                    frame.count < 12 || Int.random(in: 0..<(isCalm ? 800 : 40), using: &generator) == 0
                let port = isElsewhere ? .random(in: 0..<10, using: &generator) : UInt16(frame[11]) % 10
                let ingress = InterfaceID(index: port)
                references.append(.init(offset: UInt32(memory.count), length: UInt32(frame.count), ingress: ingress))
                memory += frame
                let plain = switches.plain.forward(frame.span, from: ingress, now: now)
                let remembered = switches.remembering.forward(frame.span, from: ingress, now: now)
                guard plain == remembered else {
                    Issue.record("seed \(seed), step \(step): \(remembered), should be \(plain): \(frame)")
                    return
                }
                decisions.append(plain)
            }
            let bursts = switches.forward(references, in: memory, now: now)
            guard bursts.plain == decisions, bursts.remembering == decisions else {
                Issue.record("seed \(seed), step \(step): a burst is decided about otherwise")
                return
            }
        }
        let areAllSame =
            areSame(switches.plain, switches.remembering, now)
            && areSame(switches.plain, switches.bursting, now)
            && areSame(switches.plain, switches.rememberingBursts, now)
        #expect(areAllSame)
        let remembered = switches.remembering.rememberedDecisions
        #expect(remembered > (seed == 3 ? 20 : 200))
        let inBursts = switches.rememberingBursts.rememberedDecisions
        #expect(!isCalm || inBursts > 1000)
    }

    @Test("A station that grew too old is flooded again, though nothing happened")
    func ageing() {
        var settings = VirtualSwitch.Settings()
        settings.ageing = 100
        settings.rememberedFlows = 64
        var theSwitch = VirtualSwitch(settings)
        let (first, second) = (InterfaceID(index: 0), InterfaceID(index: 1))
        for id in [first, second] {
            let added = theSwitch.addInterface(VirtualInterface("port"))
            #expect(added == id)
        }
        let there = Frames.ethernet(from: mac(1), to: mac(2))
        _ = theSwitch.forward(Frames.ethernet(from: mac(2), to: mac(1)).span, from: second, now: 0)
        for now in 0..<200 as Range<Ticks> {
            let verdict = theSwitch.forward(there.span, from: first, now: now).verdict
            #expect(verdict == (now < 100 ? .forward(second) : .flood(.unknown)))
        }
        let remembered = theSwitch.rememberedDecisions
        #expect(remembered > 150)
    }

    @Test("Every frame after the first is remembered, whatever its ports are, while nothing asks for ports")
    func wildcards() {
        var settings = VirtualSwitch.Settings()
        settings.rememberedFlows = 64
        var theSwitch = VirtualSwitch(settings)
        for _ in 0..<2 { _ = theSwitch.addInterface(VirtualInterface("port")) }
        for port in 0..<100 as Range<UInt16> {
            let frame = Frames.udp(from: (mac(1), ip("10.0.0.1"), port), to: (mac(2), ip("10.0.0.2"), 53))
            _ = theSwitch.forward(frame.span, from: InterfaceID(index: 0), now: 0)
        }
        let remembered = theSwitch.rememberedDecisions
        #expect(remembered == 99)
    }
}
