// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import FastPath
package import Forwarding

/// Frames between containers of one bridge go past it, as long as nobody on the way had anything to say about them.
///
/// Exclusive to one attachment: an entry for its port and one for its station.
package struct Shortcut: Hashable, Sendable {
    /// The port as a switch has it: with all that its container may send.
    package let interface: VirtualInterface
    package let bridge: String
    /// Whether the bridge tells VLANs apart; if not, the interface's VLANs mean nothing.
    package let knowsVLANs: Bool
    /// The container's.
    package let address: MACAddress

    package init(_ interface: VirtualInterface, of bridge: String, knowsVLANs: Bool, address: MACAddress) {
        self.interface = interface
        self.bridge = bridge
        self.knowsVLANs = knowsVLANs
        self.address = address
    }

    /// The host's end of the pair.
    var name: String { interface.name }

    /// Why only the bridge can do what the interface asks for, in words, or nil.
    ///
    /// The shortcut carries untagged frames of one known station; it knows isolation, the VLAN they belong to, and
    /// addresses one by one. Frames of any other kind it leaves to the bridge: that is no reason against it.
    package var obstacle: String? {
        if !interface.isUp || interface.spanningTree != .forwarding || interface.isLocked || interface.mirror != nil {
            return "only the bridge does what its port is told"
        }
        if let sources = interface.allowedSources, sources != [address] { return "it has several hardware addresses" }
        if knowsVLANs {
            let vlans = interface.vlans
            guard let native = vlans.native, vlans.members.contains(native), vlans.untagged.contains(native) else {
                return "all its frames have a tag"
            }
        }
        let hosts = hosts ?? []
        for family in [AddressFamily.v4, .v6] where hosts.filter({ $0.family == family }).count > Shortcut.most {
            return "it has more than \(Shortcut.most) addresses of \(family == .v4 ? "IPv4" : "IPv6") to watch"
        }
        return nil
    }

    /// How many addresses of a family the program has room for.
    private static let most = 4

    /// Networks of more than one address are left to the bridge, which lets through what the shortcut does not know.
    var hosts: [IPAddress]? {
        interface.allowedAddresses?.filter { $0 == .host($0.address) }.map { $0.address }
    }

    /// As the program has it.
    func port(link: Int32, bridge: Int32) -> FastPathPort {
        FastPathPort(
            link: UInt32(bitPattern: link),
            bridge: UInt32(bitPattern: bridge),
            vlan: knowsVLANs ? interface.vlans.native ?? 0 : 0,
            address: address,
            addresses: hosts,
            isIsolated: interface.isIsolated,
            ignoresFilterOfIP: Shortcut.ignoresFilterOfIP
        )
    }
}
