// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import Netlink

// Links on the host that lead to a process.
extension Transaction {
    mutating func make(_ tap: SharedTap) throws(KernelError) {
        let name = tap.name
        var found = try host.link(named: name)
        if found == nil {
            do throws(KernelError) {
                try TapDevice.make(name, hasManyQueues: false, owner: nil, group: nil, label: "")
            } catch {
                // Another process may be making it at the same moment.
                guard error.errno == .busy else { throw error }
            }
            found = try host.link(named: name)
        }
        guard let link = found else { throw KernelError("find link \(name)", .noSuchDevice) }
        guard link.kind == "tun" else {
            let kind = link.kind.isEmpty ? "not virtual" : "of kind \(link.kind)"
            throw KernelError("use \(name) as tap", .fileExists, explanation: "the link exists and is \(kind)")
        }
        // The host is not an IPv6 client of its containers.
        if link.acceptsRouterAdvertisements != false { setIfPossible(Sysctl("ipv6", link: name, "accept_ra"), "0") }
        // Until its own address is checked, an IPv6 host asks for no neighbour.
        if !link.isUp { setIfPossible(Sysctl("ipv6", link: name, "accept_dad"), "0") }
        var requests: [NetlinkRequest] = []
        if tap.mtu > 0, !link.isUp, Int(link.mtu) != tap.mtu {
            var adjustment = LinkAdjustment()
            adjustment.mtu = tap.mtu
            requests += NetlinkRequest.adjust(link.index, name: name, adjustment)
        }
        if !link.isUp { requests.append(.setUp(true, link: link.index, name: name)) }
        try host.execute(requests)
        remember(link)
    }
}
