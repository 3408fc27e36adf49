// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Netlink
import SeededNumbers
import Testing

@testable import Wiring

private func mac(_ number: UInt8) -> MACAddress { MACAddress(value: 0x0200_0000_0000 | UInt64(number)) }

/// Ports and frames by chance, of so few kinds that they meet.
private struct Chance {
    var generator: SeededGenerator

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    mutating func maybe(_ one: Int = 2) -> Bool { number(1...one) == 1 }
    mutating func address() -> UInt8 { UInt8(number(1...4)) }

    private mutating func vlans() -> VLANSet {
        var set = VLANSet()
        for vlan in [1, 2, 3, 63, 64, 4094] as [UInt16] where maybe() { set.insert(vlan) }
        return set
    }

    mutating func interface(_ name: String) -> VirtualInterface {
        var interface = VirtualInterface(name)
        interface.isHairpin = maybe(4)
        interface.isIsolated = maybe(3)
        interface.isLocked = maybe(8)
        interface.learns = !maybe(4)
        interface.floodsUnknown = !maybe(5)
        interface.floodsMulticast = !maybe(5)
        interface.floodsBroadcast = !maybe(5)
        let native: UInt16? = maybe(5) ? nil : UInt16(number(1...3))
        interface.vlans = VLANMembership(native: native, members: vlans(), untagged: vlans())
        if maybe(4) { interface.vlans = .access(UInt16(number(1...2))) }
        if maybe(3) { interface.allowedSources = maybe(6) ? [] : maybe(4) ? [mac(1), mac(2)] : [mac(address())] }
        if maybe(3) {
            let own = address()
            interface.allowedAddresses = [
                CIDR("10.0.0.\(own)/32"), CIDR("fd00::\(own)/128"), maybe() ? CIDR("10.0.0.4/30") : nil,
            ].compactMap { $0 }
            // The kernel does not know which address of a link a source makes for itself, but of the only one.
            if interface.allowedSources?.count != 1 || maybe(), let links = CIDR("fe80::/10") {
                interface.allowedAddresses?.append(links)
            }
        }
        return interface
    }

    /// `speaksForItself`: messages of ARP are about the source of the frame.
    mutating func frame(speaksForItself: Bool) -> [UInt8] {
        let source = maybe(30) ? [3, 0, 0, 0, 0, 1] : mac(address()).octets
        let groups: [[UInt8]] = [
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [1, 0, 0x5e, 0, 0, 1], [1, 0x80, 0xc2, 0, 0, 0xe],
        ]
        let destination = maybe(3) ? groups[number(0...2)] : mac(address()).octets
        var tag: [UInt8] = []
        if maybe(3) {
            let vlan = [0, 1, 2, 3, 63, 64, 4094][number(0...6)]
            tag = [0x81, 0, UInt8(number(0...7) << 5 | vlan >> 8), UInt8(vlan & 0xff)]
        }
        return destination + source + tag + payload(source, speaksForItself)
    }

    private mutating func payload(_ source: [UInt8], _ speaksForItself: Bool) -> [UInt8] {
        let four: [UInt8] = maybe(4) ? [0, 0, 0, 0] : [10, 0, 0, address()]
        switch number(0...4) {
        case 0:
            let sender = speaksForItself || maybe() ? source : mac(address()).octets
            let begin: [UInt8] = [8, 6, 0, 1, 8, 0, 6, maybe(9) ? 5 : 4, 0, UInt8(number(1...2))]
            return begin + sender + four + [0, 0, 0, 0, 0, 0, 10, 0, 0, 9]
        case 1:
            let datagram: [UInt8] = [0, 68, 0, maybe() ? 67 : 53, 0, 8, 0, 0]
            let number: UInt8 = maybe(3) ? 6 : 17
            return [8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, number, 0, 0] + four + [10, 0, 0, 9] + datagram
        case 2, 3:
            return [0x86, 0xdd] + packet(source)
        default:
            return [0x88, 0xb5, 1, 2, 3, 4]
        }
    }

    private mutating func packet(_ source: [UInt8]) -> [UInt8] {
        func six() -> [UInt8] {
            let linkLocal: [UInt8] = [
                0xfe, 0x80, 0, 0, 0, 0, 0, 0, source[0] ^ 2, source[1], source[2], 0xff, 0xfe, source[3], source[4],
            ]
            switch number(0...3) {
            case 0: return Array(repeating: 0, count: 16)
            case 1: return linkLocal + [maybe() ? source[5] : address()]
            default: return [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, address()]
            }
        }
        let isMessage = maybe()
        let type: UInt8 = maybe() ? 136 : 135
        let body: [UInt8] = isMessage ? [type, 0, 0, 0, 0, 0, 0, 0] + six() : [0, 68, 0, 53, 0, 8, 0, 0]
        let header: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(body.count), isMessage ? 58 : 17, 255]
        return header + six() + [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] + body
    }
}

