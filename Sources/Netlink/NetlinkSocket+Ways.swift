// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux

extension NetlinkSocket {
    /// The link through which the host reaches an address; nil when it does not.
    ///
    /// Like `ip route get ADDRESS`.
    ///
    /// - Throws: ``KernelError``.
    package func outgoingLink(towards address: IPAddress) throws(KernelError) -> Int32? {
        guard let reply = try way(to: address) else { return nil }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(MemoryLayout<rtmsg>.size))
        return attributes[Int(RTA_OIF.rawValue)]?.integer(as: Int32.self)
    }

    /// Whether an address is one of the host's own.
    ///
    /// `link`: only there; for link-local addresses, which other links may have too (RFC 4291, 2.5.6).
    /// - Throws: ``KernelError``.
    package func isLocal(_ address: IPAddress, onLink link: Int32? = nil) throws(KernelError) -> Bool {
        // The type is the eighth octet of an rtmsg.
        guard let reply = try way(to: address, through: link), reply.payload.count >= 8 else { return false }
        return reply.payload[reply.payload.startIndex + 7] == UInt8(RTN_LOCAL)
    }

    private func way(to address: IPAddress, through link: Int32? = nil) throws(KernelError) -> NetlinkReply? {
        let message = NetlinkMessage(type: RTM_GETROUTE)
        message.append(
            rtmsg(
                rtm_family: address.family.number,
                rtm_dst_len: UInt8(address.family.bitWidth),
                rtm_src_len: 0,
                rtm_tos: 0,
                rtm_table: 0,
                rtm_protocol: 0,
                rtm_scope: 0,
                rtm_type: 0,
                rtm_flags: 0
            )
        )
        message.put(Int(RTA_DST.rawValue), octets: address.octets)
        if let link { message.put(Int(RTA_OIF.rawValue), UInt32(link)) }
        do throws(KernelError) {
            return try ask(NetlinkRequest("find the way to \(address)", message))
        } catch {
            switch error.errno {
            // No route, or one of type `unreachable`, `prohibit` or `blackhole`: ip-route(8).
            case .networkUnreachable, .hostUnreachable, .permissionDenied, .invalidArgument: return nil
            default: throw error
            }
        }
    }
}

extension NetlinkRequest {
    /// Lets packets from and to 127.0.0.0/8 through a link (sysctl `route_localnet`), without opening a file.
    package static func setRouteLocalnet(link index: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(index: index))
        message.nest(Int(IFLA_AF_SPEC)) { families in
            families.nest(Int(AF_INET)) { family in
                family.nest(Int(IFLA_INET_CONF)) { settings in
                    settings.put(Int(IPV4_DEVCONF_ROUTE_LOCALNET), UInt32(1))
                }
            }
        }
        return NetlinkRequest("set route_localnet of link \(index)", message)
    }

    /// Keeps a bridge's port from talking to other isolated ports; its other settings stay.
    ///
    /// Like `bridge link set dev NAME isolated on`.
    package static func isolatePort(_ index: Int32, name: String) -> NetlinkRequest {
        let message = NetlinkMessage(type: RTM_SETLINK)
        message.append(ifinfomsg(family: AF_BRIDGE, index: index))
        message.nest(Int(IFLA_PROTINFO) | Int(NLA_F_NESTED)) { port in
            port.put(Int(IFLA_BRPORT_ISOLATED), UInt8(1))
        }
        return NetlinkRequest("isolate port \(name)", message)
    }
}
