// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import ForwardingReference

/// The whole way of a frame through a switch of 64 trunks and 8 VLANs, in bursts of 32.
struct Pipeline {
    let stations: Int
    let masks: Int
    /// How many different frames there are; many do not fit into a cache.
    let frames: Int
    /// Whether Swift remembers decisions, in as many places as Open vSwitch has in its exact-match cache; C does not.
    var remembers = false
    /// How often each switch is measured.
    var rounds = 101

    private static let interfaces = 64
    private static let vlans = 8
    static let frameLength = 60
    private static let stride = 64

    struct Frames {
        var memory: [UInt8] = []
        var references: [FrameReference] = []
        var plain: [reference_frame] = []
    }

    /// The switch in C, as long as somebody needs it.
    final class Reference {
        let pointer: OpaquePointer

        init(_ pointer: OpaquePointer) {
            self.pointer = pointer
        }

        deinit {
            reference_free(pointer)
        }
    }

    /// Both switches, after everybody was heard once and the same was decided by both.
    struct Prepared: ~Copyable {
        var theSwitch: VirtualSwitch
        let reference: Reference
        let frames: Frames
        var decisions: [Decision]
        var plain: [reference_decision]
        var now: Ticks = 0

        /// Decides about these frames.
        mutating func forward(_ range: Range<Int>) {
            Self.forward(range, frames, now, &theSwitch, &decisions)
        }

        private static func forward(
            _ range: Range<Int>,
            _ frames: Frames,
            _ now: Ticks,
            _ theSwitch: inout VirtualSwitch,
            _ decisions: inout [Decision]
        ) {
            var span = decisions.mutableSpan
            theSwitch.forward(frames.references.span.extracting(range), in: frames.memory.span, now: now, into: &span)
        }

        /// The same, each frame by itself.
        mutating func forwardOneByOne(_ range: Range<Int>) {
            Self.forwardOneByOne(range, frames, now, &theSwitch, &decisions)
        }

        private static func forwardOneByOne(
            _ range: Range<Int>,
            _ frames: Frames,
            _ now: Ticks,
            _ theSwitch: inout VirtualSwitch,
            _ decisions: inout [Decision]
        ) {
            let memory = frames.memory.span
            for index in range {
                let reference = frames.references[index]
                let start = Int(reference.offset)
                let frame = memory.extracting(start..<start + Int(reference.length))
                decisions[index] = theSwitch.forward(frame, from: reference.ingress, now: now)
            }
        }

        /// Forwarding takes no memory, in bursts or not, learning and ageing included.
        mutating func expectNoAllocation() {
            let before = reference_allocations()
            forward(frames.references.indices)
            forwardOneByOne(frames.references.indices)
            theSwitch.age(now: now, budget: 64)
            precondition(reference_allocations() == before, "forwarding takes no memory")
            precondition(before > 0, "allocations are counted")
        }

        mutating func forwardInC(_ range: Range<Int>) {
            let now = now
            frames.plain.withUnsafeBufferPointer { all in
                guard let base = all.baseAddress else { return }
                reference_forward(reference.pointer, base + range.lowerBound, range.count, frames.memory, now, &plain)
            }
        }
    }

    private var name: String {
        "pipeline, \(stations) stations, \(masks) masks, \(frames) frames" + (remembers ? ", remembering" : "")
    }

    /// Measures both switches by turns.
    func run() {
        guard var prepared = prepared() else { return }
        let window = min(2048, frames)
        let rounds = Rounds(
            name: name,
            count: self.rounds,
            operations: window
        )
        var (next, nextPlain) = (0, 0)
        rounds.compare {
            prepared.forward(next..<next + window)
            next = (next + window) % frames
        } with: {
            prepared.forwardInC(nextPlain..<nextPlain + window)
            nextPlain = (nextPlain + window) % frames
        }
    }

    /// Makes both switches, and fails where they do not agree about all frames.
    func prepared() -> Prepared? {
        var settings = VirtualSwitch.Settings()
        settings.maximumInterfaces = Self.interfaces
        settings.maximumAddresses = stations * 2
        settings.rememberedFlows = remembers ? 8192 : 0
        var theSwitch = VirtualSwitch(settings)
        var slots: UInt32 = 16
        let factor = stations * 2 <= 16384 ? 4 : 2
        while slots < stations * 2 * factor { slots *= 2 }
        guard let reference = reference_make(UInt32(Self.interfaces), slots, settings.ageing) else { return nil }
        addInterfaces(&theSwitch, reference)
        addRules(&theSwitch, reference)
        let nothing = theSwitch.explain([0].span, from: InterfaceID(index: 0), now: 0).decision
        var result = Prepared(
            theSwitch: theSwitch,
            reference: Reference(reference),
            frames: makeFrames(),
            decisions: Array(repeating: nothing, count: frames),
            plain: Array(repeating: reference_decision(), count: frames)
        )
        for _ in 0..<2 {
            result.now += 1
            result.forward(0..<frames)
            result.forwardInC(0..<frames)
        }
        let start = Decision.Flood.unknown
        var (same, floods) = (0, 0)
        for index in 0..<frames {
            if isSame(result.decisions[index], result.plain[index]) { same += 1 }
            if result.decisions[index].verdict == .flood(start) { floods += 1 }
        }
        precondition(same == frames, "only \(same) of \(frames) decisions are the same as in C")
        precondition(floods < frames / 100, "\(floods) of \(frames) frames are flooded")
        result.expectNoAllocation()
        let remembered = result.theSwitch.rememberedDecisions
        precondition(remembers == (remembered > frames / 2), "\(remembered) decisions were remembered ones")
        return result
    }

