// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Netlink

/// How the two ends of a wire reach each other: decided from the addresses alone.
struct PointToPointWays: Hashable {
    /// What the host's end carries, each alone in its network.
    let gateways: [CIDR]
    /// From the host to the container.
    let outside: [Route]
    /// From the container to the host, and through it to the rest of its networks.
    let inside: [Route]

    /// - Throws: ``CNIError``, code 7, when an address came without a gateway of its family.
    init(_ leased: AddResult) throws(CNIError) {
        var gateways: [CIDR] = []
        var outside: [Route] = []
        var inside: [Route] = []
        for ip in leased.ips {
            let address = ip.address
            guard let gateway = ip.gateway, gateway.family == address.family else {
                throw CNIError(
                    .invalidConfiguration,
                    "ipam: address \(address) came without a gateway",
                    details: "the host's end of the wire has the gateway's address; have ipam name one"
                )
            }
            let alone = PointToPointWays.alone(gateway)
            if !gateways.contains(alone) { gateways.append(alone) }
            var back = Route(destination: PointToPointWays.alone(address.address))
            back.scope = PointToPointWays.hostScope
            outside.append(back)
            var near = Route(destination: alone)
            near.scope = PointToPointWays.linkScope
            near.preferredSource = address.address
            var far = Route(destination: address.network, gateway: gateway)
            far.preferredSource = address.address
            // Of several addresses in one network, packets leave with the first.
            for route in [near, far] where !inside.contains(where: { $0.destination == route.destination }) {
                if route.destination.prefixLength < address.family.bitWidth || route == near { inside.append(route) }
            }
        }
        self.gateways = gateways
        self.outside = outside
        self.inside = inside
    }

    // rtnetlink(7), `rtm_scope`
    private static let linkScope = 253
    private static let hostScope = 254

    private static func alone(_ address: IPAddress) -> CIDR {
        guard let network = CIDR(address: address, prefixLength: address.family.bitWidth) else {
            preconditionFailure("an address is as long as it is")
        }
        return network
    }
}
