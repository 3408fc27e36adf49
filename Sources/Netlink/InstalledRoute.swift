// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import CNetlink
package import Linux

/// A route exactly as the kernel told of it, for moving it to another table and back.
///
/// Unlike a ``Route`` it keeps what nobody here understands: encapsulations, preferences, realms.
package struct InstalledRoute: Hashable, Sendable {
    package let destination: CIDR
    package let gateway: IPAddress?
    /// The address that packets leave with when their sender chose none.
    package let preferredSource: IPAddress?
    /// nil when it leads nowhere, or to several links.
    package let link: Int32?
    /// The links of all its ways.
    package let links: Set<Int32>
    /// Whether it leads to one station, through links; not to the host itself, to nobody or to many.
    package let isUnicast: Bool
    /// Whether the kernel made it along with an address.
    package let isOfKernel: Bool
    package let table: Int
    /// 0 is none; IPv6 always has one.
    package let priority: Int
    /// Whether the destination is on the link itself.
    package let endsOnLink: Bool
    private let header: [UInt8]
    private let attributes: [UInt8]

    package static let mainTable = 254

    /// What becomes of routes to the same destination with the same priority.
    package enum Rivals: Hashable, Sendable {
        /// They come first.
        case stay
        /// They have to go.
        case go
        /// They are a reason to refuse, with `EEXIST`.
        case refuse
    }

    package var family: AddressFamily { destination.family }
}

extension NetlinkSocket {
    /// Every route of one family, in every table but `local`.
    ///
    /// - Throws: ``KernelError``.
    package func installedRoutes(_ family: AddressFamily) throws(KernelError) -> [InstalledRoute] {
        let message = NetlinkMessage(type: RTM_GETROUTE, flags: NLM_F_DUMP)
        var header = rtmsg()
        header.rtm_family = family.number
        message.append(header)
        let replies = try list(NetlinkRequest("list \(family.name) routes", message))
        return replies.compactMap { InstalledRoute($0, family) }
    }
}

extension NetlinkRequest {
    /// Adds a route that was told of before, in its own or another table.
    ///
    /// `preferredSource`: instead of its own; nil keeps that.
    /// `rivals`: what becomes of others; just the same route is refused in any case, with `EEXIST`.
    package static func add(
        _ route: InstalledRoute,
        table: Int,
        preferredSource: IPAddress? = nil,
        rivals: InstalledRoute.Rivals = .stay
    ) -> NetlinkRequest {
        let flag =
            switch rivals {
            case .stay: NLM_F_APPEND
            case .go: NLM_F_REPLACE
            case .refuse: NLM_F_EXCL
            }
        let message = message(RTM_NEWROUTE, NLM_F_CREATE | flag, route, table, preferredSource)
        return NetlinkRequest("add \(route) to table \(table)", message)
    }

    /// Removes a route that was told of before, from its own or another table; `ESRCH` means that it is gone.
    package static func delete(_ route: InstalledRoute, table: Int) -> NetlinkRequest {
        NetlinkRequest("delete \(route) from table \(table)", message(RTM_DELROUTE, 0, route, table, nil))
    }

    private static func message(
        _ type: Int,
        _ flags: Int32,
        _ route: InstalledRoute,
        _ table: Int,
        _ preferredSource: IPAddress?
    ) -> NetlinkMessage {
        let attributes = route.attributes(table: table, preferredSource: preferredSource)
        let capacity = attributes.reduce(64) { $0 + 8 + $1.value.count }
        let message = NetlinkMessage(type: type, flags: flags, capacity: capacity)
        message.append(route.header(table: table))
        for attribute in attributes { message.put(attribute.type, octets: attribute.value) }
        return message
    }
}

extension InstalledRoute: CustomStringConvertible {
    package var description: String {
        let way = gateway.map { " via \($0)" } ?? ""
        return "route to \(destination)\(way)"
    }
}

extension InstalledRoute {
    /// What the kernel tells but does not take, or computes anew: ages, statistics, the number of a shared next hop.
    private static let told: Set<Int> = [
        Int(RTA_CACHEINFO.rawValue), Int(RTA_MFC_STATS.rawValue), Int(RTA_NH_ID.rawValue), Int(RTA_PAD.rawValue),
    ]

