// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import Netlink

/// What the addresses that IPAM gave mean on a switch: gateways and routes.
struct SwitchAddressing: Hashable {
    /// IPAM's result, completed: every address has the gateway it will use, and the default routes are there.
    let result: AddResult
    /// What the host's port carries, each with its network's prefix; empty unless it is the gateway.
    let gateways: [CIDR]

    init(_ leased: AddResult, isGateway: Bool, isDefaultGateway: Bool) {
        var result = leased
        if isGateway {
            for index in result.ips.indices where result.ips[index].gateway == nil {
                // The network's first address, by convention.
                result.ips[index].gateway = result.ips[index].address.first.advanced(by: 1)
            }
        }
        if isDefaultGateway { SwitchAddressing.addDefaultRoutes(to: &result) }
        var gateways: [CIDR] = []
        for ip in result.ips where isGateway {
            guard let gateway = ip.gateway, gateway.family == ip.address.family,
                let address = CIDR(address: gateway, prefixLength: ip.address.prefixLength),
                !gateways.contains(address)
            else { continue }
            gateways.append(address)
        }
        self.result = result
        self.gateways = gateways
    }

    private static func addDefaultRoutes(to result: inout AddResult) {
        for family in [AddressFamily.v4, .v6] {
            // One without a gateway goes through this gateway anyway.
            let isGiven = result.routes.contains { route in
                route.destination.isDefaultRoute && route.destination.family == family
            }
            let any = CIDR(address: family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0), prefixLength: 0)
            guard !isGiven, let gateway = result.gateway(family), let any else { continue }
            result.routes.append(AddResult.Route(destination: any, gateway: gateway))
        }
    }
}
