// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
internal import Linux
internal import Netlink

// What keeps frames from the shortcut at a port: the program looks at the same, in the kernel.
extension ModelReader {
    /// Notes what is at ports that have a shortcut, beside its program.
    ///
    /// `guarded`: the ports at which two programs of ours are, one of them where frames leave.
    static func addObstacles(
        _ shortcuts: inout [Int32: HostModel.Shortcut],
        _ guarded: Set<Int32>,
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) {
        guard !shortcuts.isEmpty else { return }
        let queues = try queues(socket)
        for index in shortcuts.keys {
            let link = UInt32(bitPattern: index)
            // Where the program is a filter itself (before Linux 6.6), there is one more of them, and none by itself.
            let received = try filters(Int32(TC_H_MIN_INGRESS), of: index, socket)
            let programs = max(0, Int(culvert_attached_programs(link, nil, 0)))
            if programs + received > 1 {
                shortcuts[index]?.refusesFrom = "other programs or filters look at what comes in by it"
            }
            let own = guarded.contains(index) ? 1 : 0
            let sent = try filters(Int32(TC_H_MIN_EGRESS), of: index, socket) - own
            let isProgramFilter = programs == 0
            let found = queues[index] ?? Queues()
            if found.waits {
                shortcuts[index]?.refusesTo = "what it sends has to queue"
            } else if sent > 0 || culvert_sending_programs(link) > 0 || found.hasPlace && !isProgramFilter {
                shortcuts[index]?.refusesTo = "programs or filters look at what it sends"
            }
        }
    }

    /// What tc-qdisc(8) says of a link.
    private struct Queues {
        /// Whether frames that are sent wait for something.
        var waits = false
        /// Whether there is a place for filters of what is sent (clsact).
        var hasPlace = false
    }

    private static func queues(_ socket: borrowing NetlinkSocket) throws(KernelError) -> [Int32: Queues] {
        let message = NetlinkMessage(type: RTM_GETQDISC, flags: NLM_F_DUMP)
        message.append(tcmsg())
        var queues: [Int32: Queues] = [:]
        for reply in try socket.list(NetlinkRequest("list qdiscs", message)) {
            // tcmsg: family, padding (32), link, handle, parent, info (32 each)
            guard let link = reply.payload.integer(at: 4, as: Int32.self),
                let parent = reply.payload.integer(at: 12, as: UInt32.self)
            else { continue }
            let kind = NetlinkAttributes(reply.payload.dropFirst(20))[Int(TCA_KIND)]?.text
            if parent == UInt32(TC_H_ROOT), kind != "noqueue" { queues[link, default: Queues()].waits = true }
            if kind == "clsact" { queues[link, default: Queues()].hasPlace = true }
        }
        return queues
    }

    /// How many filters there are at a hook of a link.
    private static func filters(
        _ hook: Int32,
        of link: Int32,
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) -> Int {
        let message = NetlinkMessage(type: RTM_GETTFILTER, flags: NLM_F_DUMP)
        var header = tcmsg()
        header.tcm_ifindex = link
        header.tcm_parent = UInt32(TC_H_INGRESS) & 0xffff_0000 | UInt32(bitPattern: hook)
        message.append(header)
        do throws(KernelError) {
            // Each list of filters says first that it is there, with no number.
            return try socket.list(NetlinkRequest("list filters of link \(link)", message)).filter {
                $0.payload.integer(at: 8, as: UInt32.self) != 0
            }.count
        } catch {
            // There is no place for filters.
            guard error.errno == .invalidArgument else { throw error }
            return 0
        }
    }

    /// Notes what else the kernel says of links: whether they take what is for others; of bridges, whether they show
    /// packets to rules of IP though br_netfilter in general does not; what bonds and `ipvlan` do.
    static func addFlags(
        _ links: inout [HostModel.Link],
        _ socket: borrowing NetlinkSocket
    ) throws(KernelError) {
        let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP)
        message.append(ifinfomsg())
        for reply in try socket.list(NetlinkRequest("list links", message)) {
            // ifinfomsg: family, padding (8 each), type (16), index, flags, change (32 each)
            guard let index = reply.payload.integer(at: 4, as: Int32.self),
                let flags = reply.payload.integer(at: 8, as: UInt32.self),
                let place = links.firstIndex(where: { $0.index == index })
            else { continue }
            links[place].isPromiscuous = flags & UInt32(IFF_PROMISC) != 0
            guard let information = NetlinkAttributes(reply.payload.dropFirst(16))[Int(IFLA_LINKINFO)] else { continue }
            add(NetlinkAttributes(information), to: &links[place])
        }
    }

    private static func add(_ information: NetlinkAttributes, to link: inout HostModel.Link) {
        if information[Int(IFLA_INFO_SLAVE_KIND)]?.text == "bond" {
            let own = information[Int(IFLA_INFO_SLAVE_DATA)].map { NetlinkAttributes($0) }
            link.isBackup = own?[Int(IFLA_BOND_SLAVE_STATE)]?.first.map { $0 != 0 }
        }
        guard let data = information[Int(IFLA_INFO_DATA)].map({ NetlinkAttributes($0) }) else { return }
        switch link.kind {
        case "bridge":
            link.showsIPv4 = data[Int(IFLA_BR_NF_CALL_IPTABLES)]?.first.map { $0 != 0 } ?? false
            link.showsIPv6 = data[Int(IFLA_BR_NF_CALL_IP6TABLES)]?.first.map { $0 != 0 } ?? false
        case "bond":
            guard let mode = data[Int(IFLA_BOND_MODE)]?.first else { return }
            let active = data[Int(IFLA_BOND_ACTIVE_SLAVE)]?.integer(as: Int32.self)
            link.bond = HostModel.Bond(mode: mode, active: active == 0 ? nil : active)
        case "ipvlan":
            let flags = data[Int(IFLA_IPVLAN_FLAGS)]?.integer(as: UInt16.self) ?? 0
            // IPVLAN_F_PRIVATE and IPVLAN_F_VEPA
            if flags & 3 != 0 { link.mode += flags & 1 != 0 ? " private" : " vepa" }
        default: break
        }
    }
}
