// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
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
                guard !isGiven, let gateway = BridgeAddressing.gateway(family, of: result) else { continue }
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

    /// The routes of the container: through their own gateway, else the first of their family, else on the link.
    ///
    /// What is no further than the link has no gateway. rtnetlink(7), `rtm_scope`.
    var routes: [Route] {
        result.routes.map { route in
            let family = route.destination.family
            let isNear = (route.scope ?? 0) >= BridgeAddressing.linkScope
            let implied = isNear ? nil : BridgeAddressing.gateway(family, of: result)
            var applied = Route(destination: route.destination, gateway: route.gateway ?? implied)
            applied.isOnLink = route.isOnLink && applied.gateway != nil
            applied.priority = route.priority
            applied.table = route.table
            applied.scope = route.scope
            applied.mtu = route.mtu
            applied.advertisedSegmentSize = route.advmss
            return applied
        }
    }

    private static let linkScope = 253

    private static func gateway(_ family: AddressFamily, of result: AddResult) -> IPAddress? {
        result.ips.lazy.compactMap { $0.gateway }.first { $0.family == family }
    }
}
