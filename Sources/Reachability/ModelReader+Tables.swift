// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
internal import CNetlink
internal import Forwarding
internal import Linux
internal import Netlink

// Dumps of rtnetlink(7), read as far as they decide about packets.
extension ModelReader {
    // MARK: - Links

    static func links(_ socket: borrowing NetlinkSocket) throws(KernelError) -> [HostModel.Link] {
        let ports = try bridgePorts(socket)
        var links: [HostModel.Link] = []
        for noted in try socket.everyLink() {
            let found = noted.link
            var link = HostModel.Link(
                index: found.index,
                name: found.name,
                kind: found.kind,
                address: found.address ?? .zero
            )
            (link.isUp, link.isLoopback) = (found.isUp, found.isLoopback)
            (link.master, link.peer, link.isPeerAbroad) = (found.master, found.peerIndex, found.isPeerAbroad)
            link.filtersVLANs = found.bridge?.filtersVLANs ?? false
            link.port = ports[found.index]
            let hasDetails = ["vlan", "macvlan", "ipvlan", "vrf"].contains(found.kind)
            if hasDetails, let details = try socket.details(ofLink: found.name) {
                if found.kind != "vrf" {
                    (link.peer, link.isPeerAbroad) = (details.masterIndex, details.isMasterAbroad)
                }
                switch details.kind {
                case .vlan(let id): link.vlan = id
                case .macvlan(let mode, _): link.mode = mode.rawValue
                case .ipvlan(let mode): link.mode = mode.rawValue
                case .vrf(let table): link.table = Int(table)
                default: break
                }
            }
            if found.kind == "veth", try socket.discipline(.root, ofLink: found.index)?.tokenBucket != nil {
                link.shaping = "a token bucket limits what it sends (tc qdisc show dev \(found.name))"
            }
            links.append(link)
        }
        try addFlags(&links, socket)
        return links
    }

    /// What bridges know of their ports and of themselves, by index.
    private static func bridgePorts(
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) -> [Int32: HostModel.Port] {
        var ports: [Int32: HostModel.Port] = [:]
        for reply in try socket.list(portsQuestion) {
            guard let index = reply.payload.integer(at: 4, as: Int32.self) else { continue }
            ports[index] = port(reply)
        }
        return ports
    }