    private func isSame(_ decision: Decision, _ plain: reference_decision) -> Bool {
        switch decision.verdict {
        case .forward(let output): plain.verdict == 0 && plain.output == output.index && plain.vlan == decision.vlan
        case .flood(let kind): plain.verdict == 1 && plain.flood == kind.rawValue
        case .drop: plain.verdict == 2
        case .route: false
        }
    }

    private func addInterfaces(_ theSwitch: inout VirtualSwitch, _ reference: OpaquePointer) {
        for index in 0..<Self.interfaces {
            var interface = VirtualInterface("trunk\(index)")
            interface.vlans = .trunk(VLANSet(1...UInt16(Self.vlans)), native: 1)
            _ = theSwitch.addInterface(interface)
            for vlan in 1...UInt16(Self.vlans) { reference_add_vlan(reference, UInt16(index), vlan, vlan == 1 ? 1 : 0) }
        }
    }

    func station(_ number: Int) -> UInt64 {
        0x0200_0000_0000 | (UInt64(number) &* 0x9e37_79b1) & 0xff_ffff_ffff
    }

    func sourcePort(_ number: Int) -> UInt16 { UInt16(truncatingIfNeeded: number &* 40503) | 1 }

    /// 1024 rules about a destination and some bits of a port, as many masks as wanted.
    private func addRules(_ theSwitch: inout VirtualSwitch, _ reference: OpaquePointer) {
        var number: UInt32 = 0
        var rules: [Rule] = []
        for index in 0..<masks {
            let bits = UInt16.max << UInt16(index)
            let priority = UInt32(masks - index)
            // The bit in the first word says that the packet is no later fragment, which has no ports.
            var words: [UInt64] = [2, ~0xffff, UInt64(bits), 0, 0, 0, 0]
            let count = 1024 / masks
            var capacity: UInt32 = 4
            while capacity <= count * 2 { capacity *= 2 }
            reference_add_tuple(reference, words, UInt64(priority) << 32 | UInt64(~number), capacity)
            for place in 0..<count {
                let flow = place * masks + index
                var match = RuleMatch()
                match.require(destination: MACAddress(value: station(flow)))
                match.require(sourcePort: sourcePort(flow), mask: bits)
                words = [0, station(flow) << 16, UInt64(sourcePort(flow) & bits), 0, 0, 0, 0]
                rules.append(Rule(priority: priority, match: match, action: .permit))
                reference_add_rule(reference, words, UInt64(priority) << 32 | UInt64(~number), 0)
                number += 1
            }
        }
        if !rules.isEmpty { theSwitch.addRules(rules) }
    }

    func makeFrames() -> Frames {
        var numbers = Numbers()
        var frames = Frames()
        frames.memory.reserveCapacity(self.frames * Self.stride)
        for index in 0..<self.frames {
            // The first ones let everybody be heard once.
            let source = index < stations ? index : numbers.next(below: stations)
            let destination = numbers.next(below: stations)
            // Stations 0, 64, ... are at interface 0 and so on: nobody talks to his own interface.
            let other =
                destination % Self.interfaces == source % Self.interfaces ? (destination + 1) % stations : destination
            let offset = UInt32(frames.memory.count)
            let ingress = UInt16(source % Self.interfaces)
            frames.memory += frame(from: source, to: other)
            frames.references.append(
                .init(offset: offset, length: UInt32(Self.frameLength), ingress: InterfaceID(index: ingress))
            )
            frames.plain.append(.init(offset: offset, length: UInt32(Self.frameLength), ingress: ingress))
        }
        return frames
    }

    private func frame(from source: Int, to destination: Int) -> [UInt8] {
        var frame: [UInt8] = []
        let header = EthernetHeader(
            destination: MACAddress(value: station(destination)),
            source: MACAddress(value: station(source)),
            outerTag: VLANTag(control: 1),
            etherType: EtherType.ipv4
        )
        header.append(to: &frame)
        let payload = Self.frameLength - frame.count - 28
        let packet = IPv4Header(
            protocolNumber: IPProtocol.udp,
            source: IPAddress(v4: 0x0a00_0000 | UInt32(source)),
            destination: IPAddress(v4: 0x0a00_0000 | UInt32(destination))
        )
        packet.append(to: &frame, payloadLength: 8 + payload)
        UDPHeader(sourcePort: sourcePort(destination), destinationPort: 53)
            .append(to: &frame, payload: [UInt8](repeating: 0, count: payload), pseudoHeader: nil)
        return frame + [UInt8](repeating: 0, count: Self.stride - frame.count)
    }
}
