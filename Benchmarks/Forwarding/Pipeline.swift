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

    private static let interfaces = 64
    private static let vlans = 8
    private static let frameLength = 60
    private static let stride = 64

    private struct Frames {
        var memory: [UInt8] = []
        var references: [FrameReference] = []
        var plain: [reference_frame] = []
    }

    func run() {
        var settings = VirtualSwitch.Settings()
        settings.maximumInterfaces = Self.interfaces
        settings.maximumAddresses = stations * 2
        var theSwitch = VirtualSwitch(settings)
        var slots: UInt32 = 16
        let factor = stations * 2 <= 16384 ? 4 : 2
        while slots < stations * 2 * factor { slots *= 2 }
        guard let reference = reference_make(UInt32(Self.interfaces), slots, settings.ageing) else { return }
        defer { reference_free(reference) }
        addInterfaces(&theSwitch, reference)
        addRules(&theSwitch, reference)
        let frames = makeFrames()
        let start = Decision.Flood.unknown
        let nothing = theSwitch.explain([0].span, from: InterfaceID(index: 0), now: 0).decision
        var decisions = Array(repeating: nothing, count: self.frames)
        var plain = Array(repeating: reference_decision(), count: self.frames)
        var now: Ticks = 0
        // Everybody is heard once, and then the same is decided by both.
        for _ in 0..<2 {
            now += 1
            var span = decisions.mutableSpan
            theSwitch.forward(frames.references.span, in: frames.memory.span, now: now, into: &span)
            reference_forward(reference, frames.plain, self.frames, frames.memory, now, &plain)
        }
        let same = decisions.indices.count { isSame(decisions[$0], plain[$0]) }
        let floods = decisions.count { $0.verdict == .flood(start) }
        precondition(same == self.frames, "only \(same) of \(self.frames) decisions are the same as in C")
        precondition(floods < self.frames / 100, "\(floods) of \(self.frames) frames are flooded")
        expectNoAllocation(&theSwitch, frames, &decisions, now)
        measure(&theSwitch, reference, frames, &decisions, &plain, now)
    }

    /// Forwarding takes no memory, in bursts or not, learning and ageing included.
    private func expectNoAllocation(
        _ theSwitch: inout VirtualSwitch,
        _ frames: Frames,
        _ decisions: inout [Decision],
        _ now: Ticks
    ) {
        var span = decisions.mutableSpan
        let (references, memory) = (frames.references.span, frames.memory.span)
        let before = reference_allocations()
        theSwitch.forward(references, in: memory, now: now, into: &span)
        for index in references.indices {
            let start = Int(references[index].offset)
            let frame = memory.extracting(start..<start + Int(references[index].length))
            span[index] = theSwitch.forward(frame, from: references[index].ingress, now: now)
        }
        theSwitch.age(now: now, budget: 64)
        precondition(reference_allocations() == before, "forwarding takes no memory")
        precondition(before > 0, "allocations are counted")
    }

    private func measure(
        _ theSwitch: inout VirtualSwitch,
        _ reference: OpaquePointer,
        _ frames: Frames,
        _ decisions: inout [Decision],
        _ plain: inout [reference_decision],
        _ now: Ticks
    ) {
        let window = 2048
        let rounds = Rounds(
            name: "pipeline, \(stations) stations, \(masks) masks, \(self.frames) frames",
            operations: window
        )
        var (next, nextPlain) = (0, 0)
        rounds.compare {
            var span = decisions.mutableSpan
            let references = frames.references.span.extracting(next..<next + window)
            theSwitch.forward(references, in: frames.memory.span, now: now, into: &span)
            next = (next + window) % self.frames
        } with: {
            frames.plain.withUnsafeBufferPointer { all in
                guard let base = all.baseAddress else { return }
                reference_forward(reference, base + nextPlain, window, frames.memory, now, &plain)
            }
            nextPlain = (nextPlain + window) % self.frames
        }
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

    private func station(_ number: Int) -> UInt64 {
        0x0200_0000_0000 | (UInt64(number) &* 0x9e37_79b1) & 0xff_ffff_ffff
    }

    private func sourcePort(_ number: Int) -> UInt16 { UInt16(truncatingIfNeeded: number &* 40503) | 1 }

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
        if !rules.isEmpty { theSwitch.rules.insert(contentsOf: rules) }
    }

    private func makeFrames() -> Frames {
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
