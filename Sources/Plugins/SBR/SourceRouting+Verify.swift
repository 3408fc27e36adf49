// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

// CHECK and STATUS
extension SourceRouting {
    /// Whether packets from each address still are routed as ADD left it.
    func verify() throws(CNIError) {
        guard let promised = request.configuration.previousResult else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        let configuration = try SourceRoutingConfiguration(request)
        let container = try request.openNamespace()
        let (link, rules, routes) = try translating("cannot look at container \(request.invocation.containerID)") {
            () throws(KernelError) in
            let socket = try open(container)
            let link = try socket.link(named: name)
            let rules = try socket.rules(.v4) + socket.rules(.v6)
            return (link, rules, try socket.installedRoutes(.v4) + socket.installedRoutes(.v6))
        }
        var complaints = link == nil ? ["interface \(name) is missing"] : []
        if let link {
            let own = routes.filter { $0.link == link.index }
            for ip in addresses(in: promised) {
                complaints += self.complaints(about: ip, rules, own, configuration)
            }
        }
        guard complaints.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "container \(request.invocation.containerID) does not route by source addresses as promised",
                details: complaints.joined(separator: "; ")
            )
        }
    }

    private func complaints(
        about ip: AddResult.IPConfiguration,
        _ rules: [RoutingRule],
        _ routes: [InstalledRoute],
        _ configuration: SourceRoutingConfiguration
    ) -> [String] {
        let address = ip.address.address
        let mine = rules.filter { $0.isPlain && $0.source == CIDR.host(address) }
        if let table = configuration.table {
            let isThere = mine.contains { $0.table == table }
            return isThere ? [] : ["rule from \(address) lookup \(table) is missing"]
        }
        guard let rule = mine.first(where: { SourceRoutingPlan.isOurs(table: $0.table) }) else {
            return ["rule from \(address) is missing"]
        }
        let table = routes.filter { $0.table == rule.table && $0.family == address.family }
        let everywhere = table.filter { $0.destination.isDefaultRoute }
        if configuration.hasGateway(address.family), let gateway = configuration.gateway(for: ip),
            !everywhere.contains(where: { $0.gateway == gateway })
        {
            return ["table \(rule.table) of \(address) has no default route via \(gateway)"]
        }
        // Without a gateway of the configuration's any default route will do: later plugins replace them.
        if configuration.gateway(for: ip) != nil, everywhere.isEmpty {
            return ["table \(rule.table) of \(address) has no default route through \(name)"]
        }
        return table.isEmpty ? ["table \(rule.table) of \(address) has no routes through \(name)"] : []
    }

    /// Whether this kernel routes by rules, and the configuration makes sense.
    func probe() throws(CNIError) {
        _ = try SourceRoutingConfiguration(request)
        _ = try translating("cannot route by source addresses", .unavailable) { () throws(KernelError) in
            try NetlinkSocket().rules(.v4)
        }
    }
}
