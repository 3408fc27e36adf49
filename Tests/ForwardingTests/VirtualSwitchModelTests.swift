// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import SeededNumbers
import Testing

extension VirtualSwitch {
    /// What becomes of a frame, found out by changing the frame as the switch says.
    func outcome(of decision: Decision, _ frame: [UInt8]) -> PlainOutcome {
        if let reason = decision.dropReason { return .drop(reason) }
        var sent: [InterfaceID: UInt16?] = [:]
        forEachDelivery(of: decision) { delivery in
            guard !delivery.isMirror else { return }
            var output = [UInt8](repeating: 0, count: frame.count + 4)
            var span = output.mutableSpan
            let length = delivery.rewrite.write(frame.span, into: &span) ?? 0
            let changed = Array(output.prefix(length))
            let header = EthernetHeader(reading: changed.span)
            sent[delivery.interface] = .some(header?.outerTag?.control)
        }
        return .send(sent)
    }
}

@Suite("Switches beside a list")
struct VirtualSwitchModelTests {
    private let vlans: [UInt16] = [1, 2, 3]

    private func settings(knowsVLANs: Bool) -> VirtualSwitch.Settings {
        var settings = VirtualSwitch.Settings()
        settings.knowsVLANs = knowsVLANs
        settings.maximumInterfaces = 70
        settings.maximumAddresses = 500
        settings.ageing = 100
        return settings
    }

