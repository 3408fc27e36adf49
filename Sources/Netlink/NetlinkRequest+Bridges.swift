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

    /// Like `bridge link set dev NAME hairpin on isolated on`.
    package static func setPort(
        _ index: Int32,
        name: String,
        isHairpin: Bool,
        isIsolated: Bool
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(family: AF_BRIDGE, index: index))
        message.nest(Int(IFLA_PROTINFO) | Int(NLA_F_NESTED)) { port in
            port.put(Int(IFLA_BRPORT_MODE), UInt8(isHairpin ? 1 : 0))
            port.put(Int(IFLA_BRPORT_ISOLATED), UInt8(isIsolated ? 1 : 0))
        }
        return NetlinkRequest("set port \(name) hairpin=\(isHairpin) isolated=\(isIsolated)", message)
    }

    /// VLANs of a port, or of the bridge itself.
    ///
    /// IEEE 802.1Q.
    package enum VLANMembership: Hashable, Sendable {
        /// Frames carry the tag.
        case tagged(ClosedRange<UInt16>)
        /// Untagged frames belong to this VLAN, both ways.
        case native(UInt16)
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
                case .tagged(let range) where range.count == 1:
                    families.putVLAN(range.lowerBound, flags: 0)
                case .tagged(let range):
                    families.putVLAN(range.lowerBound, flags: BRIDGE_VLAN_INFO_RANGE_BEGIN)
                    families.putVLAN(range.upperBound, flags: BRIDGE_VLAN_INFO_RANGE_END)
                }
            }
        }
        return NetlinkRequest(operation, message)
    }
}

extension NetlinkMessage {
    fileprivate func putVLAN(_ vlan: UInt16, flags: Int32) {
        let information = bridge_vlan_info(flags: UInt16(flags), vid: vlan)
        put(Int(IFLA_BRIDGE_VLAN_INFO), octets: withUnsafeBytes(of: information) { Array($0) })
    }
}
