// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// DEL and GC
extension BridgePort {
    /// Takes the container off the bridge; needs neither its namespace nor the result of its ADD, and can be repeated.
    func disconnect() throws(CNIError) {
        let key = request.key
        try request.detach("cannot disconnect container \(key.containerID)") { record throws(KernelError) in
            let host = try NetlinkSocket()
            if try !removeEnd(of: key, record, on: host) {
                // It went with its container, and nobody knows its number any more; without the key, too, programs may
                // have kept it to a VLAN.
                BridgePort.sayIfRefused { () throws(KernelError) in try Shortcut.sweep(on: host) }
                // Of a pair that somebody else made nobody can name the host's end: the other one is removed.
                try request.removeInside(of: key, nil, kinds: ["veth"])
            }
            try InterfaceFilters.remove(from: key, record, in: request.attachments)
        }
    }

    /// Removes every attachment of the network but the survivors, and those younger than this call.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        try request.sweep(sparing: surviving, hasFilters: true) { key, record, host throws(KernelError) in
            try removeEnd(of: key, record, on: host)
            try InterfaceFilters.remove(from: key, record, in: request.attachments)
        }
        BridgePort.sayIfRefused { () throws(KernelError) in try Shortcut.sweep(on: try NetlinkSocket()) }
    }

    /// Removes the host's end of an attachment, and what leads past the bridge to it.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    private func removeEnd(
        of key: AttachmentKey,
        _ record: AttachmentRecord?,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> Bool {
        guard case .ours(let link) = try HostEnd.find(of: key, on: host) else { return false }
        if asksForShortcut(record) { BridgePort.removeShortcut(of: link) }
        try HostEnd.removeLink(link, on: host)
        return true
    }

    /// Whether an attachment has what leads past the bridge: by its record, or else by the network as it is now.
    func asksForShortcut(_ record: AttachmentRecord?) -> Bool {
        if let record { return BridgeConfiguration.asksForShortcut(JSONReader(record.configuration)) }
        return BridgeConfiguration.asksForShortcut(request.configuration.reader)
    }

    /// Forgets it while the link is there.
    static func removeShortcut(of link: Link) {
        sayIfRefused { () throws(KernelError) in try Shortcut.remove(link: link.index) }
    }

    /// What is left leads nowhere once the link is gone, and to no other: no container has to wait for that.
    private static func sayIfRefused(_ body: () throws(KernelError) -> Void) {
        do throws(KernelError) {
            try body()
        } catch {
            Machine.log("bridge: \(error)")
        }
    }
}
