// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink

extension NetlinkRequest {
    /// Makes a bridge, down.
    ///
    /// Like `ip link add NAME type bridge`.
    ///
    /// `address`: given explicitly, so that it never follows a port's and nobody rewrites it.
    /// `mtu`: in octets; 0 leaves it to the kernel.
    /// `filtersVLANs`: a kernel without VLAN-aware bridging ignores it: look at the bridge afterwards.
    package static func addBridge(
        _ name: String,
        address: MACAddress,
        mtu: Int,
        filtersVLANs: Bool
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(ifinfomsg())
        message.put(Int(IFLA_IFNAME), name)
        message.put(Int(IFLA_ADDRESS), octets: address.octets)
        if mtu > 0 { message.put(Int(IFLA_MTU), UInt32(mtu)) }
        message.nest(Int(IFLA_LINKINFO)) { info in
            info.put(Int(IFLA_INFO_KIND), "bridge")
            if filtersVLANs {
                info.nest(Int(IFLA_INFO_DATA)) { $0.put(Int(IFLA_BR_VLAN_FILTERING), UInt8(1)) }
            }
        }
        return NetlinkRequest("add bridge \(name)", message)
    }

    /// Makes a link a port of a bridge.
    ///
    /// Like `ip link set dev NAME master BRIDGE`.
    ///
    /// `bridge`: its index.
    package static func setMaster(_ bridge: Int32, link index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.put(Int(IFLA_MASTER), UInt32(bitPattern: bridge))
        return NetlinkRequest("make link \(name) a port of link \(bridge)", message)
    }

    /// Gives a link a hardware address.
    ///
    /// Like `ip link set dev NAME address ADDRESS`.
    package static func setAddress(_ address: MACAddress, link index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.put(Int(IFLA_ADDRESS), octets: address.octets)
        return NetlinkRequest("set address of link \(name) to \(address)", message)
    }

    /// How a bridge treats the frames of a port; a new port has none of these said to it.
    package struct PortFlags: Hashable, Sendable {
        package var isHairpin = false
        package var isIsolated = false
        /// Only stations that the bridge knows to be there may send; since Linux 5.18.
        package var isLocked = false
        package var learns = true
        package var floodsUnknown = true
        package var floodsMulticast = true
        package var floodsBroadcast = true

        /// As a new port has them.
        package init() {}

        package init(isHairpin: Bool, isIsolated: Bool) {
            self.isHairpin = isHairpin
            self.isIsolated = isIsolated
        }
    }