    init?(_ reply: NetlinkReply, _ family: AddressFamily) {
        // rtmsg: family, destination and source length, tos, table, protocol, scope, type (8 each), flags (32)
        guard reply.type == RTM_NEWROUTE, reply.payload.count >= 12,
            let flags = reply.payload.integer(at: 8, as: UInt32.self)
        else { return nil }
        header = Array(reply.payload.prefix(12))
        attributes = Array(reply.payload.dropFirst(12))
        let read = NetlinkAttributes(attributes[...])
        table = read[Int(RTA_TABLE.rawValue)]?.integer(as: UInt32.self).map(Int.init) ?? Int(header[4])
        guard header[0] == family.number, table != Int(RT_TABLE_LOCAL.rawValue), flags & UInt32(RTM_F_CLONED) == 0
        else { return nil }
        let any = family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let address = read[Int(RTA_DST.rawValue)].flatMap { IPAddress(octets: $0) } ?? any
        guard let destination = CIDR(address: address, prefixLength: Int(header[1])) else { return nil }
        self.destination = destination
        gateway = read[Int(RTA_GATEWAY.rawValue)].flatMap { IPAddress(octets: $0) }
        preferredSource = read[Int(RTA_PREFSRC.rawValue)].flatMap { IPAddress(octets: $0) }
        link = read[Int(RTA_OIF.rawValue)]?.integer(as: Int32.self)
        let ways = read[Int(RTA_MULTIPATH.rawValue)].map { InstalledRoute.links(ofWays: $0) } ?? []
        links = ways.union(link.map { [$0] } ?? [])
        isUnicast = header[7] == RTN_UNICAST
        isOfKernel = header[5] == UInt8(RTPROT_KERNEL)
        priority = read[Int(RTA_PRIORITY.rawValue)]?.integer(as: UInt32.self).map(Int.init) ?? 0
        endsOnLink = read[Int(RTA_GATEWAY.rawValue)] == nil && read[Int(RTA_VIA.rawValue)] == nil
    }

    /// Where each rtnexthop begins: length (16), flags, hops (8 each), link (32), and attributes.
    private static func starts(ofWays ways: ArraySlice<UInt8>) -> [Int] {
        var starts: [Int] = []
        var rest = ways
        while let length = rest.integer(at: 0, as: UInt16.self).map(Int.init), length >= 8, length <= rest.count {
            starts.append(rest.startIndex)
            rest = rest[min(rest.endIndex, rest.startIndex + NetlinkReply.aligned(length))...]
        }
        return starts
    }

    private static func links(ofWays ways: ArraySlice<UInt8>) -> Set<Int32> {
        Set(starts(ofWays: ways).compactMap { ways[$0...].integer(at: 4, as: Int32.self) })
    }

    /// The same ways without flags that tell of a state, which the kernel does not take.
    private static func settable(ways: ArraySlice<UInt8>) -> [UInt8] {
        var octets = ways
        for start in starts(ofWays: ways) { octets[start + 2] &= UInt8(RTNH_F_ONLINK) }
        return Array(octets)
    }

    fileprivate func header(table: Int) -> rtmsg {
        let flags = header[8...].integer(as: UInt32.self) ?? 0
        return rtmsg(
            rtm_family: header[0],
            rtm_dst_len: header[1],
            rtm_src_len: header[2],
            rtm_tos: header[3],
            rtm_table: table < 256 ? UInt8(table) : UInt8(RT_TABLE_UNSPEC.rawValue),
            rtm_protocol: header[5],
            rtm_scope: header[6],
            rtm_type: header[7],
            // The others tell of a state: dead, without carrier, offloaded.
            rtm_flags: flags & UInt32(RTNH_F_ONLINK)
        )
    }

    /// The attributes for a request, types with their upper bits as they came.
    fileprivate func attributes(table: Int, preferredSource: IPAddress?) -> [(type: Int, value: [UInt8])] {
        var found: [(type: Int, value: [UInt8])] = []
        var rest = attributes[...]
        while let length = rest.integer(at: 0, as: UInt16.self).map(Int.init), length >= 4, length <= rest.count,
            let type = rest.integer(at: 2, as: UInt16.self).map(Int.init)
        {
            let start = rest.startIndex
            let kind = type & 0x3fff
            let isReplaced = kind == Int(RTA_PREFSRC.rawValue) && preferredSource != nil
            if !InstalledRoute.told.contains(kind), kind != Int(RTA_TABLE.rawValue), !isReplaced {
                let value = rest[(start + 4)..<(start + length)]
                let isWays = kind == Int(RTA_MULTIPATH.rawValue)
                found.append((type, isWays ? InstalledRoute.settable(ways: value) : Array(value)))
            }
            rest = rest[min(rest.endIndex, start + NetlinkReply.aligned(length))...]
        }
        if table > 255 {
            found.append((Int(RTA_TABLE.rawValue), withUnsafeBytes(of: UInt32(table)) { Array($0) }))
        }
        if let preferredSource { found.append((Int(RTA_PREFSRC.rawValue), preferredSource.octets)) }
        return found
    }
}
