// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Linux
internal import Netlink

/// What the kernel takes from an interface that gets into a VRF or out of it.
///
/// It flushes all routes through the interface, in whatever table, and the addresses of IPv6 unless these are kept
/// (`keep_addr_on_down`); those of IPv4 stay. In the new table it makes only the routes that follow from addresses.
struct VRFBelongings {
    let addresses: [InstalledAddress]
    /// Through the interface alone, of all tables but `local`.
    let routes: [InstalledRoute]

    init(addresses: [InstalledAddress], routes: [InstalledRoute]) {
        self.addresses = addresses
        self.routes = routes
    }

    /// Looks at what an interface has.
    init(of link: Link, on socket: borrowing NetlinkSocket) throws(KernelError) {
        addresses = try socket.installedAddresses(ofLink: link.index)
        routes = try VRFBelongings.routes(of: link, on: socket)
    }

    static func routes(of link: Link, on socket: borrowing NetlinkSocket) throws(KernelError) -> [InstalledRoute] {
        try (socket.installedRoutes(.v4) + socket.installedRoutes(.v6)).filter { $0.links == [link.index] }
    }

    /// The addresses that are not among those that there are now.
    func missing(among present: [InstalledAddress]) -> [InstalledAddress] {
        addresses.filter { old in !present.contains { $0.address == old.address } }
    }

    /// What has to happen to routes so that the interface has those again which it had.
    ///
    /// - Parameters:
    ///   - present: what there is now.
    ///   - move: routes of the first table are to be in the second one; all others where they were.
    /// - Returns: what is missing, and what is too much.
    func repair(_ present: [InstalledRoute], moving move: (from: Int, to: Int)) -> VRFRouteRepair {
        let wanted = routes.filter { $0.isUnicast }.map { route in
            VRFRouteRepair.Place(route: route, table: route.table == move.from ? move.to : route.table)
        }
        let missing = wanted.filter { place in
            !present.contains { $0.table == place.table && $0.leads(as: place.route) }
        }
        let excess = present.filter { route in
            guard route.isUnicast, route.isOfKernel, route.table == move.to, !route.isLinkLocal else { return false }
            return !wanted.contains { $0.table == route.table && $0.route.leads(as: route) }
        }
        // Those to the link first, so that gateways can be reached.
        return VRFRouteRepair(
            missing: missing.filter { $0.route.endsOnLink } + missing.filter { !$0.route.endsOnLink },
            excess: excess
        )
    }
}

/// What is wrong with the routes of an interface.
struct VRFRouteRepair {
    /// A route, and the table that it belongs in.
    struct Place {
        let route: InstalledRoute
        let table: Int
    }

    let missing: [Place]
    /// What the kernel made for addresses, though somebody had taken it away before.
    let excess: [InstalledRoute]
}

extension InstalledRoute {
    /// Whether two routes are the same but for their tables.
    fileprivate func leads(as other: InstalledRoute) -> Bool {
        destination == other.destination && gateway == other.gateway && priority == other.priority
            && preferredSource == other.preferredSource && link == other.link && links == other.links
    }

    /// The kernel's own, of every link with IPv6.
    fileprivate var isLinkLocal: Bool { family == .v6 && destination.address.isLinkLocalUnicast }
}
