// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import SeededNumbers

/// Makes frames of every kind, each with a number of its own in it, as far as there is room.
struct FrameMaker {
    let scene: Scene
    private var number: UInt64 = 0

    /// As many stations as make most of them known, and some of them heard at several ports.
    static let stationCount = 24

    init(_ scene: Scene) {
        self.scene = scene
    }

    static func station(_ number: Int) -> MACAddress {
        MACAddress(value: 0x0200_0000_0000 | UInt64(number))
    }

    mutating func frame(_ generator: inout SeededGenerator) -> [UInt8] {
        number += 1
        let source = Self.source(scene, &generator)
        let destination = Self.destination(scene, from: source, &generator)
        var octets = destination.octets + source.octets
        appendTags(to: &octets, &generator)
        appendPayload(to: &octets, &generator)
        if generator.once(in: 60) { cut(&octets, &generator) }
        return octets
    }

    private static func source(_ scene: Scene, _ generator: inout SeededGenerator) -> MACAddress {
        switch generator.below(100) {
        case 0: .zero
        case 1: MACAddress(value: 0x0100_5e00_0001)
        case 2: MACAddress(value: .max)
        case 3: Scene.bridgeAddress
        case 4, 5: Scene.address(ofPort: generator.below(scene.portCount))
        default: station(generator.below(stationCount))
        }
    }

    private static func destination(
        _ scene: Scene,
        from source: MACAddress,
        _ generator: inout SeededGenerator
    ) -> MACAddress {
        switch generator.below(100) {
        case 0: .zero
        case 1, 2: source
        case 3..<8: Scene.bridgeAddress
        case 8..<12: Scene.address(ofPort: generator.below(scene.portCount))
        case 12..<20: MACAddress(value: 0x0200_0000_f000 | UInt64(generator.below(64)))
        case 20..<32: MACAddress(value: .max)
        case 32..<38: MACAddress(value: 0x0100_5e00_0000 | UInt64(generator.below(256)))
        case 38..<44: MACAddress(value: 0x3333_0000_0000 | UInt64(generator.below(256)))
        case 44..<52: MACAddress(value: 0x0180_c200_0000 | UInt64(generator.below(16)))
        case 52, 53: MACAddress(value: 0x0180_c200_0010 | UInt64(generator.below(64)))
        default: station(generator.below(stationCount))
        }
    }

    private func appendTags(to octets: inout [UInt8], _ generator: inout SeededGenerator) {
        let plain = scene.knowsVLANs ? 45 : 80
        let choice = generator.below(100)
        guard choice >= plain else { return }
        let other = scene.tagProtocol == EtherType.customerTag ? EtherType.serviceTag : EtherType.customerTag
        switch choice {
        case 97...:
            appendTag(other, to: &octets, &generator)
            if choice == 99 { appendTag(scene.tagProtocol, to: &octets, &generator) }
        case 94...:
            appendTag(scene.tagProtocol, to: &octets, &generator)
            appendTag(choice == 96 ? other : scene.tagProtocol, to: &octets, &generator)
        default:
            appendTag(scene.tagProtocol, to: &octets, &generator)
        }
    }

    private func appendTag(_ type: UInt16, to octets: inout [UInt8], _ generator: inout SeededGenerator) {
        let vlan: Int =
            switch generator.below(16) {
            case 0, 1: 0
            case 2: 4095
            case 3: 4094
            default: 1 + generator.below(5)
            }
        let priority = generator.below(2) == 0 ? 0 : generator.below(16) << 12
        octets.append(number: type)
        octets.append(number: UInt16(priority | vlan))
    }

    private func appendPayload(to octets: inout [UInt8], _ generator: inout SeededGenerator) {
        var mark: [UInt8] = []
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            mark.append(UInt8(truncatingIfNeeded: number >> shift))
        }
        let (first, second) = (UInt32(generator.below(256)), UInt32(generator.below(256)))
        switch generator.below(10) {
        case 0:
            octets.append(number: EtherType.arp)
            message(UInt16(1 + generator.below(2)), first, second).append(to: &octets)
        case 1, 2:
            octets.append(number: EtherType.ipv4)
            let (source, destination) = (IPAddress(v4: 0x0a00_0000 | first), IPAddress(v4: 0x0a00_0000 | second))
            let header = IPv4Header(protocolNumber: IPProtocol.udp, source: source, destination: destination)
            header.append(to: &octets, payloadLength: mark.count)
        case 3, 4:
            octets.append(number: EtherType.ipv6)
            let network = UInt128(0xfd00) << 112
            let (source, destination) = (IPAddress(v6: network | 1), IPAddress(v6: network | UInt128(second)))
            let header = IPv6Header(nextHeader: IPProtocol.udp, source: source, destination: destination)
            header.append(to: &octets, payloadLength: mark.count)
        case 5:
            // Of IEEE 802.3: in place of a type the length.
            octets.append(number: UInt16(mark.count))
        case 6:
            // What says it is a packet and is none.
            octets.append(number: generator.below(2) == 0 ? EtherType.ipv4 : EtherType.ipv6)
        default:
            octets.append(number: 0x88b5)
        }
        octets += mark
        if generator.once(in: 20) { octets += Array(repeating: 0x5a, count: generator.below(1400)) }
    }

    private func message(_ operation: UInt16, _ sender: UInt32, _ target: UInt32) -> ARPMessage {
        ARPMessage(
            operation: operation,
            senderMAC: MACAddress(value: 0x0200_0000_0000 | UInt64(sender)),
            senderAddress: IPAddress(v4: 0x0a00_0000 | sender),
            targetMAC: .zero,
            targetAddress: IPAddress(v4: 0x0a00_0000 | target)
        )
    }

    /// Takes the end away, never so that fewer octets are left than a packet socket sends.
    ///
    /// What Linux takes a tag out of has to have two octets behind the type that the tag announces, and where `br_netfilter`
    /// is loaded, another tag there has to be whole. That is about where it looks in memory rather than about bridges, and
    /// on a wire no frame is that short: such are not made.
    private func cut(_ octets: inout [UInt8], _ generator: inout SeededGenerator) {
        let isTagged = EtherType.isTag(UInt16(octets[12]) << 8 | UInt16(octets[13]))
        let length = 14 + generator.below(octets.count - 14)
        guard !isTagged || !(18..<24).contains(length) else { return }
        octets.removeLast(octets.count - length)
    }
}

extension [UInt8] {
    mutating func append(number: UInt16) {
        append(UInt8(number >> 8))
        append(UInt8(truncatingIfNeeded: number))
    }
}
