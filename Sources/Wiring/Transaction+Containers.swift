// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Linux
internal import Netlink
internal import SystemPackage

// What belongs to one container.
extension Transaction {
    /// How long a port may take until its bridge passes frames; with both ends up it is a matter of microseconds.
    private static let operationalBound = Duration.seconds(5)

    mutating func make(_ pair: VethPair, bridge: String) throws(KernelError) {
        let index = link(bridge).index
        try host.execute(.addVethPair(pair, bridge: index, namespace: container.rawDescriptor))
        guard let link = try host.link(named: pair.host.name) else {
            throw KernelError("find link \(pair.host.name)", .noSuchDevice)
        }
        links[pair.host.name] = link
        containerIndex = link.peerIndex
        setIfPossible(Sysctl("ipv6", "conf", pair.host.name, "accept_ra"), "0")
    }

    mutating func make(_ port: PortSpecification) throws(KernelError) {
        let index = link(port.name).index
        var requests: [NetlinkRequest] = []
        if port.isHairpin || port.isIsolated {
            requests.append(
                .setPort(index, name: port.name, isHairpin: port.isHairpin, isIsolated: port.isIsolated)
            )
        }
        if !port.vlans.isEmpty {
            if !port.keepsDefaultVLAN {
                requests.append(.removeVLANs([.tagged(1...1)], from: index, name: port.name))
            }
            requests.append(.addVLANs(port.vlans, to: index, name: port.name))
        }
        try host.execute(requests)
    }

    mutating func make(_ interface: InterfaceSpecification) throws(KernelError) {
        guard let index = containerIndex else { preconditionFailure("the plan names an interface before making it") }
        var settings: [(Sysctl, String)] = []
        if !interface.detectsDuplicates {
            settings.append((Sysctl("ipv6", "conf", interface.name, "enhanced_dad"), "0"))
            settings.append((Sysctl("ipv6", "conf", interface.name, "accept_dad"), "0"))
        }
        let needsIPv6 = interface.addresses.contains { $0.family == .v6 }
        if needsIPv6 {
            settings.append((Sysctl("ipv6", "conf", "lo", "disable_ipv6"), "0"))
            settings.append((Sysctl("ipv6", "conf", interface.name, "disable_ipv6"), "0"))
            settings.append((Sysctl("ipv6", "conf", interface.name, "keep_addr_on_down"), "1"))
        }
        let socket = try visit(setting: settings)
        let name = interface.name
        var requests = [NetlinkRequest.setARPNotify(link: index, name: name)]
        requests += interface.addresses.map { address in
            .addAddress(address, to: index, name: name, detectsDuplicates: interface.detectsDuplicates)
        }
        if interface.isUp { requests.append(.setUp(true, link: index, name: name)) }
        requests += interface.routes.map { .addRoute($0, through: index, name: name) }
        try socket.execute(requests)
    }

    /// One visit to the container serves everything: settings are written inside, the socket stays abroad.
    private mutating func visit(setting settings: [(Sysctl, String)]) throws(KernelError) -> NetlinkSocket {
        var refusals: [KernelError] = []
        let socket = try container.run(from: home) { () throws(KernelError) -> NetlinkSocket in
            for (sysctl, value) in settings {
                do throws(KernelError) {
                    try sysctl.set(value)
                } catch {
                    refusals.append(error)
                }
            }
            return try NetlinkSocket()
        }
        // In a user namespace much is read-only, and a kernel without a setting does not need it.
        warnings += refusals.filter { $0.errno != .noSuchFileOrDirectory }.map { "\($0)" }
        return socket
    }

    mutating func makeOperational(_ port: String) throws(KernelError) {
        let index = link(port).index
        do throws(KernelError) {
            // Listening and learning are on the way to forwarding, at the bridge's own pace. IEEE 802.1D, 8.4.
            try host.wait(forLink: index, atMost: Transaction.operationalBound) { link in
                link.isOperational && (1...3).contains(link.port?.state ?? 0)
            }
        } catch {
            throw KernelError("bring bridge port \(port) into operation", error.errno)
        }
    }
}
