// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
package import Linux

// Whole tables, for who looks at all of a host; never on the way of an ADD.
extension NetlinkSocket {
    /// All links of the namespace, with the notes on them.
    ///
    /// Of an overlay (VXLAN), which names the link below in a place of its own, that is `peerIndex` too.
    ///
    /// - Throws: ``KernelError``.
    package func everyLink() throws(KernelError) -> [NotedLink] {
        try links().compactMap { reply in
            guard let noted = NotedLink(reply), noted.link.kind == "vxlan" else { return NotedLink(reply) }
            let info = NetlinkAttributes(reply.payload.dropFirst(16))[Int(IFLA_LINKINFO)]
            let data = info.flatMap { NetlinkAttributes($0)[Int(IFLA_INFO_DATA)] }
            var link = noted.link
            link.peerIndex = data.flatMap { NetlinkAttributes($0)[Int(IFLA_VXLAN_LINK)] }?.integer(as: Int32.self)
            return NotedLink(link: link, alias: noted.alias)
        }
    }

    /// All addresses of the namespace, of both families.
    ///
    /// - Throws: ``KernelError``.
    package func everyAddress() throws(KernelError) -> [AssignedAddress] {
        let message = NetlinkMessage(type: RTM_GETADDR, flags: NLM_F_DUMP)
        message.append(ifaddrmsg(family: 0, prefix: 0, index: 0))
        return try list(NetlinkRequest("list addresses", message)).compactMap { AssignedAddress($0) }
    }
}
