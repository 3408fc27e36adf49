// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Journal
internal import Linux
internal import Netlink
internal import Plugin

// DEL
extension SourceRouting {
    /// Puts the interface's routes back and removes the rules of its addresses, if there still is a network at all; can
    /// be repeated.
    func undo() throws(CNIError) {
        let path = request.invocation.namespacePath
        guard !path.isEmpty else { return }
        let intention = "cannot undo the source routing of container \(request.invocation.containerID)"
        do throws(KernelError) {
            try undo(at: path)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
    }

    private func undo(at path: String) throws(KernelError) {
        let container: NetworkNamespace
        do throws(KernelError) {
            container = try NetworkNamespace(path: path)
        } catch {
            // Gone, or a plain file that a lost mount left behind: rules and routes went with the namespace.
            guard error.isMissingNamespace else { throw error }
            return
        }
        try container.lock(path, waitingAtMost: request.settings.lockBound)
        let socket = try open(container)
        let link = try socket.link(named: name)
        let promised = request.configuration.previousResult.map { self.addresses(in: $0) } ?? []
        var addresses = Set(promised.map { $0.address.address })
        if let link {
            for assigned in try socket.addresses(ofLink: link.index) where !assigned.isLinkLocal {
                addresses.insert(assigned.address.address)
            }
        }
        let only = try? SourceRoutingConfiguration.table(request.configuration.reader)
        let rules = try (socket.rules(.v4) + socket.rules(.v6)).filter { rule in
            guard rule.isPlain, let source = rule.source, source == CIDR.host(source.address) else { return false }
            return addresses.contains(source.address) && (only == nil || rule.table == only)
        }
        request.notes.enter(.links)
        // Rules last: as long as one is there, whoever is asked again finds the table.
        if let link, only == nil { try putBack(tables: Set(rules.map { $0.table }), of: link, on: socket) }
        for rule in rules {
            guard let source = rule.source else { continue }
            let request = NetlinkRequest.deleteRule(from: source.address, table: rule.table, priority: rule.priority)
            try tolerating(SourceRouting.settled, request, on: socket)
        }
    }

    /// Moves the interface's routes from tables of ours to the main one; where that has another route, it stays.
    private func putBack(tables: Set<Int>, of link: Link, on socket: borrowing NetlinkSocket) throws(KernelError) {
        guard !tables.isEmpty else { return }
        let routes = try (socket.installedRoutes(.v4) + socket.installedRoutes(.v6)).filter { route in
            route.link == link.index && tables.contains(route.table) && SourceRoutingPlan.isOurs(table: route.table)
        }
        for route in routes.filter({ $0.endsOnLink }) + routes.filter({ !$0.endsOnLink }) {
            do throws(KernelError) {
                try tolerating(
                    SourceRouting.settled,
                    .add(route, table: InstalledRoute.mainTable, rivals: .refuse),
                    on: socket
                )
            } catch {
                // What the main table cannot take is of no use without its rule either.
                Machine.log("sbr: \(error)")
            }
        }
        for route in routes { try tolerating(SourceRouting.settled, .delete(route, table: route.table), on: socket) }
    }
}
