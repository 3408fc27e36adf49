// SPDX-License-Identifier: Apache-2.0
package import Linux
package import Netlink
package import Wiring

/// The host's end of an attachment's pair as the kernel has it, or where it would go.
package enum HostEnd: Hashable {
    case ours(Link)
    case free(VethPair.End)

    /// Looks for the host's end of an attachment.
    ///
    /// A link is ours when it bears both the name and the address that follow from the attachment.
    ///
    /// `isNew`: nobody recorded the attachment before, so the first free name does: an end that is under a later one
    /// all the same has its other end in the container, where ADD looks too.
    ///
    /// - Throws: ``KernelError``; `EEXIST` when strangers have all the names.
    package static func find(
        of key: AttachmentKey,
        on host: borrowing NetlinkSocket,
        isNew: Bool = false
    ) throws(KernelError) -> HostEnd {
        var free: VethPair.End?
        for attempt in 0..<AttachmentKey.hostEndAttempts {
            let (name, address) = key.hostEnd(attempt: attempt)
            guard let link = try host.link(named: name) else {
                free = free ?? VethPair.End(name: name, address: address)
                if isNew { break }
                continue
            }
            if link.address == address, link.kind == "veth" { return .ours(link) }
        }
        guard let free else {
            throw KernelError("name the host's end of \(key)", .fileExists, explanation: "all its names are taken")
        }
        return .free(free)
    }

    /// Removes the host's end of an attachment, and with it the container's; that there is none is no error.
    ///
    /// - Returns: whether there was one.
    /// - Throws: ``KernelError``.
    @discardableResult
    package static func remove(of key: AttachmentKey, on host: borrowing NetlinkSocket) throws(KernelError) -> Bool {
        guard case .ours(let link) = try find(of: key, on: host) else { return false }
        try removeLink(link, on: host)
        return true
    }

    /// Removes a link that may be going at this very moment: its namespace dies, or another DEL is faster.
    ///
    /// - Throws: ``KernelError``.
    package static func removeLink(_ link: Link, on socket: borrowing NetlinkSocket) throws(KernelError) {
        Transaction.forgetGuard(of: link)
        do throws(KernelError) {
            try socket.execute(.deleteLink(named: link.name))
        } catch {
            guard error.errno == .noSuchDevice else { throw error }
        }
    }
}
