// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
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
        var findings = InterfaceFindings(request)
        compare(seen, with: configuration, &findings)
        findings.compare(seen.container, with: promised)
        try translating(intention) { () throws(KernelError) in
            findings.add(missing: try missingFilters(configuration, promised, seen))
            for complaint in try missingGuards(configuration, seen) { findings.add(complaint) }
            for complaint in try missingShortcut(configuration, promised, seen) { findings.add(complaint) }
        }
        try findings.refuse(
            "container \(request.key.containerID) is not on bridge \(configuration.bridge) as promised"
        )
    }

    private func missingFilters(
        _ configuration: BridgeConfiguration,
        _ promised: AddResult,
        _ seen: Observation
    ) throws(KernelError) -> [String] {
        let plan = configuration.filters.plan(
            for: request.key,
            port: seen.port?.name ?? "",
            address: seen.container.interface?.address,
            addresses(promised)
        )
        return plan.isEmpty ? [] : try plan.missing()
    }

    private func missingShortcut(
        _ configuration: BridgeConfiguration,
        _ promised: AddResult,
        _ seen: Observation
    ) throws(KernelError) -> [String] {
        guard configuration.hasShortcut, let port = seen.port, let bridge = seen.bridge, port.master == bridge.index,
            let address = seen.container.interface?.address
        else { return [] }
        let shortcut = configuration.shortcut(port.name, address: address, addresses(promised))
        return try shortcut?.missing(
            link: port.index,
            bridge: bridge.index,
            sparesRefused: true,
            isGuarded: bridge.isGuarded
        ) ?? []
    }

    /// What programs at the ports do not keep of the VLANs of a bridge that cannot tell them apart.
    private func missingGuards(
        _ configuration: BridgeConfiguration,
        _ seen: Observation
    ) throws(KernelError) -> [String] {
        guard let bridge = seen.bridge, let port = seen.port, port.master == bridge.index,
            bridge.bridge?.canFilterVLANs == false
        else { return [] }
        guard bridge.isGuarded else {
            guard configuration.filtersVLANs else { return [] }
            return ["bridge \(bridge.name) does not tell VLANs apart"]
        }
        var missing = try configuration.port(port.name, address: seen.container.interface?.address)
            .missingGuard(link: port.index)
        guard configuration.filtersVLANs else { return missing }
        for name in try Transaction.unguardedPorts(of: bridge, on: try NetlinkSocket()) {
            missing.append("\(name) is on bridge \(bridge.name), and no programs keep it to a VLAN")
        }
        return missing
    }

    /// The container's addresses; those that name no interface are its too, as for everybody who reads results.
    private func addresses(_ promised: AddResult) -> [CIDR] {
        promised.ips.filter { ip in
            guard let interface = promised.interface(of: ip) else { return ip.interface == nil }
            return interface.name == request.key.interfaceName
        }.map { $0.address }
    }

    /// What the kernel says of a container's attachment.
    private struct Observation {
        var bridge: Link?
        var port: Link?
        let container: InterfaceObservation
    }

    private func observe(
        in container: borrowing NetworkNamespace,
        bridge: String
    ) throws(KernelError) -> Observation {
        let home = try NetworkNamespace.current()
        let host = try NetlinkSocket()
        let inside = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
        var seen = Observation(container: try InterfaceObservation(of: request.invocation.interfaceName, in: inside))
        seen.bridge = try host.link(named: bridge)
        if let peer = seen.container.interface?.peerIndex { seen.port = try host.link(index: peer) }
        return seen
    }

    /// Whether the network could take another container.
    func probe() throws(CNIError) {
        let configuration = try BridgeConfiguration(request)
        try request.probeRecords()
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
                try Transaction.requireVLANFiltering(of: link, byPrograms: configuration.hasShortcut)
            }
        }
        if configuration.filters.needsKernel {
            try translating("cannot filter packets", .unavailable) { () throws(KernelError) in
                try FilterEngine().probe()
            }
        }
        // Containers are served without it.
        if configuration.hasShortcut, let reason = Shortcut.probe() { Machine.log("bridge: no shortcut: \(reason)") }
        try AddressDelegate(for: request)?.status()
    }

    private func compare(
        _ seen: Observation,
        with configuration: BridgeConfiguration,
        _ findings: inout InterfaceFindings
    ) {
        let name = request.invocation.interfaceName
        guard let bridge = seen.bridge, bridge.kind == "bridge" else {
            return findings.add("bridge \(configuration.bridge) is missing")
        }
        if configuration.isPromiscuous, !bridge.isPromiscuous {
            findings.add("bridge \(configuration.bridge) is not promiscuous")
        }
        guard let interface = seen.container.interface else { return }
        if !configuration.disablesContainerInterface, !interface.isUp { findings.add("\(name) is down") }
        guard let port = seen.port, port.kind == "veth", port.peerIndex == interface.index else {
            return findings.add("\(name) has no veth peer on the host")
        }
        if port.master != bridge.index {
            findings.add("\(port.name) is not a port of bridge \(configuration.bridge)")
        }
        let wanted = configuration.port(port.name, address: interface.address)
        for complaint in wanted.missing(from: port.port) { findings.add(complaint) }
    }
}