    private func membership(_ generator: inout SeededGenerator) -> VLANMembership {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return .access(.random(in: 1...2, using: &generator))
        case 1: return .access(1, admission: .onlyUntagged)
        case 2: return .trunk(VLANSet([1, 2, 3]), native: Bool.random(using: &generator) ? 1 : nil)
        default:
            var membership = VLANMembership.trunk(VLANSet([2, 3]))
            membership.admission = .onlyTagged
            return membership
        }
    }

    private func change(_ interface: inout VirtualInterface, _ generator: inout SeededGenerator) {
        func maybe() -> Bool { Int.random(in: 0..<3, using: &generator) == 0 }
        switch Int.random(in: 0..<12, using: &generator) {
        case 0: interface.bringDown()
        case 1, 2: interface.bringUp()
        case 3: interface.spanningTree = SpanningTreeState.allCases.randomElement(using: &generator) ?? .forwarding
        case 4: interface.spanningTree = .forwarding
        case 5: interface.vlans = membership(&generator)
        case 6: (interface.learns, interface.learnLimit) = (!maybe(), maybe() ? 2 : 0)
        case 7: (interface.floodsUnknown, interface.floodsMulticast) = (!maybe(), !maybe())
        case 8: (interface.floodsBroadcast, interface.isHairpin) = (!maybe(), maybe())
        case 9: interface.isIsolated = maybe()
        case 10: interface.isLocked = maybe()
        default: interface.allowedSources = maybe() ? [mac(0), mac(1)] : nil
        }
    }

    private func frame(_ generator: inout SeededGenerator, _ interfaces: UInt16) -> PlainFrame {
        let stations = (0..<6).map { mac($0) }
        let destinations = stations + [broadcast, MACAddress(value: 0x0100_5e00_0001)]
        let rare = [MACAddress(value: 0x0180_c200_000e), MACAddress.zero, broadcast]
        let isRare = Int.random(in: 0..<40, using: &generator) == 0
        let tags: [UInt16?] = [nil, nil, nil, 0, 0x2000, 1, 2, 0xa002, 3, 4]
        return PlainFrame(
            source: (isRare ? rare : stations).randomElement(using: &generator) ?? .zero,
            destination: (isRare ? rare : destinations).randomElement(using: &generator) ?? broadcast,
            control: tags.randomElement(using: &generator) ?? nil,
            ingress: InterfaceID(index: .random(in: 0..<interfaces, using: &generator))
        )
    }

    /// Changes the switch and the list in the same way.
    private func rearrange(
        _ theSwitch: inout VirtualSwitch,
        _ list: inout ListOfEverything,
        _ generator: inout SeededGenerator,
        _ now: Ticks
    ) {
        let id = list.interfaces.keys.sorted().randomElement(using: &generator) ?? InterfaceID(index: 0)
        switch Int.random(in: 0..<20, using: &generator) {
        case 0:
            theSwitch.removeInterface(id)
            list.interfaces[id] = nil
            list.stations.removeAll { $0.port == id }
        case 1, 2:
            let interface = VirtualInterface("new")
            if let new = theSwitch.addInterface(interface) { list.interfaces[new] = interface }
        case 3:
            let (address, vlan) = (mac(.random(in: 0..<6, using: &generator)), list.knowsVLANs ? 1 as UInt16 : 0)
            theSwitch.addStation(address, vlan: vlan, at: id, now: now)
            list.stations.removeAll { $0.address == address && $0.vlan == vlan }
            list.stations.append(.init(address: address, vlan: vlan, port: id, isStatic: true, heard: now))
        case 4:
            let (address, vlan) = (mac(.random(in: 0..<6, using: &generator)), list.knowsVLANs ? 1 as UInt16 : 0)
            theSwitch.removeStation(address, vlan: vlan)
            list.stations.removeAll { $0.address == address && $0.vlan == vlan }
        case 5:
            theSwitch.age(now: now)
            theSwitch.age(now: now)
            let ageing = list.ageing
            list.stations.removeAll { !$0.isStatic && now &- $0.heard >= ageing }
        default:
            guard let before = list.interfaces[id] else { return }
            var after = before
            change(&after, &generator)
            theSwitch.update(id) { $0 = after }
            list.interfaces[id] = after
            func isCut(_ interface: VirtualInterface) -> Bool {
                !interface.isUp || interface.spanningTree == .disabled
            }
            if isCut(after), !isCut(before) { list.stations.removeAll { $0.port == id && !$0.isStatic } }
            if list.knowsVLANs {
                list.stations.removeAll { $0.port == id && !$0.isStatic && !after.vlans.members.contains($0.vlan) }
            }
        }
    }

    private func addRules(_ theSwitch: inout VirtualSwitch, _ list: inout ListOfEverything) {
        var fromZero = RuleMatch()
        fromZero.require(source: mac(0))
        fromZero.require(destination: mac(1))
        var toFive = RuleMatch()
        toFive.require(destination: mac(5))
        toFive.require(ingress: InterfaceID(index: 1))
        list.rules = [(fromZero, .deny), (toFive, .redirect(InterfaceID(index: 2)))]
        for (index, (match, action)) in list.rules.enumerated() {
            theSwitch.addRule(Rule(priority: UInt32(10 - index), match: match, action: action))
        }
    }

    @Test(
        "A switch does what a list does, and explains what it does",
        arguments: [1, 2, 3, 4, 5, 6] as [UInt64]
    )
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed)
        let knowsVLANs = seed != 6
        var theSwitch = VirtualSwitch(settings(knowsVLANs: knowsVLANs))
        var list = ListOfEverything(knowsVLANs: knowsVLANs)
        for _ in 0..<5 {
            var interface = VirtualInterface("port")
            interface.vlans = membership(&generator)
            if let id = theSwitch.addInterface(interface) { list.interfaces[id] = interface }
        }
        if seed % 2 == 0 { addRules(&theSwitch, &list) }
        var now: Ticks = .max - 500
        var outcomes: [String: Int] = [:]
        for number in 0..<4000 {
            now &+= .random(in: 0...4, using: &generator)
            if number % 5 == 0 { rearrange(&theSwitch, &list, &generator, now) }
            let frame = frame(&generator, 8)
            let octets = frame.octets
            let explained = theSwitch.explain(octets.span, from: frame.ingress, now: now).decision
            let decision = theSwitch.forward(octets.span, from: frame.ingress, now: now)
            let expected = list.forward(frame, now: now)
            let outcome = theSwitch.outcome(of: decision, octets)
            outcomes[decision.dropReason.map { "\($0)" } ?? "sent", default: 0] += 1
            guard outcome == expected, explained == decision || frame.source == frame.destination else {
                Issue.record("seed \(seed), frame \(number): \(frame): \(outcome), should be \(expected)")
                return
            }
        }
        #expect(outcomes.values.max() ?? 0 < 3500, "the frames are of many kinds: \(outcomes)")
        #expect(outcomes["sent", default: 0] > 300, "\(outcomes)")
    }

    @Test("A burst ends as if its frames had come one by one", arguments: [1, 2, 3] as [UInt64])
    func bursts(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var single = VirtualSwitch(settings(knowsVLANs: true))
        var bursting = VirtualSwitch(settings(knowsVLANs: true))
        for _ in 0..<6 {
            var interface = VirtualInterface("port")
            interface.vlans = .trunk(VLANSet([1, 2, 3]), native: 1)
            interface.learnLimit = 4
            _ = single.addInterface(interface)
            _ = bursting.addInterface(interface)
        }
        var list = ListOfEverything()
        if seed > 1 {
            addRules(&single, &list)
            addRules(&bursting, &list)
        }
        for count in 0..<100 {
            var memory: [UInt8] = []
            var references: [FrameReference] = []
            var expected: [Decision] = []
            for _ in 0..<count {
                let frame = frame(&generator, 8)
                let octets = frame.octets
                let offset = UInt32(memory.count)
                references.append(.init(offset: offset, length: UInt32(octets.count), ingress: frame.ingress))
                memory += octets
                expected.append(single.forward(octets.span, from: frame.ingress, now: Ticks(count)))
            }
            let nothing = single.explain(bytes("00").span, from: InterfaceID(index: 0), now: 0).decision
            var decisions = Array(repeating: nothing, count: count)
            var span = decisions.mutableSpan
            bursting.forward(references.span, in: memory.span, now: Ticks(count), into: &span)
            #expect(decisions == expected)
        }
        for index in 0..<6 {
            let id = InterfaceID(index: UInt16(index))
            let (one, other) = (single.counters(of: id), bursting.counters(of: id))
            #expect(one == other)
            #expect(one.receivedFrames > 0)
        }
    }

    @Test("Frames that agree in the bits that count have the same verdict", arguments: [1, 2, 3] as [UInt64])
    func masks(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var theSwitch = VirtualSwitch(settings(knowsVLANs: true))
        var list = ListOfEverything()
        for index in 0..<4 {
            var interface = VirtualInterface("port")
            interface.vlans = index < 2 ? .trunk(VLANSet([1, 2]), native: 1) : .access(1)
            if index == 1 { interface.allowedAddresses = [net("10.0.0.0/30"), net("fd00::/64")] }
            _ = theSwitch.addInterface(interface)
        }
        addRules(&theSwitch, &list)
        var match = RuleMatch()
        match.require(destinationNetwork: net("10.0.0.2/31"))
        match.require(protocolNumber: IPProtocol.udp, family: .v4)
        match.require(destinationPort: 53)
        theSwitch.addRule(Rule(priority: 1, match: match, action: .deny))
        theSwitch.setGateway(mac(9), vlan: 1, now: 0)
        for network in ["10.0.0.0/31", "10.0.0.4/30", "fd00::/64"] {
            let output = InterfaceID(index: network == "10.0.0.4/30" ? 2 : 3)
            theSwitch.addRoute(Route(destination: net(network), outputInterface: output, nextHop: mac(40)))
        }
        theSwitch.addStation(mac(1), vlan: 1, at: InterfaceID(index: 2), now: 0)
        var seen: [(key: FlowKey, explanation: Explanation)] = []
        var agreements = 0
        for _ in 0..<600 {
            let (octets, ingress) = packet(&generator)
            let explanation = theSwitch.explain(octets.span, from: ingress, now: 1)
            guard let key = theSwitch.key(of: octets.span, from: ingress) else { continue }
            for (other, known) in seen {
                guard let mask = known.mask, key.masked(by: mask) == other.masked(by: mask) else { continue }
                agreements += key == other ? 0 : 1
                if explanation.decision.verdict != known.decision.verdict {
                    Issue.record("\(key) and \(other): \(explanation.decision) and \(known.decision)")
                    return
                }
            }
            seen.append((key, explanation))
        }
        #expect(agreements > 200)
    }

    private func packet(_ generator: inout SeededGenerator) -> ([UInt8], InterfaceID) {
        let ingress = InterfaceID(index: .random(in: 0..<3, using: &generator))
        let source = mac(.random(in: 0..<2, using: &generator))
        let destination = [mac(1), mac(5), mac(9), broadcast].randomElement(using: &generator) ?? broadcast
        let tag: UInt16? = [nil, 1, 2].randomElement(using: &generator) ?? nil
        let isNew = Bool.random(using: &generator)
        func address() -> IPAddress {
            let last = UInt32.random(in: 0..<6, using: &generator)
            guard isNew else { return IPAddress(v4: 0x0a00_0000 | last) }
            return IPAddress(v6: 0xfd00 << 112 | UInt128(last / 5) << 64 | 1)
        }
        let (from, to) = (address(), address())
        let port: UInt16 = [53, 67, 80].randomElement(using: &generator) ?? 53
        return (Frames.udp(from: (source, from, 9), to: (destination, to, port), tag: tag), ingress)
    }
}
