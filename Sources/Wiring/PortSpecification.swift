// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Forwarding
package import Netlink

/// One port of a kernel's bridge: what a switch would have for an interface, said in the kernel's words.
///
/// This and ``SpoofCheck`` are all that knows which flags, VLANs, entries and rules make the kernel do with the port's
/// frames what `VirtualSwitch` does. What a network's configuration wants is in the interface, and nowhere else.
///
/// An interface has nothing here for a mirror, a limit of learning, an admission or a state of the spanning tree: no
/// plugin asks for any of them.
package struct PortSpecification: Hashable, Sendable {
    /// Its name is the link's.
    package let interface: VirtualInterface
    package let bridge: String
    /// Whether the bridge tells VLANs apart; if not, the interface's VLANs mean nothing.
    package let knowsVLANs: Bool
    /// Whether the port stays in the bridge's default VLAN beside its own.
    package let keepsDefaultVLAN: Bool

    package init(_ interface: VirtualInterface, of bridge: String, knowsVLANs: Bool, keepsDefaultVLAN: Bool = false) {
        self.interface = interface
        self.bridge = bridge
        self.knowsVLANs = knowsVLANs
        self.keepsDefaultVLAN = keepsDefaultVLAN
    }

    package var name: String { interface.name }

    package var flags: NetlinkRequest.PortFlags {
        var flags = NetlinkRequest.PortFlags()
        flags.isHairpin = interface.isHairpin
        flags.isIsolated = interface.isIsolated
        flags.isLocked = interface.isLocked
        flags.learns = interface.learns
        flags.floodsUnknown = interface.floodsUnknown
        flags.floodsMulticast = interface.floodsMulticast
        flags.floodsBroadcast = interface.floodsBroadcast
        return flags
    }

    /// The port's VLANs, where frames without a tag belong last; empty leaves the port as the bridge makes it.
    package var memberships: [NetlinkRequest.VLANMembership] {
        guard knowsVLANs else { return [] }
        let vlans = interface.vlans
        var tagged = vlans.members
        var untagged = VLANSet()
        for vlan in vlans.untagged.ranges.joined() where vlans.members.contains(vlan) {
            tagged.remove(vlan)
            untagged.insert(vlan)
        }
        guard let native = vlans.native, vlans.members.contains(native) else {
            return tagged.ranges.map { .tagged($0) } + untagged.ranges.map { .untagged($0) }
        }
        let isUntagged = untagged.contains(native)
        tagged.remove(native)
        untagged.remove(native)
        return tagged.ranges.map { .tagged($0) } + untagged.ranges.map { .untagged($0) }
            + [isUntagged ? .native(native) : .nativeTagged(native)]
    }

    /// The one station that can be there, and its VLAN as the bridge counts; nil where others may be.
    ///
    /// It need not be learned: nobody floods what is for it, and it is known before it speaks.
    package var station: (address: MACAddress, vlan: UInt16)? {
        guard let sources = interface.allowedSources, sources.count == 1 else { return nil }
        guard knowsVLANs else { return (sources[0], 0) }
        guard let native = interface.vlans.native, interface.vlans.members.contains(native) else { return nil }
        return (sources[0], native)
    }

    /// What of the flags the kernel does not have, in words.
    package func missing(from port: Link.Port?) -> [String] {
        var missing: [String] = []
        if flags.isHairpin, port?.isHairpin == false { missing.append("\(name) is no hairpin port") }
        if flags.isIsolated, port?.isIsolated == false { missing.append("\(name) is not isolated") }
        return missing
    }

    /// The same where programs keep its VLANs: the kernel's bridge knows of none.
    func requests(guardedPort index: Int32) -> [NetlinkRequest] {
        PortSpecification(interface, of: bridge, knowsVLANs: false).requests(port: index, defaultVLAN: nil)
    }

    /// What is to be asked of the kernel; nothing where the port is as the bridge makes it.
    ///
    /// `defaultVLAN`: the one that every new port of the bridge is in.
    func requests(port index: Int32, defaultVLAN: UInt16?) -> [NetlinkRequest] {
        var requests: [NetlinkRequest] = []
        let flags = flags
        if flags != NetlinkRequest.PortFlags() { requests.append(.setPort(index, name: name, flags)) }
        let memberships = memberships
        if !memberships.isEmpty {
            requests += Transaction.requests(
                joining: memberships,
                leaving: keepsDefaultVLAN ? nil : defaultVLAN,
                port: index,
                name: name
            )
        }
        if let (address, vlan) = station {
            requests.append(.addStation(address, vlan: vlan, at: index, name: name))
        }
        return requests
    }
}
