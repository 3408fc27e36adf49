// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux

/// A socket of the host that waits for whoever comes.
///
/// sock_diag(7).
package struct Listener: Hashable, Sendable {
    /// 6 is TCP, 17 UDP.
    package let transport: UInt8
    package let address: IPAddress
    package let port: UInt16
    /// Where `/proc/PID/fd` has it.
    package let inode: UInt32
    /// The link that it is bound to (`SO_BINDTODEVICE`); 0 is none.
    package let link: Int32
    /// Whether it hears IPv6 only; of sockets of IPv6.
    let isIPv6Only: Bool
    /// The socket's own family: `::` and `::ffff:…` are IPv4 addresses where they are read.
    let isIPv6: Bool

    /// Whether connections of a family come to it.
    package func hears(_ family: AddressFamily) -> Bool {
        switch family {
        case .v4: !isIPv6 || address.family == .v4 || address.isUnspecified && !isIPv6Only
        case .v6: isIPv6 && address.family == .v6
        }
    }

    /// All of them, of some protocols, in the namespace of the calling thread.
    ///
    /// `transports`: 6 and 17. A kernel without CONFIG_INET_DIAG tells of none.
    /// - Throws: ``KernelError``.
    package static func all(of transports: [UInt8]) throws(KernelError) -> [Listener] {
        guard !transports.isEmpty else { return [] }
        let socket: NetlinkSocket
        do throws(KernelError) {
            socket = try NetlinkSocket(.socketDiagnostics)
        } catch {
            guard error.errno == .protocolNotSupported else { throw error }
            return []
        }
        var listeners: [Listener] = []
        for transport in transports {
            for family in [AF_INET, AF_INET6] {
                let replies: [NetlinkReply]
                do throws(KernelError) {
                    replies = try socket.list(query(transport, family))
                } catch {
                    // A kernel without one of the families has no sockets of it.
                    guard error.errno == .noSuchFileOrDirectory || error.errno == .invalidArgument else { throw error }
                    continue
                }
                listeners += replies.compactMap { Listener($0, transport) }
            }
        }
        return listeners
    }

    private static func query(_ transport: UInt8, _ family: Int32) -> NetlinkRequest {
        let message = NetlinkMessage(type: Int(SOCK_DIAG_BY_FAMILY), flags: NLM_F_DUMP)
        var request = inet_diag_req_v2()
        request.sdiag_family = UInt8(family)
        request.sdiag_protocol = transport
        // A TCP socket that listens, a UDP socket without a peer: TCP_LISTEN and TCP_CLOSE of linux/net/tcp_states.h.
        request.idiag_states = transport == 6 ? 1 << 10 : 1 << 7
        message.append(request)
        return NetlinkRequest("list listening sockets", message)
    }

    /// Reads an `inet_diag_msg`; nil when it is cut off.
    init?(_ reply: NetlinkReply, _ transport: UInt8) {
        let payload = reply.payload
        guard payload.count >= MemoryLayout<inet_diag_msg>.size, let family = payload.first else { return nil }
        let start = payload.startIndex
        self.transport = transport
        port = UInt16(payload[start + 4]) << 8 | UInt16(payload[start + 5])
        isIPv6 = family == UInt8(AF_INET6)
        guard let address = IPAddress(octets: payload[(start + 8)..<(start + (isIPv6 ? 24 : 12))]),
            let link = payload.integer(at: 40, as: Int32.self), let inode = payload.integer(at: 68, as: UInt32.self)
        else { return nil }
        self.address = address
        self.inode = inode
        self.link = link
        let attributes = NetlinkAttributes(payload.dropFirst(MemoryLayout<inet_diag_msg>.size))
        // INET_DIAG_SKV6ONLY
        isIPv6Only = attributes[11]?.first == 1
    }
}
