// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import Linux
package import Netlink
package import Wiring

/// A link with its addresses and routes, as the kernel has them.
package struct SeenLink: Hashable, Sendable {
    /// Where packets go: as far as it matters whether a route is there.
    package struct Way: Hashable, Sendable {
        package let destination: CIDR
        package let gateway: IPAddress?

        package init(_ destination: CIDR, via gateway: IPAddress? = nil) {
            self.destination = destination.network
            self.gateway = gateway
        }
    }

    package let name: String
    package let isUp: Bool
    package let addresses: [CIDR]
    /// Of a container's link those of all links, as later plugins may have moved routes elsewhere.
    package let ways: [Way]

    package init(name: String, isUp: Bool, addresses: [CIDR] = [], ways: [Way] = []) {
        self.name = name
        self.isUp = isUp
        self.addresses = addresses
        self.ways = ways
    }

    /// Looks at a link.
    ///
    /// - Parameters:
    ///   - link: which one.
    ///   - socket: in its namespace.
    ///   - isAlone: whether only its own routes count.
    /// - Throws: ``KernelError``.
    init(_ link: Link, on socket: borrowing NetlinkSocket, isAlone: Bool) throws(KernelError) {
        name = link.name
        isUp = link.isUp
        addresses = try socket.addresses(ofLink: link.index).map { $0.address }
        var ways: [Way] = []
        for family in [AddressFamily.v4, .v6] {
            for route in try socket.installedRoutes(family) where !isAlone || route.link == link.index {
                ways.append(Way(route.destination, via: route.gateway))
            }
        }
        self.ways = ways
    }

    /// Whether packets go the way of a route; of default routes any will do, as for CHECK.
    package func has(_ route: Route) -> Bool {
        ways.contains { way in
            guard way.destination.family == route.destination.family else { return false }
            if route.destination.isDefaultRoute { return way.destination.isDefaultRoute }
            return way.destination == route.destination.network
                && (route.gateway == nil || way.gateway == route.gateway)
        }
    }

    /// The routes to the networks of these addresses, which the kernel makes with them, and an operator may remove.
    static func connections(_ addresses: [CIDR]) -> [Route] {
        var routes: [Route] = []
        for address in addresses where address.prefixLength < address.family.bitWidth {
            var route = Route(destination: address.network)
            route.preferredSource = address.family == .v4 ? address.address : nil
            if !routes.contains(where: { $0.destination == route.destination }) { routes.append(route) }
        }
        return routes
    }
}

/// What is wrong with a link, in words, and the change that puts it right.
package struct Shortfall: Hashable, Sendable {
    package let findings: [String]
    package let remedy: Change

    package init(findings: [String], remedy: Change) {
        self.findings = findings
        self.remedy = remedy
    }
}

extension InterfaceSpecification {
    /// What a container's link lacks; nil when it is as it should be.
    ///
    /// First things first: routes need the link up and its addresses there, and are looked at when these are.
    ///
    /// `table`: where routes go that are for no other one; nil is the main table.
    package func shortfall(_ seen: SeenLink, table: Int? = nil) -> Shortfall? {
        let missing = addresses.filter { !seen.addresses.contains($0) }
        var findings = missing.map { "\(name) lacks address \($0)" }
        if isUp, !seen.isUp { findings.append("\(name) is down") }
        if !findings.isEmpty { return Shortfall(findings: findings, remedy: .interface(narrowed(missing, []))) }
        guard isUp else { return nil }
        let wanted = (connectsNetworks ? SeenLink.connections(addresses) : []) + routes
        let lost = wanted.filter { !seen.has($0) }
        guard !lost.isEmpty else { return nil }
        let placed = lost.map { route in
            var route = route
            route.table = route.table ?? table
            return route
        }
        return Shortfall(findings: lost.map { $0.loss(of: name) }, remedy: .interface(narrowed([], placed)))
    }

    private func narrowed(_ addresses: [CIDR], _ routes: [Route]) -> InterfaceSpecification {
        InterfaceSpecification(
            name: name,
            addresses: addresses,
            routes: routes,
            isUp: isUp,
            detectsDuplicates: detectsDuplicates,
            mayHaveAddresses: true,
            announcement: announcement,
            keepsDetection: keepsDetection,
            connectsNetworks: connectsNetworks
        )
    }
}

extension HostEndSpecification {
    /// What the host's end of a pair lacks that no bridge carries; nil when it is as it should be.
    package func shortfall(_ seen: SeenLink) -> Shortfall? {
        // Down, it loses its routes again.
        guard seen.isUp else { return nil }
        let missing = addresses.filter { !seen.addresses.contains($0) }
        guard missing.isEmpty else {
            return Shortfall(
                findings: missing.map { "\(name) lacks address \($0)" },
                remedy: .hostEnd(HostEndSpecification(name: name, addresses: missing, routes: []))
            )
        }
        let lost = routes.filter { !seen.has($0) }
        guard !lost.isEmpty else { return nil }
        return Shortfall(
            findings: lost.map { $0.loss(of: name) },
            remedy: .hostEnd(HostEndSpecification(name: name, addresses: [], routes: lost))
        )
    }
}

extension SharedAddress {
    /// What a gateway's link lacks; nil when it is as it should be.
    package func shortfall(_ seen: SeenLink) -> Shortfall? {
        guard seen.addresses.contains(address) else {
            return Shortfall(findings: ["\(link) lacks address \(address)"], remedy: .sharedAddress(self))
        }
        let lost = SeenLink.connections([address]).filter { !seen.has($0) }
        guard seen.isUp, !lost.isEmpty else { return nil }
        return Shortfall(
            findings: lost.map { $0.loss(of: link) },
            remedy: .hostEnd(HostEndSpecification(name: link, addresses: [], routes: lost))
        )
    }
}

extension Route {
    fileprivate func loss(of link: String) -> String {
        let way = gateway.map { " via \($0)" } ?? ""
        return "\(link) lacks the route to \(destination)\(way)"
    }
}
