// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink

/// A network interface as the kernel describes it.
package struct Link: Hashable, Sendable {
    /// A bridge's own settings.
    package struct Bridge: Hashable, Sendable {
        /// Whether the bridge tells VLANs apart; nil on a kernel without VLAN-aware bridging.
        package var filtersVLANs: Bool?
        /// The VLAN every new port is put into; 0 is none, nil as above.
        package var defaultVLAN: UInt16?
        /// Whether the kernel's bridges can tell VLANs apart; one that cannot has no default VLAN, and says that it does not.
        package var canFilterVLANs: Bool { filtersVLANs == true || defaultVLAN != nil }
    }

    /// What a bridge knows of one of its ports.
    package struct Port: Hashable, Sendable {
        /// The spanning-tree state: 3 is forwarding, the only one in which frames pass.
        ///
        /// IEEE 802.1D, 8.4.
        package var state: UInt8?
        package var isHairpin: Bool?
        /// Isolated ports cannot talk to one another.
        package var isIsolated: Bool?

        package init(state: UInt8? = nil, isHairpin: Bool? = nil, isIsolated: Bool? = nil) {
            self.state = state
            self.isHairpin = isHairpin
            self.isIsolated = isIsolated
        }

        package var isForwarding: Bool { state == 3 }
    }

    package let index: Int32
    package var name = ""
    /// `bridge`, `veth` and so on; empty for hardware and for the loopback interface.
    package var kind = ""
    package var address: MACAddress?
    /// What somebody wrote upon it; empty is nothing.
    package var alias = ""
    package var mtu: UInt32 = 0
    /// The bridge (or bond, VRF) the link is a port of.
    package var master: Int32?
    /// Of a veth link: its peer's index, in the peer's namespace.
    package var peerIndex: Int32?
    /// Whether that is another namespace.
    package var isPeerAbroad = false
    /// Administratively up.
    package var isUp: Bool
    package var isLoopback: Bool
    /// Whether promiscuous mode was asked for by the administrator.
    package var isPromiscuous: Bool
    /// The link works: it is up and so is its carrier (RFC 2863 `up`, or a kind that does not know).
    package var isOperational = false
    /// Whether IPv6 learns from routers on the link (sysctl `accept_ra`); nil where there is no IPv6.
    package var acceptsRouterAdvertisements: Bool?
    package var bridge: Bridge?
    package var port: Port?

    /// Reads an `RTM_NEWLINK`; nil when it is cut off.
    init?(_ reply: NetlinkReply) {
        // ifinfomsg: family, pad, type (16), index (32), flags (32), change mask (32)
        guard reply.payload.count >= 16,
            let index = reply.payload.integer(at: 4, as: Int32.self),
            let flags = reply.payload.integer(at: 8, as: UInt32.self)
        else { return nil }
        self.index = index
        isUp = flags & UInt32(IFF_UP) != 0
        isLoopback = flags & UInt32(IFF_LOOPBACK) != 0
        isPromiscuous = flags & UInt32(IFF_PROMISC) != 0
        for (type, value) in NetlinkAttributes(reply.payload.dropFirst(16)) {
            switch type {
            case Int(IFLA_IFNAME): name = value.text
            case Int(IFLA_ADDRESS): address = MACAddress(octets: value)
            case Int(IFLA_IFALIAS): alias = value.text
            case Int(IFLA_MTU): mtu = value.integer(as: UInt32.self) ?? 0
            case Int(IFLA_MASTER): master = value.integer(as: Int32.self)
            case Int(IFLA_LINK): peerIndex = value.integer(as: Int32.self)
            case Int(IFLA_LINK_NETNSID): isPeerAbroad = true
            // RFC 2863 ifOperStatus as linux/if.h numbers it: 0 unknown, 6 up.
            case Int(IFLA_OPERSTATE): isOperational = value.first == 6 || value.first == 0
            case Int(IFLA_AF_SPEC): acceptsRouterAdvertisements = Link.acceptsRouterAdvertisements(value)
            case Int(IFLA_LINKINFO): readKind(NetlinkAttributes(value))
            default: break
            }
        }
    }

    /// `families`: of each address family what it keeps for the link; of IPv6, all its settings in a row.
    private static func acceptsRouterAdvertisements(_ families: ArraySlice<UInt8>) -> Bool? {
        let family = NetlinkAttributes(families)[Int(AF_INET6)].map { NetlinkAttributes($0) }
        let settings = family?[Int(IFLA_INET6_CONF)]
        return settings?.integer(at: 4 * Int(DEVCONF_ACCEPT_RA), as: Int32.self).map { $0 != 0 }
    }

    private mutating func readKind(_ attributes: NetlinkAttributes) {
        kind = attributes[Int(IFLA_INFO_KIND)]?.text ?? ""
        if kind == "bridge" {
            let data = attributes[Int(IFLA_INFO_DATA)].map { NetlinkAttributes($0) }
            bridge = Bridge(
                filtersVLANs: data?[Int(IFLA_BR_VLAN_FILTERING)]?.first.map { $0 != 0 },
                defaultVLAN: data?[Int(IFLA_BR_VLAN_DEFAULT_PVID)]?.integer(as: UInt16.self)
            )
        }
        guard attributes[Int(IFLA_INFO_SLAVE_KIND)]?.text == "bridge",
            let data = attributes[Int(IFLA_INFO_SLAVE_DATA)].map({ NetlinkAttributes($0) })
        else { return }
        port = Port(
            state: data[Int(IFLA_BRPORT_STATE)]?.first,
            isHairpin: data[Int(IFLA_BRPORT_MODE)]?.first.map { $0 != 0 },
            isIsolated: data[Int(IFLA_BRPORT_ISOLATED)]?.first.map { $0 != 0 }
        )
    }
}
