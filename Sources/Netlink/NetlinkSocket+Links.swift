// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux

extension NetlinkSocket {
    /// The link of a name; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func link(named name: String) throws(KernelError) -> Link? {
        // Longer names cannot exist, and the kernel would refuse the question itself.
        guard name.utf8.count < Int(IFNAMSIZ) else { return nil }
        return try link(asking: .linkQuery("find link \(name)", name: name, index: 0))
    }

    /// The link of an index; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func link(index: Int32) throws(KernelError) -> Link? {
        try link(asking: .linkQuery("find link \(index)", name: nil, index: index))
    }

    /// Makes a pair one end of which is named on this side, as ``NetlinkRequest/addVethPair(_:bridge:namespace:)``.
    ///
    /// - Returns: the host's end.
    /// - Throws: ``KernelError``; `ENODEV` when somebody removed it at once.
    package func make(
        _ pair: VethPair,
        bridge: Int32?,
        namespace: CInt,
        isUp: Bool = true
    ) throws(KernelError) -> Link {
        let echoed = try make(.addVethPair(pair, bridge: bridge, namespace: namespace, isUp: isUp))
        if let echoed { return echoed }
        guard let found = try link(named: pair.host.name) else {
            throw KernelError("find link \(pair.host.name)", .noSuchDevice)
        }
        return found
    }

    private func link(asking query: NetlinkRequest) throws(KernelError) -> Link? {
        do throws(KernelError) {
            return Link(try ask(query))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
            return nil
        }
    }

    /// Whether a link works within the given time; returns as soon as it does, without polling.
    ///
    /// `isReady`: looks at the link; called again after every change the kernel announces.
    /// - Throws: ``KernelError``; `ETIMEDOUT` when the time is over, `ENODEV` when the link is gone.
    package func wait(
        forLink index: Int32,
        atMost bound: Duration,
        until isReady: (Link) -> Bool
    ) throws(KernelError) {
        let operation = "wait for link \(index)"
        // The common case needs no subscription: the kernel brings the state up to date before it answers.
        if let link = try link(index: index), isReady(link) { return }
        let announcements = try Announcements(of: .links)
        let end = Machine.bootNanoseconds + Int64(bound / .nanoseconds(1))
        while true {
            guard let link = try link(index: index) else { throw KernelError(operation, .noSuchDevice) }
            if isReady(link) { return }
            let left = end - Machine.bootNanoseconds
            guard left > 0 else { throw KernelError(operation, .timedOut) }
            try announcements.awaitNext(atMost: .nanoseconds(left))
        }
    }
}

extension NetlinkRequest {
    static func linkQuery(_ operation: String, name: String?, index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_GETLINK)
        message.append(ifinfomsg(index: index))
        if let name { message.put(Int(IFLA_IFNAME), name) }
        // Counters are most of an answer, and nobody here reads them.
        message.put(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
        return NetlinkRequest(operation, message)
    }

    /// Removes a link; of a veth pair, both ends.
    ///
    /// Like `ip link delete NAME`.
    package static func deleteLink(named name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_DELLINK)
        message.append(ifinfomsg())
        message.put(Int(IFLA_IFNAME), name)
        return NetlinkRequest("delete link \(name)", message)
    }

    /// Like `ip link set dev NAME up` or `down`, for an index.
    package static func setUp(_ isUp: Bool, link index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        let flag = UInt32(IFF_UP)
        message.append(ifinfomsg(index: index, flags: isUp ? flag : 0, change: flag))
        return NetlinkRequest("set link \(name) \(isUp ? "up" : "down")", message)
    }

    /// Like `ip link set dev NAME promisc on`.
    package static func setPromiscuous(link index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        let flag = UInt32(IFF_PROMISC)
        message.append(ifinfomsg(index: index, flags: flag, change: flag))
        return NetlinkRequest("set link \(name) promiscuous", message)
    }

    /// Announce addresses by gratuitous ARP when the link comes up (sysctl `arp_notify`), without opening a file.
    package static func setARPNotify(link index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.nest(Int(IFLA_AF_SPEC)) { families in
            families.nest(Int(AF_INET)) { family in
                family.nest(Int(IFLA_INET_CONF)) { settings in
                    settings.put(Int(IPV4_DEVCONF_ARP_NOTIFY), UInt32(1))
                }
            }
        }
        return NetlinkRequest("set arp_notify of link \(name)", message)
    }
}

extension ifinfomsg {
    init(family: Int32 = AF_UNSPEC, index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        self.init(
            ifi_family: UInt8(family),
            __ifi_pad: 0,
            ifi_type: 0,
            ifi_index: index,
            ifi_flags: flags,
            ifi_change: change
        )
    }
}
