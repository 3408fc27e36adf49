// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Forwarding
package import PacketFilter

/// A host at one moment, as far as it decides what becomes of packets: namespaces, and what each of them has.
package struct HostModel: Sendable {
    /// The first one is the host's own.
    package var namespaces: [Namespace] = []
    /// Whose the far ends of links are whose namespace is not among these: by the link's name on the host.
    package var strangers: [String: Stranger] = [:]
    /// Attachments that nobody looked into and that no link of the host leads to: they rest upon one, or have one.
    package var unseen: [Stranger] = []
    /// All ports of switches in user space.
    package var switchPorts: [SwitchPort] = []
    /// Asks a switch in user space what would become of a frame from a port; nil when nobody can.
    package var askSwitch: (@Sendable (SwitchPort, [UInt8]) -> SwitchAnswer)?

    /// Nothing.
    package init() {}

    /// An attachment that nobody looked into.
    package struct Stranger: Hashable, Sendable {
        package var name: String
        package var addresses: [IPAddress]

        package init(name: String, addresses: [IPAddress]) {
            self.name = name
            self.addresses = addresses
        }
    }

    /// One network namespace.
    package struct Namespace: Sendable {
        /// `host`, or the container's id.
        package var name: String
        package var links: [Link] = []
        package var addresses: [Address] = []
        package var routes: [Route] = []
        package var policies: [Policy] = []
        package var stations: [Station] = []
        /// By port, those whose frames may go past their bridge.
        package var shortcuts: [Int32: Shortcut] = [:]
        package var sockets: [Socket] = []
        package var ruleset = Ruleset()
        /// Why rules could not be read, or not all of them; nil when they were.
        package var unseenRules: String?
        /// Below `/proc/sys/net`.
        package var settings: [String: Int] = [:]

        package init(_ name: String) {
            self.name = name
        }
    }

    /// A network interface.
    package struct Link: Hashable, Sendable {
        package var index: Int32
        package var name: String
        /// As the kernel calls it: `veth`, `bridge`; empty for hardware and loopback.
        package var kind: String
        package var address: MACAddress
        package var isUp = true
        package var isLoopback = false
        /// Whether it takes in what is for others.
        package var isPromiscuous = false
        package var master: Int32?
        /// Of a pair the other end, of a VLAN and the like the link below.
        package var peer: Int32?
        package var isPeerAbroad = false
        /// Of a link of kind `vlan`.
        package var vlan: UInt16 = 0
        /// Of a link of kind `macvlan`: which others on the same link it reaches, in ip-link(8)'s words; of kind `ipvlan`:
        /// where its packets are told apart.
        package var mode = ""
        /// Of a VRF: its routing table.
        package var table = 0
        /// Of a bridge: whether it tells VLANs apart.
        package var filtersVLANs = false
        /// Of a bridge that tells VLANs apart: whether what it knows of a station goes for all of them, as where programs
        /// at the ports keep them.
        package var hasOneTableForVLANs = false
        /// Of a bridge: whether it shows its packets to the rules of IP, whatever is set for all of them.
        package var showsIPv4 = false
        package var showsIPv6 = false
        /// Of a bridge's port.
        package var port: Port?
        /// Of a bond.
        package var bond: Bond?
        /// Of a link of a bond: whether it waits for others to fail; nil for all other links, and where it is not said.
        package var isBackup: Bool?
        /// What limits its rate, in words; nil when nothing does.
        package var shaping: String?

        package init(index: Int32, name: String, kind: String, address: MACAddress) {
            self.index = index
            self.name = name
            self.kind = kind
            self.address = address
        }
    }

    /// What a bridge knows of a port; also of itself, as far as VLANs go.
    package struct Port: Hashable, Sendable {
        /// IEEE 802.1D: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking, as Linux counts.
        package var state: UInt8 = 3
        package var isHairpin = false
        package var isIsolated = false
        package var isLocked = false
        /// Whether the bridge answers for stations behind it, or puts VLANs into tunnels.
        package var doesMore = false
        package var floodsUnknown = true
        package var floodsBroadcast = true
        package var floodsMulticast = true
        /// The VLAN of untagged frames; 0 is none.
        package var native: UInt16 = 0
        package var vlans = VLANSet()
        /// Those of which frames leave without a tag.
        package var untagged = VLANSet()
        /// Whether programs keep it to VLANs that they do not tell.
        package var hidesVLANs = false

        /// A port that forwards everything.
        package init() {}
    }

    /// An address of a link.
    package struct Address: Hashable, Sendable {
        package var address: CIDR
        package var link: Int32
        package var isTentative = false

        package init(_ address: CIDR, link: Int32) {
            self.address = address
            self.link = link
        }
    }

    /// A route of any table.
    package struct Route: Hashable, Sendable {
        /// `RTN_*`, rtnetlink(7).
        package enum Kind: UInt8, Hashable, Sendable {
            case unicast = 1
            case local = 2
            case broadcast = 3
            case anycast = 4
            case multicast = 5
            case blackhole = 6
            case unreachable = 7
            case prohibit = 8
            case `throw` = 9
        }

        package var destination: CIDR
        package var kind = Kind.unicast
        package var gateway: IPAddress?
        package var link: Int32?
        package var source: IPAddress?
        package var table: Int = 254
        package var priority: UInt32 = 0
        /// Where it has several ways, the links of all, of which the kernel takes one by a hash; `link` is the first.
        package var ways: [Int32] = []

        package init(_ destination: CIDR, link: Int32?) {
            self.destination = destination
            self.link = link
        }
    }

    /// A rule that says which table is asked; ip-rule(8).
    package struct Policy: Hashable, Sendable {
        package var family: AddressFamily
        package var priority: UInt32
        package var source: CIDR?
        package var destination: CIDR?
        package var input: String?
        package var output: String?
        package var mark: UInt32?
        package var markMask: UInt32 = .max
        package var isInverted = false
        /// `FR_ACT_*`: 1 asks the table, 6 to 8 refuse as routes do.
        package var action: UInt8 = 1
        package var table: Int
        /// Whether it asks the table of the VRF that the packet belongs to, and of none says nothing.
        package var asksVRF = false
        /// Something that is not understood here; the words for it.
        package var unknown: String?

        package init(_ family: AddressFamily, priority: UInt32, table: Int) {
            self.family = family
            self.priority = priority
            self.table = table
        }
    }

    /// A line of a bridge's table.
    package struct Station: Hashable, Sendable {
        package var address: MACAddress
        package var vlan: UInt16
        /// The port's index.
        package var link: Int32
        package var isPermanent: Bool

        package init(address: MACAddress, vlan: UInt16, link: Int32, isPermanent: Bool) {
            self.address = address
            self.vlan = vlan
            self.link = link
            self.isPermanent = isPermanent
        }
    }

    /// A socket that waits for whoever comes.
    package struct Socket: Hashable, Sendable {
        /// 6 is TCP, 17 UDP.
        package var transport: UInt8
        package var address: IPAddress
        package var port: UInt16
        package var hearsIPv4: Bool
        package var hearsIPv6: Bool
        /// The link that it is bound to; 0 is none.
        package var link: Int32 = 0

        package init(transport: UInt8, address: IPAddress, port: UInt16, hearsIPv4: Bool, hearsIPv6: Bool) {
            self.transport = transport
            self.address = address
            self.port = port
            self.hearsIPv4 = hearsIPv4
            self.hearsIPv6 = hearsIPv6
        }
    }
}