    /// Like `bridge link set dev NAME hairpin on isolated on`.
    ///
    /// What is not unusual is left as it is, but for hairpin and isolation.
    package static func setPort(_ index: Int32, name: String, _ flags: PortFlags) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(family: AF_BRIDGE, index: index))
        message.nest(Int(IFLA_PROTINFO) | Int(NLA_F_NESTED)) { port in
            port.put(Int(IFLA_BRPORT_MODE), UInt8(flags.isHairpin ? 1 : 0))
            port.put(Int(IFLA_BRPORT_ISOLATED), UInt8(flags.isIsolated ? 1 : 0))
            if flags.isLocked { port.put(Int(IFLA_BRPORT_LOCKED), UInt8(1)) }
            if !flags.learns { port.put(Int(IFLA_BRPORT_LEARNING), UInt8(0)) }
            if !flags.floodsUnknown { port.put(Int(IFLA_BRPORT_UNICAST_FLOOD), UInt8(0)) }
            if !flags.floodsMulticast { port.put(Int(IFLA_BRPORT_MCAST_FLOOD), UInt8(0)) }
            if !flags.floodsBroadcast { port.put(Int(IFLA_BRPORT_BCAST_FLOOD), UInt8(0)) }
        }
        let operation = "set port \(name) hairpin=\(flags.isHairpin) isolated=\(flags.isIsolated)"
        return NetlinkRequest(operation, message)
    }

    /// Writes down which port of a bridge a station is at: the bridge does not forget it, and believes no other port.
    ///
    /// Like `bridge fdb replace ADDRESS dev NAME master static sticky vlan VLAN`; the entry goes with the port.
    ///
    /// `vlan`: 0 for a bridge that does not tell VLANs apart.
    package static func addStation(
        _ address: MACAddress,
        vlan: UInt16,
        at index: Int32,
        name: String
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE)
        var station = ndmsg()
        station.ndm_family = UInt8(AF_BRIDGE)
        station.ndm_ifindex = index
        station.ndm_state = UInt16(NUD_NOARP)
        station.ndm_flags = UInt8(NTF_MASTER | NTF_STICKY)
        message.append(station)
        message.put(Int(NDA_LLADDR), octets: address.octets)
        if vlan != 0 { message.put(Int(NDA_VLAN), vlan) }
        return NetlinkRequest("write down station \(address) at port \(name)", message)
    }

    /// VLANs of a port, or of the bridge itself.
    ///
    /// IEEE 802.1Q.
    package enum VLANMembership: Hashable, Sendable {
        /// Frames carry the tag.
        case tagged(ClosedRange<UInt16>)
        /// Frames leave without a tag; those that come without one belong to another VLAN.
        case untagged(ClosedRange<UInt16>)
        /// Untagged frames belong to this VLAN, both ways.
        case native(UInt16)
        /// Frames that come without a tag belong to this VLAN, and leave with one.
        case nativeTagged(UInt16)
    }

    /// Like `bridge vlan add dev NAME vid …`.
    ///
    /// `isBridge`: the link is the bridge itself, not one of its ports.
    package static func addVLANs(
        _ memberships: [VLANMembership],
        to index: Int32,
        name: String,
        isBridge: Bool = false
    ) -> NetlinkRequest {
        vlans(RTM_SETLINK, "add VLANs to port \(name)", memberships, index: index, isBridge: isBridge)
    }

    /// Like `bridge vlan del dev NAME vid …`.
    package static func removeVLANs(_ vlans: [VLANMembership], from index: Int32, name: String) -> NetlinkRequest {
        self.vlans(RTM_DELLINK, "remove VLANs from port \(name)", vlans, index: index, isBridge: false)
    }

    private static func vlans(
        _ type: Int,
        _ operation: String,
        _ memberships: [VLANMembership],
        index: Int32,
        isBridge: Bool
    ) -> NetlinkRequest {
        // Two attributes of eight octets for each range at the most.
        let message = NetlinkMessage(type: type, capacity: 256 + 16 * memberships.count)
        message.append(ifinfomsg(family: AF_BRIDGE, index: index))
        message.nest(Int(IFLA_AF_SPEC) | Int(NLA_F_NESTED)) { families in
            if isBridge { families.put(Int(IFLA_BRIDGE_FLAGS), UInt16(BRIDGE_FLAGS_SELF)) }
            for membership in memberships {
                switch membership {
                case .native(let vlan):
                    families.putVLAN(vlan, flags: BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED)
                case .nativeTagged(let vlan): families.putVLAN(vlan, flags: BRIDGE_VLAN_INFO_PVID)
                case .tagged(let range): families.putVLANs(range, flags: 0)
                case .untagged(let range): families.putVLANs(range, flags: BRIDGE_VLAN_INFO_UNTAGGED)
                }
            }
        }
        return NetlinkRequest(operation, message)
    }
}

extension NetlinkMessage {
    fileprivate func putVLANs(_ range: ClosedRange<UInt16>, flags: Int32) {
        guard range.count > 1 else { return putVLAN(range.lowerBound, flags: flags) }
        putVLAN(range.lowerBound, flags: flags | BRIDGE_VLAN_INFO_RANGE_BEGIN)
        putVLAN(range.upperBound, flags: flags | BRIDGE_VLAN_INFO_RANGE_END)
    }

    fileprivate func putVLAN(_ vlan: UInt16, flags: Int32) {
        let information = bridge_vlan_info(flags: UInt16(flags), vid: vlan)
        put(Int(IFLA_BRIDGE_VLAN_INFO), octets: withUnsafeBytes(of: information) { Array($0) })
    }
}
