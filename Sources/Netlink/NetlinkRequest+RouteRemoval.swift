// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNetlink

extension NetlinkRequest {
    /// Removes a route through a link.
    ///
    /// Like `ip route delete DESTINATION via GATEWAY dev NAME table TABLE`; `ESRCH` means that there is none.
    package static func deleteRoute(_ route: Route, through index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_DELROUTE)
        let table = route.table ?? Int(RT_TABLE_MAIN.rawValue)
        var header = rtmsg()
        header.rtm_family = route.destination.family.number
        header.rtm_dst_len = UInt8(route.destination.prefixLength)
        header.rtm_table = table < 256 ? UInt8(table) : UInt8(RT_TABLE_UNSPEC.rawValue)
        header.rtm_scope = UInt8(RT_SCOPE_NOWHERE.rawValue)
        message.append(header)
        if route.destination.prefixLength > 0 {
            message.put(Int(RTA_DST.rawValue), octets: route.destination.network.address.octets)
        }
        if let gateway = route.gateway { message.put(Int(RTA_GATEWAY.rawValue), octets: gateway.octets) }
        message.put(Int(RTA_OIF.rawValue), UInt32(index))
        if route.priority > 0 { message.put(Int(RTA_PRIORITY.rawValue), UInt32(route.priority)) }
        if table > 255 { message.put(Int(RTA_TABLE.rawValue), UInt32(table)) }
        let way = route.gateway.map { " via \($0)" } ?? ""
        return NetlinkRequest("delete route to \(route.destination)\(way) through \(name)", message)
    }
}