extension HostModel.Namespace {
    func link(_ index: Int32?) -> HostModel.Link? {
        guard let index else { return nil }
        return links.first { $0.index == index }
    }

    func link(named name: String) -> HostModel.Link? { links.first { $0.name == name } }

    /// The VRF that a link is in or stands for; nil when there is none.
    func domain(_ link: HostModel.Link?) -> HostModel.Link? {
        guard let link else { return nil }
        return [link, self.link(link.master)].compactMap { $0 }.first { $0.kind == "vrf" }
    }

    /// A setting of the kernel; one that is not there counts as 0.
    func setting(_ name: String) -> Int { settings[name] ?? 0 }

    /// The larger of a setting for all links and for one.
    func setting(_ name: String, of link: HostModel.Link) -> Int {
        max(setting("ipv4/conf/all/\(name)"), setting("ipv4/conf/\(link.name)/\(name)"))
    }
}

extension HostModel.Route {
    /// The links of all its ways.
    var links: [Int32] { ways.isEmpty ? link.map { [$0] } ?? [] : ways }
}

extension HostModel.Link {
    /// What Linux calls the type of a link's header (`ARPHRD_*`).
    var headerType: UInt16 { isLoopback ? 772 : 1 }

    /// Whether what it sends comes in again: a VRF is to its own addresses what `lo` is to all others.
    var leadsBack: Bool { isLoopback || kind == "vrf" }
}
