// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink

/// A way to a destination.
///
/// ip-route(8).
package struct Route: Hashable, Sendable {
    package var destination: CIDR
    package var gateway: IPAddress?
    /// The gateway is reachable on the link although no address of the link says so.
    package var isOnLink = false
    /// The metric; of two routes to one destination the lower one is taken.
    ///
    /// 0 is the kernel's choice.
    package var priority = 0
    /// nil is the main table.
    package var table: Int?
    /// rtnetlink(7): 0 global, 253 link, 254 host; nil follows from the gateway.
    package var scope: Int?
    /// Path MTU in octets; 0 is the link's.
    package var mtu = 0
    /// TCP maximum segment size advertised, in octets; 0 is derived from the MTU.
    package var advertisedSegmentSize = 0
    /// The address that packets leave with when their sender chose none; nil is the kernel's choice.
    package var preferredSource: IPAddress?

    package init(destination: CIDR, gateway: IPAddress? = nil) {
        self.destination = destination
        self.gateway = gateway
    }
}

extension NetlinkRequest {
    /// Adds a route through a link.
    ///
    /// Like `ip route add`; `EEXIST` means that just this route is there already.
    package static func addRoute(_ route: Route, through index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_NEWROUTE, flags: NLM_F_CREATE)
        // Without a gateway an IPv4 destination is on the link itself (ip-route(8), "scope").
        let implied = route.gateway == nil && route.destination.family == .v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE
        let table = route.table ?? Int(RT_TABLE_MAIN.rawValue)
        message.append(
            rtmsg(
                rtm_family: route.destination.family.number,
                rtm_dst_len: UInt8(route.destination.prefixLength),
                rtm_src_len: 0,
                rtm_tos: 0,
                rtm_table: table < 256 ? UInt8(table) : UInt8(RT_TABLE_UNSPEC.rawValue),
                rtm_protocol: UInt8(RTPROT_BOOT),
                rtm_scope: route.scope.map { UInt8($0) } ?? UInt8(implied.rawValue),
                rtm_type: UInt8(RTN_UNICAST),
                rtm_flags: route.isOnLink ? UInt32(RTNH_F_ONLINK) : 0
            )
        )
        if route.destination.prefixLength > 0 {
            message.put(Int(RTA_DST.rawValue), octets: route.destination.network.address.octets)
        }
        if let gateway = route.gateway { message.put(Int(RTA_GATEWAY.rawValue), octets: gateway.octets) }
        message.put(Int(RTA_OIF.rawValue), UInt32(index))
        if let source = route.preferredSource { message.put(Int(RTA_PREFSRC.rawValue), octets: source.octets) }
        if route.priority > 0 { message.put(Int(RTA_PRIORITY.rawValue), UInt32(route.priority)) }
        if table > 255 { message.put(Int(RTA_TABLE.rawValue), UInt32(table)) }
        if route.mtu > 0 || route.advertisedSegmentSize > 0 {
            message.nest(Int(RTA_METRICS.rawValue)) { metrics in
                if route.mtu > 0 { metrics.put(Int(RTAX_MTU), UInt32(route.mtu)) }
                if route.advertisedSegmentSize > 0 {
                    metrics.put(Int(RTAX_ADVMSS), UInt32(route.advertisedSegmentSize))
                }
            }
        }
        let way = route.gateway.map { " via \($0)" } ?? ""
        return NetlinkRequest("add route to \(route.destination)\(way) through \(name)", message)
    }
}
