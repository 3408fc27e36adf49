// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
package import Netlink

extension AddResult {
    /// The first gateway of a family that an address came with.
    package func gateway(_ family: AddressFamily) -> IPAddress? {
        ips.lazy.compactMap { $0.gateway }.first { $0.family == family }
    }
}

extension Route {
    /// The routes of a container: through their own gateway, else the first of their family, else on the link.
    ///
    /// What is no further than the link has no gateway. rtnetlink(7), `rtm_scope`.
    package static func all(of result: AddResult) -> [Route] {
        result.routes.map { route in
            let family = route.destination.family
            let isNear = (route.scope ?? 0) >= Route.linkScope
            let implied = isNear ? nil : result.gateway(family)
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
}
