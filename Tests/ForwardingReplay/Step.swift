// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding

/// What a port can be told to do or to leave.
enum PortFlag: String, Hashable, Sendable, CaseIterable {
    case learning
    case floodsUnknown
    case floodsMulticast
    case floodsBroadcast
    case isolated
    case hairpin
    case locked

    /// Whether a new port has it.
    var isOnAtFirst: Bool {
        switch self {
        case .learning, .floodsUnknown, .floodsMulticast, .floodsBroadcast: true
        case .isolated, .hairpin, .locked: false
        }
    }
}

/// A VLAN that a port belongs to, and how its frames look there.
struct PortVLAN: Hashable, Sendable {
    var number: UInt16
    /// Whether frames that come without a tag belong to it.
    var isNative: Bool
    /// Whether its frames leave without a tag.
    var isUntagged: Bool
}

/// Something that is done to both switches, whatever their state: one that makes no sense then is left out.
///
/// So any step can be taken out of a story, and the rest is still one.
enum Step: Hashable, Sendable {
    case addPort(Int)
    case removePort(Int)
    case bringUp(Int)
    case bringDown(Int)
    case setSpanningTree(Int, SpanningTreeState)
    case set(Int, PortFlag, Bool)
    /// Of a port, or of the host's own when there are that many ports.
    case addVLAN(Int, PortVLAN)
    case removeVLAN(Int, UInt16)
    case addStation(MACAddress, vlan: UInt16, port: Int)
    case removeStation(MACAddress, vlan: UInt16)
    /// Everything learned is forgotten.
    case flush
    /// Time passes; what is heard from here on is younger than what was heard before.
    case pause
    /// What was not heard since the last pause is too old.
    case expire
    case frame([UInt8], port: Int)
}

/// What does not change while a story is told.
struct Scene: Hashable, Sendable {
    var portCount = 10
    var knowsVLANs = false
    var tagProtocol = EtherType.customerTag
    /// `group_fwd_mask` of the kernel's bridge: without its lowest three bits, which it does not take.
    var forwardedGroups: UInt16 = 0
    /// Whether `Forwarding` is given all frames between two changes at once.
    var usesBursts = false
    /// How many decisions it remembers.
    var rememberedFlows = 0

    /// What the switch has to forward to do as the kernel's bridge does.
    ///
    /// That one forwards the address of bridges (00) while it does not speak the spanning tree protocol itself; and one
    /// for providers' tags forwards what is meant for the customers' bridges (IEEE 802.1Q, table 8-1 and 8-2).
    var allForwardedGroups: UInt16 {
        forwardedGroups | 1 | (knowsVLANs && tagProtocol == EtherType.serviceTag ? 0xb800 : 0)
    }

    /// The hardware address of the bridge itself.
    static let bridgeAddress = MACAddress(value: 0x0200_0002_0000)

    /// The hardware address of a port, which is the host's as well.
    static func address(ofPort port: Int) -> MACAddress {
        MACAddress(value: 0x0200_0001_0000 | UInt64(port))
    }
}

// Written so that it can stand in a test of the switch.
extension Scene {
    var swiftText: String {
        """
        var settings = VirtualSwitch.Settings()
        settings.knowsVLANs = \(knowsVLANs)
        settings.tagProtocol = 0x\(String(tagProtocol, radix: 16))
        settings.forwardedGroups = 0x\(String(allForwardedGroups, radix: 16))
        settings.rememberedFlows = \(rememberedFlows)
        var theSwitch = VirtualSwitch(settings)  // in bursts: \(usesBursts)
        """
    }
}

extension Step {
    var swiftText: String {
        switch self {
        case .addPort(let port): "let p\(port) = theSwitch.addInterface(VirtualInterface(\"p\(port)\"))"
        case .removePort(let port): "theSwitch.removeInterface(p\(port))"
        case .bringUp(let port): "theSwitch.update(p\(port)) { $0.bringUp(); $0.spanningTree = .forwarding }"
        case .bringDown(let port): "theSwitch.update(p\(port)) { $0.bringDown() }"
        case .setSpanningTree(let port, let state): "theSwitch.update(p\(port)) { $0.spanningTree = .\(state) }"
        case .set(let port, let flag, let isOn): "theSwitch.update(p\(port)) { $0.\(flag.swiftText) = \(isOn) }"
        case .addVLAN(let port, let vlan):
            "theSwitch.update(p\(port)) { $0.vlans.members.insert(\(vlan.number)) }"
                + "  // native: \(vlan.isNative), untagged: \(vlan.isUntagged)"
        case .removeVLAN(let port, let vlan): "theSwitch.update(p\(port)) { $0.vlans.members.remove(\(vlan)) }"
        case .addStation(let address, let vlan, let port):
            "theSwitch.addStation(\(address.swiftText), vlan: \(vlan), at: p\(port), now: now)"
        case .removeStation(let address, let vlan): "theSwitch.removeStation(\(address.swiftText), vlan: \(vlan))"
        case .flush: "theSwitch.stations.forEach(now: now) { if !$0.isStatic { /* remove it */ } }"
        case .pause: "now += 100"
        case .expire: "theSwitch.age(now: now + settings.ageing - 50)"
        case .frame(let octets, let port):
            "theSwitch.forward(bytes(\"\(hexadecimal(octets))\").span, from: p\(port), now: now)"
        }
    }
}

extension PortFlag {
    var swiftText: String {
        switch self {
        case .learning: "learns"
        case .floodsUnknown, .floodsMulticast, .floodsBroadcast: rawValue
        case .isolated: "isIsolated"
        case .hairpin: "isHairpin"
        case .locked: "isLocked"
        }
    }
}

extension MACAddress {
    var swiftText: String { "MACAddress(value: 0x\(String(value, radix: 16)))" }
}

/// Octets as digits, addresses and type set apart.
func hexadecimal(_ octets: [UInt8]) -> String {
    var text = ""
    for (index, octet) in octets.enumerated() {
        if index == 6 || index == 12 || index == 14 { text += " " }
        let digits = String(octet, radix: 16)
        text += digits.count == 1 ? "0" + digits : digits
    }
    return text
}