    /// Asks for VLANs in runs: one by one all those of a trunk are more than an answer holds.
    static var portsQuestion: NetlinkRequest {
        let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP)
        var header = ifinfomsg()
        header.ifi_family = UInt8(AF_BRIDGE)
        message.append(header)
        message.put(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_BRVLAN_COMPRESSED))
        return NetlinkRequest("list ports of bridges", message)
    }

    static func port(_ reply: NetlinkReply) -> HostModel.Port {
        var port = HostModel.Port()
        let attributes = NetlinkAttributes(reply.payload.dropFirst(16))
        if let body = attributes[Int(IFLA_PROTINFO)].map({ NetlinkAttributes($0) }) {
            func flag(_ attribute: UInt32, _ usual: Bool) -> Bool {
                body[Int(attribute)]?.first.map { $0 != 0 } ?? usual
            }
            port.state = body[Int(IFLA_BRPORT_STATE)]?.first ?? 3
            port.isHairpin = flag(UInt32(IFLA_BRPORT_MODE), false)
            port.isIsolated = flag(UInt32(IFLA_BRPORT_ISOLATED), false)
            port.isLocked = flag(UInt32(IFLA_BRPORT_LOCKED), false)
            port.doesMore = [
                IFLA_BRPORT_PROXYARP, IFLA_BRPORT_PROXYARP_WIFI, IFLA_BRPORT_NEIGH_SUPPRESS, IFLA_BRPORT_VLAN_TUNNEL,
            ].contains { flag(UInt32($0), false) }
            port.floodsUnknown = flag(UInt32(IFLA_BRPORT_UNICAST_FLOOD), true)
            port.floodsBroadcast = flag(UInt32(IFLA_BRPORT_BCAST_FLOOD), true)
            port.floodsMulticast = flag(UInt32(IFLA_BRPORT_MCAST_FLOOD), true)
        }
        let runs = attributes[Int(IFLA_AF_SPEC)].flatMap { PortVLANs($0) }?.runs ?? []
        port.native = runs.first { $0.isNative }?.identifiers.lowerBound ?? 0
        port.vlans = VLANSet(runs.map { $0.identifiers }.joined())
        port.untagged = VLANSet(runs.filter { $0.isUntagged }.map { $0.identifiers }.joined())
        return port
    }

    // MARK: - Stations

    static func stations(_ socket: borrowing NetlinkSocket) throws(KernelError) -> [HostModel.Station] {
        let message = NetlinkMessage(type: RTM_GETNEIGH, flags: NLM_F_DUMP)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        message.append(header)
        var stations: [HostModel.Station] = []
        for reply in try socket.list(NetlinkRequest("list stations of bridges", message)) {
            guard let link = reply.payload.integer(at: 4, as: Int32.self),
                let state = reply.payload.integer(at: 8, as: UInt16.self)
            else { continue }
            let attributes = NetlinkAttributes(reply.payload.dropFirst(MemoryLayout<ndmsg>.size))
            guard attributes[Int(NDA_MASTER)] != nil,
                let address = attributes[Int(NDA_LLADDR)].flatMap({ MACAddress(octets: $0) })
            else { continue }
            let vlan = attributes[Int(NDA_VLAN)]?.integer(as: UInt16.self) ?? 0
            let isPermanent = Int32(state) & NUD_PERMANENT != 0
            stations.append(HostModel.Station(address: address, vlan: vlan, link: link, isPermanent: isPermanent))
        }
        return stations
    }

    // MARK: - Routes

    static func routes(
        _ family: AddressFamily,
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) -> [HostModel.Route] {
        let message = NetlinkMessage(type: RTM_GETROUTE, flags: NLM_F_DUMP)
        var header = rtmsg()
        header.rtm_family = UInt8(family == .v4 ? AF_INET : AF_INET6)
        message.append(header)
        let request = NetlinkRequest("list \(family.name) routes", message)
        return try dump(request, socket).compactMap { route($0, family) }
    }

    /// A kernel without the family has nothing of it.
    private static func dump(
        _ request: NetlinkRequest,
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) -> [NetlinkReply] {
        do throws(KernelError) {
            return try socket.list(request)
        } catch {
            guard error.errno == .notSupported || error.errno == .protocolNotSupported else { throw error }
            return []
        }
    }

    static func route(_ reply: NetlinkReply, _ family: AddressFamily) -> HostModel.Route? {
        // rtmsg: family, destination and source length, tos, table, protocol, scope, type (8 each), flags (32)
        let payload = reply.payload
        guard payload.count >= 12, let length = payload.integer(at: 1, as: UInt8.self),
            let table = payload.integer(at: 4, as: UInt8.self),
            let kind = payload.integer(at: 7, as: UInt8.self).flatMap({ HostModel.Route.Kind(rawValue: $0) }),
            let flags = payload.integer(at: 8, as: UInt32.self), flags & UInt32(RTM_F_CLONED) == 0
        else { return nil }
        let attributes = NetlinkAttributes(payload.dropFirst(12))
        let any = family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let address = attributes[Int(RTA_DST.rawValue)].flatMap { IPAddress(octets: $0) } ?? any
        guard let destination = CIDR(address: address, prefixLength: Int(length)) else { return nil }
        var route = HostModel.Route(destination, link: attributes[Int(RTA_OIF.rawValue)]?.integer(as: Int32.self))
        route.kind = kind
        route.gateway = attributes[Int(RTA_GATEWAY.rawValue)].flatMap { IPAddress(octets: $0) }
        route.source = attributes[Int(RTA_PREFSRC.rawValue)].flatMap { IPAddress(octets: $0) }
        route.table = attributes[Int(RTA_TABLE.rawValue)]?.integer(as: UInt32.self).map(Int.init) ?? Int(table)
        route.priority = attributes[Int(RTA_PRIORITY.rawValue)]?.integer(as: UInt32.self) ?? 0
        if let ways = attributes[Int(RTA_MULTIPATH.rawValue)] { add(ways: ways, to: &route) }
        return route
    }

    /// Enters several ways, the first one as the one that is taken here.
    private static func add(ways: ArraySlice<UInt8>, to route: inout HostModel.Route) {
        var rest = ways
        // rtnexthop: length (16), flags, hops (8 each), link (32), and attributes
        while let length = rest.integer(at: 0, as: UInt16.self).map(Int.init), length >= 8, length <= rest.count,
            let link = rest.integer(at: 4, as: Int32.self)
        {
            if route.ways.isEmpty {
                let own = NetlinkAttributes(rest.dropFirst(8).prefix(length - 8))
                route.link = link
                route.gateway = own[Int(RTA_GATEWAY.rawValue)].flatMap { IPAddress(octets: $0) }
            }
            route.ways.append(link)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    // MARK: - Policies

    static func policies(
        _ family: AddressFamily,
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) -> [HostModel.Policy] {
        let message = NetlinkMessage(type: RTM_GETRULE, flags: NLM_F_DUMP)
        var header = fib_rule_hdr()
        header.family = UInt8(family == .v4 ? AF_INET : AF_INET6)
        message.append(header)
        let found = try dump(NetlinkRequest("list \(family.name) rules", message), socket)
            .compactMap { policy($0, family) }
        guard found.isEmpty else { return found }
        // A kernel without rules asks these two.
        return [
            HostModel.Policy(family, priority: 0, table: 255), HostModel.Policy(family, priority: 32766, table: 254),
        ]
    }

    private static func policy(_ reply: NetlinkReply, _ family: AddressFamily) -> HostModel.Policy? {
        // fib_rule_hdr: family, destination and source length, tos, table, two reserved, action (8 each), flags (32)
        let payload = reply.payload
        guard payload.count >= 12, let flags = payload.integer(at: 8, as: UInt32.self) else { return nil }
        let header = Array(payload.prefix(12))
        let attributes = NetlinkAttributes(payload.dropFirst(12))
        func number(_ kind: Int) -> UInt32? {
            attributes[kind]?.integer(as: UInt32.self)
        }
        func network(_ kind: Int, _ length: UInt8) -> CIDR? {
            attributes[kind].flatMap { IPAddress(octets: $0) }
                .flatMap { CIDR(address: $0, prefixLength: Int(length)) }
        }
        let table = number(Int(FRA_TABLE)).map(Int.init) ?? Int(header[4])
        var policy = HostModel.Policy(family, priority: number(Int(FRA_PRIORITY)) ?? 0, table: table)
        policy.destination = network(Int(FRA_DST), header[1])
        policy.source = network(Int(FRA_SRC), header[2])
        policy.input = attributes[Int(FRA_IIFNAME)]?.text
        policy.output = attributes[Int(FRA_OIFNAME)]?.text
        policy.mark = number(Int(FRA_FWMARK))
        policy.markMask = number(Int(FRA_FWMASK)) ?? .max
        policy.isInverted = flags & UInt32(FIB_RULE_INVERT) != 0
        policy.action = header[7]
        policy.asksVRF = attributes[Int(FRA_L3MDEV)]?.first.map { $0 != 0 } ?? false
        let others = [FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_TUN_ID]
        if others.contains(where: { attributes[Int($0)] != nil }) || header[3] != 0 {
            policy.unknown = "it asks for more than addresses, links and marks"
        }
        if let length = number(Int(FRA_SUPPRESS_PREFIXLEN)), length != .max { policy.unknown = "it suppresses routes" }
        return policy
    }
}
