// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Netlink

/// How the routes of one interface are laid out in tables of their own, as values.
struct SourceRoutingPlan: Hashable {
    /// One address, the table that its packets are routed by, and what goes into it.
    struct Share: Hashable {
        let address: IPAddress
        let table: Int
        /// Routes of the main table, those to the link itself first, so that gateways can be reached.
        let copies: [InstalledRoute]
        /// A default route through this gateway; nil when a copy is in its place, or nobody names one.
        let gateway: IPAddress?
    }

    let shares: [Share]
    /// Routes that the main table keeps, with the address that packets to them leave with.
    let hints: [Hint]
    /// Routes that leave the main table, those through gateways first.
    let removals: [InstalledRoute]

    /// A route of the main table that tells senders without an address which one to take.
    struct Hint: Hashable {
        let route: InstalledRoute
        let address: IPAddress
    }

    /// What the kernel has before.
    struct Facts {
        let rules: [RoutingRule]
        /// Of all tables.
        let routes: [InstalledRoute]
        /// The interface's index.
        let link: Int32
    }

    /// The lowest table that is taken.
    private static let firstTable = 100
    /// `default`, `main` and `local`, which are everybody's (rt_tables of iproute2).
    private static let reserved = 253...255

    /// Whether a table may be one that an ADD took.
    static func isOurs(table: Int) -> Bool { table >= firstTable && !reserved.contains(table) }

    /// `ips`: those of the interface, in the result's order.
    init(_ ips: [AddResult.IPConfiguration], _ facts: Facts, _ configuration: SourceRoutingConfiguration) {
        let families = Set(ips.map { $0.address.family })
        // Without an address of its family a route could not be moved to anybody's table.
        let routes = facts.routes.filter { route in
            route.link == facts.link && route.table == InstalledRoute.mainTable && families.contains(route.family)
        }
        var taken = Set(facts.rules.map { $0.table } + facts.routes.map { $0.table }).union(Self.reserved)
        var shares: [Share] = []
        for ip in ips {
            var table = Self.firstTable
            while taken.contains(table) { table += 1 }
            taken.insert(table)
            shares.append(Self.share(ip, table, of: routes, among: ips, configuration))
        }
        self.shares = shares
        let movable = routes.filter { !$0.isLinkLocal }
        hints = configuration.addsSourceHints ? Self.hints(ips, movable) : []
        // Gateways first: on the way back they need the routes to the link.
        removals =
            movable.filter { !$0.endsOnLink }
            + (configuration.addsSourceHints ? [] : movable.filter { $0.endsOnLink })
    }

    private static func share(
        _ ip: AddResult.IPConfiguration,
        _ table: Int,
        of routes: [InstalledRoute],
        among ips: [AddResult.IPConfiguration],
        _ configuration: SourceRoutingConfiguration
    ) -> Share {
        let address = ip.address.address
        let isStatic = configuration.hasGateway(address.family)
        let copies = routes.filter { route in
            guard route.family == address.family else { return false }
            // A gateway that the configuration names is meant instead of any other.
            if isStatic, route.destination.isDefaultRoute { return false }
            let owners = ips.filter { belongs(route, to: $0) }
            // What belongs to none of them in particular belongs to all.
            return owners.isEmpty || owners.contains(ip)
        }
        let priority = priority(address.family)
        let isTaken = copies.contains { $0.destination.isDefaultRoute && $0.priority == priority }
        let gateway = isTaken ? nil : configuration.gateway(for: ip)
        return Share(
            address: address,
            table: table,
            copies: copies.filter { $0.endsOnLink } + copies.filter { !$0.endsOnLink },
            gateway: gateway.flatMap { $0.family == address.family ? $0 : nil }
        )
    }

    /// What the kernel gives a route without a priority: none, or of IPv6 that of an administrator's.
    private static func priority(_ family: AddressFamily) -> Int { family == .v4 ? 0 : 1024 }

    /// Whether a route is that of an address' network: by the address that packets leave with, or by its gateway.
    private static func belongs(_ route: InstalledRoute, to ip: AddResult.IPConfiguration) -> Bool {
        if let source = route.preferredSource, ip.address.contains(source) { return true }
        if let gateway = route.gateway, ip.address.contains(gateway) { return true }
        return false
    }

    /// The routes to the addresses' own networks, each network with its first address.
    private static func hints(_ ips: [AddResult.IPConfiguration], _ routes: [InstalledRoute]) -> [Hint] {
        var hints: [Hint] = []
        for ip in ips {
            for route in routes where route.endsOnLink && route.destination.network == ip.address.network {
                guard route.preferredSource == nil, !hints.contains(where: { $0.route == route }) else { continue }
                hints.append(Hint(route: route, address: ip.address.address))
            }
        }
        return hints
    }
}

extension InstalledRoute {
    /// The route to an interface's neighbours of IPv6: their packets name the interface themselves, and no rule is for
    /// their addresses.
    ///
    /// RFC 4007, 6.
    fileprivate var isLinkLocal: Bool {
        family == .v6 && endsOnLink && destination.prefixLength >= 10 && destination.address.isLinkLocalUnicast
    }
}

// The requests
extension SourceRoutingPlan {
    /// A step and the one that takes it back.
    struct Step: Hashable {
        let request: NetlinkRequest
        let inverse: NetlinkRequest
    }

    /// What makes the tables: rules first, so that whoever finds the rules finds all that was made.
    func filling(link: Int32, name: String) -> [Step] {
        var steps: [Step] = []
        for share in shares {
            steps.append(
                Step(
                    request: .addRule(from: share.address, table: share.table),
                    inverse: .deleteRule(from: share.address, table: share.table)
                )
            )
            for route in share.copies {
                steps.append(
                    Step(
                        request: .add(route, table: share.table),
                        inverse: .delete(route, table: share.table)
                    )
                )
            }
            if let gateway = share.gateway {
                let route = Self.defaultRoute(via: gateway, table: share.table)
                steps.append(
                    Step(
                        request: .addRoute(route, through: link, name: name),
                        inverse: .deleteRoute(route, through: link, name: name)
                    )
                )
            }
        }
        return steps
    }

    /// What takes the interface's routes out of the main table.
    var clearing: [Step] {
        removals.map { route in
            Step(
                request: .delete(route, table: InstalledRoute.mainTable),
                inverse: .add(route, table: InstalledRoute.mainTable)
            )
        }
    }

    /// What tells senders which address to take.
    var hinting: [Step] {
        hints.map { hint in
            Step(
                request: .add(
                    hint.route,
                    table: InstalledRoute.mainTable,
                    preferredSource: hint.address,
                    rivals: .go
                ),
                inverse: .add(hint.route, table: InstalledRoute.mainTable, rivals: .go)
            )
        }
    }

    private static func defaultRoute(via gateway: IPAddress, table: Int) -> Route {
        let any = gateway.family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
        guard let everywhere = CIDR(address: any, prefixLength: 0) else {
            preconditionFailure("no length is too long")
        }
        var route = Route(destination: everywhere, gateway: gateway)
        route.table = table
        // Said, so that taking it back finds this one and no other.
        route.priority = priority(gateway.family)
        return route
    }
}
