// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import Netlink

/// What the addresses that IPAM gave mean on a bridge: gateways and routes.
struct BridgeAddressing: Hashable {
    /// IPAM's result, completed: every address has the gateway it will use, and the default routes are there.
    let result: AddResult
    /// What the bridge carries, each with its network's prefix; empty unless it is the gateway.
    let gateways: [CIDR]

    init(_ leased: AddResult, _ configuration: BridgeConfiguration) {
        var result = leased
        if configuration.isGateway {
            for index in result.ips.indices where result.ips[index].gateway == nil {
                // The network's first address, by convention.
                result.ips[index].gateway = result.ips[index].address.first.advanced(by: 1)
            }
        }
        if configuration.isDefaultGateway {
            for family in [AddressFamily.v4, .v6] {
                // One without a gateway goes through this gateway anyway.
                let isGiven = result.routes.contains { route in
                    route.destination.isDefaultRoute && route.destination.family == family
                }
                guard !isGiven, let gateway = result.gateway(family) else { continue }
                let any = CIDR(address: family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0), prefixLength: 0)
                if let any { result.routes.append(AddResult.Route(destination: any, gateway: gateway)) }
            }
        }
        var gateways: [CIDR] = []
        for ip in result.ips where configuration.isGateway {
            guard let gateway = ip.gateway, gateway.family == ip.address.family,
                let address = CIDR(address: gateway, prefixLength: ip.address.prefixLength),
                !gateways.contains(address)
            else { continue }
            gateways.append(address)
        }
        self.result = result
        self.gateways = gateways
    }

    /// The routes of the container.
    var routes: [Route] { Route.all(of: result) }
}
