// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux

/// An address a link has.
package struct AssignedAddress: Hashable, Sendable {
    package let address: CIDR
    package let link: Int32
    /// Link-local IPv6 and the like: made by the kernel, not by an administrator.
    package let isLinkLocal: Bool
    /// Duplicate address detection is not over: nobody answers for the address yet.
    ///
    /// RFC 4862, 5.4.
    package let isTentative: Bool
    /// Somebody else has the address.
    package let isDuplicate: Bool
}

// Lists of whole tables: for verbs that verify, and for the rare conflict; never on the way of an ordinary ADD.
extension NetlinkSocket {
    /// The addresses of one link.
    ///
    /// - Throws: ``KernelError``.
    package func addresses(ofLink index: Int32) throws(KernelError) -> [AssignedAddress] {
        let message = NetlinkMessage(type: RTM_GETADDR, flags: NLM_F_DUMP)
        message.append(ifaddrmsg(family: 0, prefix: 0, index: UInt32(index)))
        let replies = try list(NetlinkRequest("list addresses of link \(index)", message))
        // Kernels before 4.20 do not filter.
        return replies.compactMap { AssignedAddress($0) }.filter { $0.link == index }
    }

    /// Waits until duplicate address detection is over for all addresses of a link.
    ///
    /// `announcements`: a subscription to addresses in the socket's own namespace.
    /// - Throws: ``KernelError``; `EADDRINUSE` when somebody else has one, `ETIMEDOUT` when the time is over.
    package func waitForAddresses(
        ofLink index: Int32,
        name: String,
        announcements: borrowing Announcements,
        atMost bound: Duration
    ) throws(KernelError) {
        let end = Machine.bootNanoseconds + Int64(bound / .nanoseconds(1))
        while true {
            let addresses = try addresses(ofLink: index)
            if let duplicate = addresses.first(where: { $0.isDuplicate }) {
                throw KernelError("use address \(duplicate.address) on \(name)", .addressInUse)
            }
            guard let tentative = addresses.first(where: { $0.isTentative }) else { return }
            let left = end - Machine.bootNanoseconds
            guard left > 0 else { throw KernelError("wait for address \(tentative.address) on \(name)", .timedOut) }
            try announcements.awaitNext(atMost: .nanoseconds(left))
        }
    }

    /// Waits until a link has an address of a kind.
    ///
    /// `announcements`: a subscription to addresses in the socket's own namespace.
    /// - Returns: all addresses of the kind, at least one.
    /// - Throws: ``KernelError``; `ETIMEDOUT` when the time is over.
    package func waitForAddresses(
        ofLink index: Int32,
        name: String,
        announcements: borrowing Announcements,
        atMost bound: Duration,
        where isWanted: (AssignedAddress) -> Bool
    ) throws(KernelError) -> [AssignedAddress] {
        let end = Machine.bootNanoseconds + Int64(bound / .nanoseconds(1))
        while true {
            let found = try addresses(ofLink: index).filter(isWanted)
            guard found.isEmpty else { return found }
            let left = end - Machine.bootNanoseconds
            guard left > 0 else { throw KernelError("wait for an address of \(name)", .timedOut) }
            try announcements.awaitNext(atMost: .nanoseconds(left))
        }
    }

    /// All unicast routes of one family, in every table but `local`.
    ///
    /// - Throws: ``KernelError``.
    package func routes(_ family: AddressFamily) throws(KernelError) -> [Route] {
        let message = NetlinkMessage(type: RTM_GETROUTE, flags: NLM_F_DUMP)
        var header = rtmsg()
        header.rtm_family = family.number
        message.append(header)
        return try list(NetlinkRequest("list \(family.name) routes", message)).compactMap { Route($0) }
    }
}

extension AssignedAddress {
    init?(_ reply: NetlinkReply) {
        // ifaddrmsg: family, prefix length, flags, scope (8 each), index (32)
        guard reply.type == RTM_NEWADDR, reply.payload.count >= 8,
            let prefix = reply.payload.integer(at: 1, as: UInt8.self),
            let scope = reply.payload.integer(at: 3, as: UInt8.self),
            let index = reply.payload.integer(at: 4, as: Int32.self)
        else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(8))
        guard let octets = attributes[Int(IFA_LOCAL)] ?? attributes[Int(IFA_ADDRESS)],
            let address = IPAddress(octets: octets), let cidr = CIDR(address: address, prefixLength: Int(prefix))
        else { return nil }
        self.address = cidr
        link = index
        isLinkLocal = scope == UInt8(RT_SCOPE_LINK.rawValue)
        let flags = attributes[Int(IFA_FLAGS)]?.integer(as: UInt32.self) ?? 0
        isTentative = flags & UInt32(IFA_F_TENTATIVE) != 0
        isDuplicate = flags & UInt32(IFA_F_DADFAILED) != 0
    }
}

extension Route {
    init?(_ reply: NetlinkReply) {
        // rtmsg: family, destination and source length, tos, table, protocol, scope, type (8 each), flags (32)
        guard reply.type == RTM_NEWROUTE, reply.payload.count >= 12 else { return nil }
        let header = Array(reply.payload.prefix(12))
        let attributes = NetlinkAttributes(reply.payload.dropFirst(12))
        let table = attributes[Int(RTA_TABLE.rawValue)]?.integer(as: UInt32.self).map(Int.init) ?? Int(header[4])
        guard header[7] == RTN_UNICAST, table != Int(RT_TABLE_LOCAL.rawValue) else { return nil }
        let any = header[0] == UInt8(AF_INET) ? IPAddress(v4: 0) : IPAddress(v6: 0)
        let address = attributes[Int(RTA_DST.rawValue)].flatMap { IPAddress(octets: $0) } ?? any
        guard let destination = CIDR(address: address, prefixLength: Int(header[1])) else { return nil }
        self.init(destination: destination)
        gateway = attributes[Int(RTA_GATEWAY.rawValue)].flatMap { IPAddress(octets: $0) }
        priority = attributes[Int(RTA_PRIORITY.rawValue)]?.integer(as: UInt32.self).map(Int.init) ?? 0
        self.table = table
        scope = Int(header[6])
        preferredSource = attributes[Int(RTA_PREFSRC.rawValue)].flatMap { IPAddress(octets: $0) }
        if let metrics = attributes[Int(RTA_METRICS.rawValue)].map({ NetlinkAttributes($0) }) {
            mtu = metrics[Int(RTAX_MTU)]?.integer(as: UInt32.self).map(Int.init) ?? 0
            advertisedSegmentSize = metrics[Int(RTAX_ADVMSS)]?.integer(as: UInt32.self).map(Int.init) ?? 0
        }
    }
}
