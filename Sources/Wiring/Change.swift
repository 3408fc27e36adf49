// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Netlink

/// One step of a plan: a fact about the host or the container that should become true.
package enum Change: Hashable, Sendable {
    /// A bridge on the host, up. Shared with other containers; created when missing, never removed by an undo.
    case bridge(BridgeSpecification)
    /// The bridge's own port for a VLAN, the gateway's place in it: a veth pair on the host. Shared as the bridge is.
    case vlanInterface(VLANInterface)
    /// A link on the host that leads to a process which serves many containers, up. Stays.
    case sharedTap(SharedTap)
    /// An address of a shared link on the host, such as a gateway's on its bridge. Stays.
    case sharedAddress(SharedAddress)
    /// The host forwards packets of a family. Stays.
    case forwarding(AddressFamily)
    /// A veth pair, one end a port of a bridge, the other in the container. Exclusive to one container.
    ///
    /// Without a bridge, the host's end stands alone.
    case pair(VethPair, bridge: String?)
    /// A link in the container. Exclusive to it.
    case link(ContainerLink)
    /// A link in the container that leads to a process. Exclusive to the container.
    case tap(ContainerTap)
    /// A link of the host goes into the container. Exclusive to it until it comes back.
    case move(DeviceMove)
    /// How the bridge treats the port; goes with the pair.
    case port(PortSpecification)
    /// The container's end: addresses, routes, up; goes with the pair.
    case interface(InterfaceSpecification)
    /// The host's end of a pair without a bridge: addresses and routes; goes with the pair.
    case hostEnd(HostEndSpecification)
    /// What packet filters do for the attachment. Exclusive to one container, of which nothing is there yet.
    case filter(FilterPlan)
    /// Frames between containers go past the bridge. Exclusive to one container; worth having, and no reason to fail.
    case shortcut(Shortcut)
    /// The bridge passes frames to and from the port.
    case operational(port: String)
    /// The host's end of a pair without a bridge has a carrier.
    case carrier(String)
    /// The opposite of `pair`; removing an absent link is not an error.
    case noLink(String)
    /// The opposite of `link`.
    case noContainerLink(String)
    /// The opposite of `move`.
    case moveHome(DeviceMove)
    /// The opposite of `filter`.
    case noFilter(FilterPlan)
    /// The opposite of `shortcut`, by the name of the host's end.
    case noShortcut(String)

    /// Whether it is about rules of a packet filter.
    var isFilter: Bool {
        switch self {
        case .filter, .noFilter: true
        default: false
        }
    }

    /// The change that takes this one back, or nil when it leaves nothing of ours behind.
    var inverse: Change? {
        switch self {
        case .pair(let pair, _): .noLink(pair.host.name)
        case .link(let link): .noContainerLink(link.name)
        case .tap(let tap): .noContainerLink(tap.name)
        case .move(let move): .moveHome(move)
        case .filter(let plan): .noFilter(plan)
        case .shortcut(let shortcut): .noShortcut(shortcut.name)
        case .bridge, .vlanInterface, .sharedTap, .sharedAddress, .forwarding, .port, .interface, .hostEnd,
            .operational, .carrier, .noLink, .noContainerLink, .moveHome, .noFilter, .noShortcut:
            nil
        }
    }

    /// Of what kind a link is that this makes inside the container, as the kernel calls it; nil when it makes none.
    var kindInside: String? {
        switch self {
        case .link(let link): link.kind.name
        case .tap: "tun"
        default: nil
        }
    }

    /// What taking it back would be about, in words.
    var subject: String {
        switch self {
        case .pair(let pair, _): "link \(pair.host.name)"
        case .link(let link): "link \(link.name) of the container"
        case .tap(let tap): "link \(tap.name) of the container"
        case .move(let move): "link \(move.device.name) in the container"
        case .filter(let plan): "rules of \(plan.key)"
        case .shortcut(let shortcut): "shortcut of \(shortcut.name)"
        default: "what is shared"
        }
    }
}

/// A bridge as a network wants it.
package struct BridgeSpecification: Hashable, Sendable {
    package let name: String
    /// Given to a bridge that is made by this, explicitly, so that it never follows a port's.
    package let address: MACAddress
    /// Of a bridge that is made by this, in octets; 0 is the kernel's choice.
    package let mtu: Int
    package let isPromiscuous: Bool
    package let filtersVLANs: Bool
    /// Whether programs at the ports may keep VLANs apart on a kernel whose bridges cannot.
    package let mayUsePrograms: Bool

    package init(
        name: String,
        address: MACAddress,
        mtu: Int,
        isPromiscuous: Bool,
        filtersVLANs: Bool,
        mayUsePrograms: Bool = false
    ) {
        self.name = name
        self.address = address
        self.mtu = mtu
        self.isPromiscuous = isPromiscuous
        self.filtersVLANs = filtersVLANs
        self.mayUsePrograms = mayUsePrograms
    }
}

/// A link on the host that is in one VLAN of a bridge: one end carries the gateway, the other is the bridge's port.
///
/// The pair is as large as the bridge.
package struct VLANInterface: Hashable, Sendable {
    package let gateway: VethPair.End
    package let port: VethPair.End
    package let bridge: String
    package let vlan: UInt16
    /// Whether the port stays in the bridge's default VLAN.
    package let keepsDefaultVLAN: Bool

    package init(
        gateway: VethPair.End,
        port: VethPair.End,
        bridge: String,
        vlan: UInt16,
        keepsDefaultVLAN: Bool
    ) {
        self.gateway = gateway
        self.port = port
        self.bridge = bridge
        self.vlan = vlan
        self.keepsDefaultVLAN = keepsDefaultVLAN
    }
}

/// A link on the host whose other end is a process, such as a switch in user space.
package struct SharedTap: Hashable, Sendable {
    package let name: String
    /// Of a link that is made by this, in octets; 0 is the kernel's choice.
    package let mtu: Int

    package init(name: String, mtu: Int) {
        self.name = name
        self.mtu = mtu
    }
}

/// An address of a link that several containers share.
package struct SharedAddress: Hashable, Sendable {
    package let address: CIDR
    package let link: String
    /// Whether it takes the place of conflicting addresses, instead of being refused because of them.
    package let replacesOthers: Bool

    package init(_ address: CIDR, link: String, replacesOthers: Bool) {
        self.address = address
        self.link = link
        self.replacesOthers = replacesOthers
    }

    /// Whether the link cannot have the other address beside this one.
    ///
    /// Of IPv4 a link serves one network only; of IPv6 it may serve several as long as they do not overlap.
    package func conflicts(with other: CIDR) -> Bool {
        guard other != address, other.family == address.family else { return false }
        return other.family == .v4 || other.overlaps(address)
    }
}
