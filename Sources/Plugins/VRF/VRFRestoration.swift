// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import CNI
internal import Linux
internal import Netlink
package import Plugin

/// Puts an interface back into its VRF that somebody has taken out of it, while its container runs.
package struct VRFRestoration {
    private let membership: VRFMembership
    private let configuration: VRFConfiguration
    /// What the interface's own routes lead to: those that its plugin promised, its networks, and its gateways.
    private let destinations: [CIDR]

    /// Reads what ADD was told.
    ///
    /// `request`: that ADD, with the result of the plugin that made the interface.
    /// - Throws: ``CNIError`` when it makes no sense.
    package init(_ request: Request) throws(CNIError) {
        membership = VRFMembership(request)
        configuration = try VRFConfiguration(request)
        destinations = VRFRestoration.destinations(of: request.configuration.previousResult)
    }

    /// Where an interface's own routes lead, each destination once.
    static func destinations(of promised: AddResult?) -> [CIDR] {
        guard let promised else { return [] }
        var all = promised.routes.filter { $0.table == nil }.map { $0.destination.network }
        for ip in promised.ips {
            if ip.address.prefixLength < ip.address.family.bitWidth { all.append(ip.address.network) }
            if let gateway = ip.gateway.flatMap({ CIDR(address: $0, prefixLength: $0.family.bitWidth) }) {
                all.append(gateway)
            }
        }
        var once: [CIDR] = []
        for destination in all where !once.contains(destination) { once.append(destination) }
        return once
    }

    /// What is wrong, in words; nothing when all is well, or the interface is not there.
    ///
    /// - Throws: ``CNIError`` when nobody can look.
    package func findings() throws(CNIError) -> [String] {
        let container = try membership.request.openNamespace()
        return try translating("cannot look for VRF \(configuration.name)") { () throws(KernelError) in
            guard try membership.open(container).link(named: membership.name) != nil else { return [] }
            return try membership.complaints(configuration, destinations, in: container)
        }
    }

    /// Does what ADD does, and of an interface that is in the VRF, moves its routes there; can be repeated.
    ///
    /// - Throws: ``CNIError``, also when the interface has got another master, or the VRF's name or table is somebody
    ///   else's: whoever did that has to say.
    package func putRight() throws(CNIError) {
        let intention = "cannot put \(membership.name) back into VRF \(configuration.name)"
        let container = try membership.request.openNamespace()
        let isMember = try translating(intention) { () throws(KernelError) in
            let socket = try membership.open(container)
            let found = try VRFDomain(of: membership.name, named: configuration.name, on: socket)
            guard let found else { return false }
            return try socket.link(named: membership.name)?.master == found.link.index
        }
        guard isMember else {
            _ = try membership.join()
            return
        }
        let path = membership.request.invocation.namespacePath
        try translating(intention) { () throws(KernelError) in
            try container.lock(path, waitingAtMost: membership.request.settings.lockBound)
        }
        let socket = try translating(intention) { () throws(KernelError) in try membership.open(container) }
        let domain = try membership.domain(configuration, on: socket, intention)
        try translating(intention) { () throws(KernelError) in try gather(into: domain, on: socket) }
    }

    /// Moves the interface's own routes from the main table into the VRF's, those to the link first.
    private func gather(into domain: VRFDomain, on socket: borrowing NetlinkSocket) throws(KernelError) {
        guard let link = try socket.link(named: membership.name) else { return }
        let routes = try VRFBelongings.routes(of: link, on: socket)
        let lost = routes.filter { route in
            guard route.isUnicast, route.table == InstalledRoute.mainTable else { return false }
            return destinations.contains(route.destination.network)
                && !routes.contains { $0.table == domain.table && $0.destination == route.destination }
        }
        for route in lost.filter({ $0.endsOnLink }) + lost.filter({ !$0.endsOnLink }) {
            try membership.tolerating([.fileExists], .add(route, table: domain.table), on: socket)
        }
        for route in lost {
            try membership.tolerating([.noSuchProcess], .delete(route, table: InstalledRoute.mainTable), on: socket)
        }
    }
}
