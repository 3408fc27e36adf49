// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import SeededNumbers

/// Steps that follow upon each other, on a bridge that is new at first.
struct Story: Hashable, Sendable {
    var scene: Scene
    var steps: [Step]

    /// How many frames a bridge sees between two changes, roughly.
    private static let framesPerChange = 10

    /// A story by chance.
    ///
    /// - Parameters:
    ///   - seed: the same story again.
    ///   - length: how many steps.
    ///   - knowsVLANs: whether bridges tell VLANs apart; some do without all the same.
    init(seed: UInt64, length: Int, knowsVLANs: Bool) {
        var generator = SeededGenerator(seed)
        var scene = Scene()
        scene.knowsVLANs = knowsVLANs && !generator.once(in: 5)
        if scene.knowsVLANs, generator.once(in: 4) { scene.tagProtocol = EtherType.serviceTag }
        if generator.once(in: 2) { scene.forwardedGroups = UInt16(generator.below(1 << 16)) & 0xfff8 }
        scene.usesBursts = generator.once(in: 3)
        if generator.once(in: 2) { scene.rememberedFlows = generator.once(in: 2) ? 16 : 1024 }
        self.scene = scene
        var frames = FrameMaker(scene)
        steps = (0..<scene.portCount).map { .addPort($0) }
        // Ports of a story are mostly ordinary: with all flags at random hardly any frame gets anywhere.
        for _ in 0..<generator.below(8) { steps.append(Self.change(scene, &generator)) }
        // Stations are mostly where they were before, too.
        let homes = (0..<FrameMaker.stationCount).map { _ in generator.below(scene.portCount) }
        while steps.count < length {
            guard !generator.once(in: Self.framesPerChange) else {
                steps.append(Self.change(scene, &generator))
                continue
            }
            let octets = frames.frame(&generator)
            let source = Int(octets[11])
            let isHome = octets[6] == 2 && octets[10] == 0 && source < homes.count && !generator.once(in: 8)
            steps.append(.frame(octets, port: isHome ? homes[source] : generator.below(scene.portCount)))
        }
    }

    init(_ scene: Scene, _ steps: [Step]) {
        self.scene = scene
        self.steps = steps
    }

    private static func change(_ scene: Scene, _ generator: inout SeededGenerator) -> Step {
        let port = generator.below(scene.portCount)
        switch generator.below(1000) {
        case 0..<8: return .removePort(port)
        case 8..<24: return .addPort(port)
        case 24..<34: return .bringDown(port)
        case 34..<54: return .bringUp(port)
        case 54..<58: return .pause
        case 58..<62: return .expire
        case 62..<75: return .flush
        case 75..<200: return .setSpanningTree(port, spanningTree(&generator))
        case 200..<400 where scene.knowsVLANs: return vlan(scene, &generator)
        case 200..<550:
            let vlan = scene.knowsVLANs ? UInt16(1 + generator.below(5)) : 0
            let station = FrameMaker.station(generator.below(FrameMaker.stationCount))
            guard generator.once(in: 3) else { return .removeStation(station, vlan: vlan) }
            return .addStation(station, vlan: vlan, port: port)
        default:
            let flag = PortFlag.allCases[generator.below(PortFlag.allCases.count)]
            // Back to what is usual, more often than not.
            return .set(port, flag, generator.once(in: 5) != flag.isOnAtFirst)
        }
    }

    /// Mostly forwarding.
    ///
    /// Never blocking: without a spanning tree Linux makes forwarding of it at once. What blocks neither hears nor sends,
    /// as what listens.
    private static func spanningTree(_ generator: inout SeededGenerator) -> SpanningTreeState {
        switch generator.below(12) {
        case 0: .disabled
        case 1: .listening
        case 2: .learning
        default: .forwarding
        }
    }

    private static func vlan(_ scene: Scene, _ generator: inout SeededGenerator) -> Step {
        // One more than there are ports is the bridge's own.
        let port = generator.below(scene.portCount + 1)
        let number = generator.once(in: 40) ? 4094 : UInt16(1 + generator.below(5))
        guard !generator.once(in: 3) else { return .removeVLAN(port, number) }
        let isNative = generator.once(in: 3)
        let isUntagged = isNative != generator.once(in: 5)
        return .addVLAN(port, PortVLAN(number: number, isNative: isNative, isUntagged: isUntagged))
    }
}