@Suite("A port of the kernel's bridge")
struct PortSpecificationTests {
    @Test("The kernel does with frames what the switch does, whatever the interfaces are")
    func kernelBridge() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var chance = Chance(generator: SeededGenerator(seed))
        var (sent, dropped) = (0, 0)
        for _ in 0..<150 {
            let knowsVLANs = chance.maybe()
            let interfaces = (0..<chance.number(2...5)).map { chance.interface("veth\($0)") }
            let ports = interfaces.map { PortSpecification($0, of: "br0", knowsVLANs: knowsVLANs) }
            var bridge = KernelBridge(ports, knowsVLANs: knowsVLANs)
            var settings = VirtualSwitch.Settings()
            settings.maximumInterfaces = 8
            settings.knowsVLANs = knowsVLANs
            var theSwitch = VirtualSwitch(settings)
            let numbers = interfaces.map { theSwitch.addInterface($0) ?? InterfaceID(index: 1000) }
            for (port, number) in zip(ports, numbers) {
                guard let (address, vlan) = port.station else { continue }
                // Of two who claim it, the kernel's entry is the last one's.
                theSwitch.removeStation(address, vlan: vlan)
                theSwitch.addStation(address, vlan: vlan, at: number, now: 0)
            }
            for _ in 0..<100 {
                let ingress = chance.number(0...(interfaces.count - 1))
                let sources = interfaces[ingress].allowedSources
                let frame = chance.frame(speaksForItself: sources == nil)
                let decision = theSwitch.forward(frame.span, from: numbers[ingress], now: 1)
                var wanted: [Int: UInt16?] = [:]
                theSwitch.forEachDelivery(of: decision) { delivery in
                    let control: UInt16? = frame[12] == 0x81 ? UInt16(frame[14]) << 8 | UInt16(frame[15]) : nil
                    let index = numbers.firstIndex(of: delivery.interface) ?? -1
                    switch delivery.rewrite.tag {
                    case .keep: wanted[index] = .some(control)
                    case .pop: wanted[index] = .some(nil)
                    case .push(let new), .replace(let new): wanted[index] = new
                    }
                }
                let found = bridge.forward(frame, from: ingress)
                if found.isEmpty { dropped += 1 } else { sent += 1 }
                let story = "seed \(seed): \(frame) from \(interfaces[ingress]): \(decision.verdict)"
                #expect(found == wanted, "\(story)")
                guard found == wanted else { return }
            }
        }
        #expect(sent > 500 && dropped > 500, "seed \(seed): \(sent) sent, \(dropped) dropped")
    }

    @Test("A new port that is asked for nothing needs no request")
    func nothing() {
        let port = PortSpecification(VirtualInterface("veth0"), of: "br0", knowsVLANs: false)
        #expect(port.requests(port: 7, defaultVLAN: 1).isEmpty && port.station == nil && port.memberships == [])
    }

    @Test(
        "VLANs are said in runs, the native one last",
        arguments: [
            (VLANMembership.access(5), [.native(5)]), (.trunk(VLANSet(), native: 1), [.native(1)]),
            (.trunk(VLANSet(4...6), native: 5), [.tagged(4...4), .tagged(6...6), .native(5)]),
            (.trunk(VLANSet(60...70)), [.tagged(60...70)]), (.trunk(.all), [.tagged(1...4094)]),
            (
                VLANMembership(native: 2, members: VLANSet([2, 3, 9]), untagged: VLANSet([3, 4])),
                [.tagged(9...9), .untagged(3...3), .nativeTagged(2)]
            ),
            (VLANMembership(native: 2, members: VLANSet([3]), untagged: VLANSet()), [.tagged(3...3)]),
        ] as [(VLANMembership, [NetlinkRequest.VLANMembership])]
    )
    func memberships(vlans: VLANMembership, expected: [NetlinkRequest.VLANMembership]) {
        var interface = VirtualInterface("veth0")
        interface.vlans = vlans
        #expect(PortSpecification(interface, of: "br0", knowsVLANs: true).memberships == expected)
        #expect(PortSpecification(interface, of: "br0", knowsVLANs: false).memberships == [])
    }

    @Test("The only station that may be there is written down, in the VLAN of untagged frames")
    func station() {
        var interface = VirtualInterface("veth0")
        interface.allowedSources = [mac(1)]
        interface.vlans = .access(5)
        func station(knowsVLANs: Bool) -> [String] {
            let port = PortSpecification(interface, of: "br0", knowsVLANs: knowsVLANs)
            return port.station.map { ["\($0.address)", "\($0.vlan)"] } ?? []
        }
        #expect(station(knowsVLANs: true) == ["\(mac(1))", "5"])
        #expect(station(knowsVLANs: false) == ["\(mac(1))", "0"])
        interface.allowedSources = [mac(1), mac(2)]
        #expect(station(knowsVLANs: false) == [])
        interface.allowedSources = [mac(1)]
        interface.vlans = .trunk(VLANSet([7]))
        #expect(station(knowsVLANs: true) == [])
    }

    @Test("What the kernel lacks of the flags is said in words")
    func missing() {
        var interface = VirtualInterface("veth0")
        interface.isHairpin = true
        interface.isIsolated = true
        let port = PortSpecification(interface, of: "br0", knowsVLANs: false)
        let found = Link.Port(state: 3, isHairpin: false, isIsolated: true)
        #expect(port.missing(from: found) == ["veth0 is no hairpin port"])
        let other = Link.Port(state: 3, isHairpin: true, isIsolated: false)
        #expect(port.missing(from: other) == ["veth0 is not isolated"])
        let plain = PortSpecification(VirtualInterface("veth0"), of: "br0", knowsVLANs: false)
        #expect(plain.missing(from: found) == [])
    }
}
