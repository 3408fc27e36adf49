// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Netlink

@testable import Wiring

/// What the kernel's bridge does with frames, ports as they were specified (br_handle_frame and br_forward in Linux).
struct KernelBridge {
    struct Port {
        let flags: NetlinkRequest.PortFlags
        /// The port's VLANs; true where frames leave without a tag.
        var vlans: [UInt16: Bool] = [:]
        var native: UInt16?
        let rules: RuleEvaluator?
    }

    struct Station: Hashable {
        let address: [UInt8]
        let vlan: UInt16
    }

    private struct Entry {
        var port: Int
        let isStatic: Bool
    }

    private var ports: [Port] = []
    private var stations: [Station: Entry] = [:]
    private let knowsVLANs: Bool

    init(_ specifications: [PortSpecification], knowsVLANs: Bool) {
        self.knowsVLANs = knowsVLANs
        for specification in specifications {
            let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")
            let interface = specification.interface
            let isWatched = interface.allowedSources != nil || interface.allowedAddresses != nil
            var port = Port(
                flags: specification.flags,
                rules: isWatched ? RuleEvaluator(share: SpoofCheck(key: key, interface).share) : nil
            )
            for membership in specification.memberships { port.join(membership) }
            if let (address, vlan) = specification.station {
                stations[Station(address: address.octets, vlan: vlan)] = Entry(port: ports.count, isStatic: true)
            }
            ports.append(port)
        }
    }

    /// Where a frame goes, and what is in its tag there.
    mutating func forward(_ frame: [UInt8], from index: Int) -> [Int: UInt16?] {
        let port = ports[index]
        let (destination, source) = (Array(frame[0..<6]), Array(frame[6..<12]))
        guard source[0] & 1 == 0, source != [0, 0, 0, 0, 0, 0] else { return [:] }
        if let rules = port.rules, !rules.passes(frame) { return [:] }
        let isTagged = frame[12] == 0x81 && frame[13] == 0
        let control = isTagged ? UInt16(frame[14]) << 8 | UInt16(frame[15]) : 0
        var vlan: UInt16 = 0
        if knowsVLANs {
            vlan = control & 0xfff
            if vlan == 0 { vlan = port.native ?? 0 }
            guard vlan != 0, port.vlans[vlan] != nil else { return [:] }
        }
        let sender = Station(address: source, vlan: vlan)
        if port.flags.isLocked {
            guard stations[sender]?.port == index else { return [:] }
        } else if port.flags.learns, stations[sender]?.isStatic != true {
            stations[sender] = Entry(port: index, isStatic: false)
        }
        if destination[0..<5] == [1, 0x80, 0xc2, 0, 0], destination[5] < 16 { return [:] }
        let target = destination[0] & 1 == 0 ? stations[Station(address: destination, vlan: vlan)]?.port : nil
        var outputs: [Int: UInt16?] = [:]
        for (number, output) in ports.enumerated() where target == nil || target == number {
            if target == nil, !output.flags.floods(destination) { continue }
            guard number != index || output.flags.isHairpin else { continue }
            guard !(port.flags.isIsolated && output.flags.isIsolated) else { continue }
            guard knowsVLANs else {
                outputs[number] = .some(isTagged ? control : nil)
                continue
            }
            guard let isUntagged = output.vlans[vlan] else { continue }
            outputs[number] = .some(isUntagged ? nil : control & 0xf000 | vlan)
        }
        return outputs
    }
}

extension KernelBridge.Port {
    fileprivate mutating func join(_ membership: NetlinkRequest.VLANMembership) {
        switch membership {
        case .tagged(let range): for vlan in range { vlans[vlan] = false }
        case .untagged(let range): for vlan in range { vlans[vlan] = true }
        case .native(let vlan):
            vlans[vlan] = true
            native = vlan
        case .nativeTagged(let vlan):
            vlans[vlan] = false
            native = vlan
        }
    }
}

extension NetlinkRequest.PortFlags {
    fileprivate func floods(_ destination: [UInt8]) -> Bool {
        if destination[0] & 1 == 0 { return floodsUnknown }
        return destination.allSatisfy { $0 == 0xff } ? floodsBroadcast : floodsMulticast
    }
}
