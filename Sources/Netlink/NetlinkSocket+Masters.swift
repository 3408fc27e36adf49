// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux

// Lists of links: for what is neither a bridge of the host nor on the way of an ordinary ADD.
extension NetlinkSocket {
    /// The links that have another one as their master: the ports of a bridge, the members of a VRF.
    ///
    /// `master`: its index.
    /// - Throws: ``KernelError``.
    package func ports(ofMaster master: Int32) throws(KernelError) -> [Link] {
        let replies = try links("list the ports of link \(master)") { message in
            message.put(Int(IFLA_MASTER), UInt32(bitPattern: master))
        }
        // Kernels before 4.4 do not filter.
        return replies.compactMap { Link($0) }.filter { $0.master == master }
    }

    /// The tables of all VRFs.
    ///
    /// - Throws: ``KernelError``.
    package func tablesOfVRFs() throws(KernelError) -> [Int] {
        let replies = try links("list links of kind vrf") { message in
            message.nest(Int(IFLA_LINKINFO)) { $0.put(Int(IFLA_INFO_KIND), "vrf") }
        }
        return replies.compactMap { reply in
            guard case .vrf(let table)? = LinkDetails(reply)?.kind else { return nil }
            return Int(table)
        }
    }

    /// Answers about all links, or those that a filter leaves; without their counters.
    ///
    /// - Throws: ``KernelError``.
    func links(
        _ operation: String = "list links",
        _ filter: (borrowing NetlinkMessage) -> Void = { _ in }
    ) throws(KernelError) -> [NetlinkReply] {
        let message = NetlinkMessage(type: RTM_GETLINK, flags: NLM_F_DUMP)
        message.append(ifinfomsg())
        filter(message)
        message.put(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
        return try list(NetlinkRequest(operation, message))
    }
}

extension NetlinkRequest {
    /// Puts a link into a VRF; its routes are lost, and its addresses of IPv6 unless it keeps them (`keep_addr_on_down`).
    ///
    /// Like `ip link set dev NAME master VRF`.
    package static func join(vrf: Link, link: Link) -> NetlinkRequest {
        enslave(link, to: vrf.index, "put link \(link.name) into VRF \(vrf.name)")
    }

    /// Takes a link out of its VRF, which loses as much.
    ///
    /// Like `ip link set dev NAME nomaster`.
    package static func leaveVRF(link: Link) -> NetlinkRequest {
        enslave(link, to: 0, "take link \(link.name) out of its VRF")
    }

    private static func enslave(_ link: Link, to master: Int32, _ operation: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: link.index))
        message.put(Int(IFLA_MASTER), UInt32(bitPattern: master))
        return NetlinkRequest(operation, message)
    }
}
