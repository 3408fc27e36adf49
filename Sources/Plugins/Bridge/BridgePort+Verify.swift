// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// CHECK and STATUS
extension BridgePort {
    /// Whether the container still is on the bridge as its ADD left it; what later plugins added is none of ours.
    func verify() throws(CNIError) {
        let configuration = try BridgeConfiguration(request)
        guard let promised = request.configuration.previousResult else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        try AddressDelegate(for: request)?.check()
        let container = try request.openNamespace()
        let intention = "cannot look at container \(request.key.containerID)"
        let seen = try translating(intention) { () throws(KernelError) in
            try observe(in: container, bridge: configuration.bridge)
        }
        var findings = Findings(name: request.invocation.interfaceName, sandbox: request.invocation.namespacePath)
        findings.compare(seen, with: configuration)
        findings.compare(seen, with: promised)
        try translating(intention) { () throws(KernelError) in
            findings.add(try missingFilters(configuration, promised, seen))
        }
        guard findings.complaints.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "container \(request.key.containerID) is not on bridge \(configuration.bridge) as promised",
                details: findings.complaints.joined(separator: "; ")
            )
        }
    }

    private func missingFilters(
        _ configuration: BridgeConfiguration,
        _ promised: AddResult,
        _ seen: Observation
    ) throws(KernelError) -> [String] {
        // Addresses that name no interface are the container's too, as for everybody who reads results.
        let own = promised.ips.filter { ip in
            guard let interface = promised.interface(of: ip) else { return ip.interface == nil }
            return interface.name == request.key.interfaceName
        }
        let plan = configuration.filters.plan(
            for: request.key,
            port: seen.port?.name ?? "",
            address: seen.interface?.address,
            own.map { $0.address }
        )
        return plan.isEmpty ? [] : try plan.missing()
    }

    /// What the kernel says of a container's attachment.
    struct Observation {
        var bridge: Link?
        var port: Link?
        var interface: Link?
        var addresses: [CIDR] = []
        var routes: [Route] = []
    }

    private func observe(
        in container: borrowing NetworkNamespace,
        bridge: String
    ) throws(KernelError) -> Observation {
        var seen = Observation()
        let home = try NetworkNamespace.current()
        let host = try NetlinkSocket()
        let inside = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
        seen.bridge = try host.link(named: bridge)
        seen.interface = try inside.link(named: request.invocation.interfaceName)
        guard let interface = seen.interface else { return seen }
        if let peer = interface.peerIndex { seen.port = try host.link(index: peer) }
        seen.addresses = try inside.addresses(ofLink: interface.index).map { $0.address }
        for family in [AddressFamily.v4, .v6] { seen.routes += try inside.routes(family) }
        return seen
    }

    /// Whether the network could take another container.
    func probe() throws(CNIError) {
        let configuration = try BridgeConfiguration(request)
        let link = try translating("cannot look at bridge \(configuration.bridge)", .unavailable) {
            () throws(KernelError) in
            try NetlinkSocket().link(named: configuration.bridge)
        }
        if let link, link.kind != "bridge" {
            throw CNIError(
                .unavailable,
                "\(configuration.bridge) exists and is not a bridge",
                details: "the link is of kind \"\(link.kind)\"; remove it, or name another bridge"
            )
        }
        if let link, configuration.filtersVLANs {
            try translating("cannot use VLANs on bridge \(configuration.bridge)", .unavailable) {
                () throws(KernelError) in
                try Transaction.requireVLANFiltering(of: link)
            }
        }
        if configuration.filters.needsKernel {
            try translating("cannot filter packets", .unavailable) { () throws(KernelError) in
                try FilterEngine().probe()
            }
        }
        try AddressDelegate(for: request)?.status()
    }
}

/// Collects what is not as it should be.
private struct Findings {
    let name: String
    let sandbox: String
    private(set) var complaints: [String] = []

    init(name: String, sandbox: String) {
        self.name = name
        self.sandbox = sandbox
    }

    mutating func add(_ missing: [String]) {
        complaints += missing.map { "missing: \($0)" }
    }

    mutating func compare(_ seen: BridgePort.Observation, with configuration: BridgeConfiguration) {
        guard let bridge = seen.bridge, bridge.kind == "bridge" else {
            complaints.append("bridge \(configuration.bridge) is missing")
            return
        }
        if configuration.isPromiscuous, !bridge.isPromiscuous {
            complaints.append("bridge \(configuration.bridge) is not promiscuous")
        }
        guard let interface = seen.interface else { return }
        if !configuration.disablesContainerInterface, !interface.isUp { complaints.append("\(name) is down") }
        guard let port = seen.port, port.kind == "veth", port.peerIndex == interface.index else {
            complaints.append("\(name) has no veth peer on the host")
            return
        }
        if port.master != bridge.index {
            complaints.append("\(port.name) is not a port of bridge \(configuration.bridge)")
        }
        if configuration.isHairpin, port.port?.isHairpin == false {
            complaints.append("\(port.name) is no hairpin port")
        }
        if configuration.isIsolated, port.port?.isIsolated == false {
            complaints.append("\(port.name) is not isolated")
        }
    }

    mutating func compare(_ seen: BridgePort.Observation, with promised: AddResult) {
        guard let interface = seen.interface else {
            complaints.append("interface \(name) is missing in \(sandbox)")
            return
        }
        let index = promised.interfaces.firstIndex { $0.name == name && $0.sandbox == sandbox }
        guard let index else {
            complaints.append("prevResult does not list \(name) in \(sandbox)")
            return
        }
        let mac = promised.interfaces[index].mac
        if !mac.isEmpty, MACAddress(mac) != interface.address {
            complaints.append("\(name) has MAC \(interface.address.map { "\($0)" } ?? "none") instead of \(mac)")
        }
        // Addresses without an interface, or on another one, are other plugins' business.
        for ip in promised.ips where ip.interface == index && !seen.addresses.contains(ip.address) {
            complaints.append("\(name) lacks address \(ip.address)")
        }
        for route in promised.routes where !seen.routes.contains(where: { isSame(route, as: $0) }) {
            let way = route.gateway.map { " via \($0)" } ?? ""
            complaints.append("route to \(route.destination)\(way) is missing")
        }
    }

    /// Of default routes any will do: other plugins and administrators replace them.
    private func isSame(_ promised: AddResult.Route, as seen: Route) -> Bool {
        guard promised.destination.family == seen.destination.family else { return false }
        if promised.destination.isDefaultRoute { return seen.destination.isDefaultRoute }
        guard promised.destination.network == seen.destination.network else { return false }
        return promised.gateway == nil || promised.gateway == seen.gateway
    }
}
