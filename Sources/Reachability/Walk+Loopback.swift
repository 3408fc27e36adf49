// SPDX-License-Identifier: Apache-2.0
internal import Addressing

// Addresses that mean whoever asks: 127.0.0.0/8 (RFC 1122, 3.2.1.3) and ::1 (RFC 4291, 2.5.3).
extension Walk {
    /// What comes from a wire and says that it never left its host (`ip_route_input_slow` and `ip6_rcv_core` of the
    /// kernel); of IPv4 `route_localnet` allows it.
    func refuseLoopback(_ packet: Packet, _ link: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        guard let family = packet.family, !link.leadsBack,
            packet.destinationAddress.isLoopback || packet.sourceAddress.isLoopback
        else { return nil }
        if family == .v4, model.namespaces[namespace].setting("route_localnet", of: link) != 0 { return nil }
        let origin = begun.flatMap { $0.link == nil ? $0.namespace : nil }
        return stop(
            .dropped,
            namespace,
            "\(title(namespace)) takes no packets of \(family == .v4 ? "127.0.0.0/8" : "::1") from \(link.name)",
            advice: origin.flatMap { loopbackAdvice(packet.destinationAddress, $0) } ?? ""
        )
    }

    /// What says that it comes from a loopback address stays; of IPv4 `route_localnet` lets it go.
    func confineLoopback(_ packet: Packet, _ output: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        guard packet.family == .v4, packet.sourceAddress.isLoopback, !output.isLoopback,
            model.namespaces[namespace].setting("route_localnet", of: output) == 0
        else { return nil }
        return stop(
            .dropped,
            namespace,
            "packets from 127.0.0.0/8 may not leave by \(output.name)",
            advice: "sysctl net.ipv4.conf.\(output.name).route_localnet=1"
        )
    }

    /// Who has no loopback address of his own sends it by a route like any other one.
    mutating func remarkLoopback(_ packet: Packet, _ route: HostModel.Route, _ namespace: Int) {
        guard packet.destinationAddress.isLoopback, route.kind != .local else { return }
        let state = loopbackIsDown(namespace) ? ", because its loopback link is down" : ""
        let address = packet.destinationAddress
        note(.remark, namespace, "\(address) is no address of \(title(namespace))\(state): it is sent like any other")
    }

    /// What makes a loopback address its asker's own; nil where that is not what is wrong.
    func loopbackAdvice(_ address: IPAddress, _ namespace: Int) -> String? {
        guard address.isLoopback, loopbackIsDown(namespace) else { return nil }
        let means = namespace == 0 ? "ip link set lo up" : "as the plugin loopback does"
        return "bring lo of \(title(namespace)) up, \(means): packets to \(address) then stay there"
    }

    private func loopbackIsDown(_ namespace: Int) -> Bool {
        model.namespaces[namespace].links.contains { $0.isLoopback && !$0.isUp }
    }
}
