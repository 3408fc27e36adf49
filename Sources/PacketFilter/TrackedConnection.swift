// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNetlink
package import Linux
internal import Netlink

/// A connection that the kernel remembers, and by which it treats every further packet as it treated the first.
///
/// `linux/netfilter/nfnetlink_conntrack.h`
package struct TrackedConnection: Hashable, Sendable {
    /// One direction: who to whom.
    package struct Tuple: Hashable, Sendable {
        package let source: IPAddress
        package let destination: IPAddress
        package let sourcePort: UInt16
        package let destinationPort: UInt16
    }

    /// As the first packet had it when it came.
    package let original: Tuple
    /// As answers have it when they come: from whom the packets really went to.
    package let reply: Tuple
    /// What names the connection for the kernel: attributes of its own message.
    private let name: [(type: Int, value: [UInt8])]

    package static func == (left: TrackedConnection, right: TrackedConnection) -> Bool {
        left.original == right.original && left.reply == right.reply
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(original)
        hasher.combine(reply)
    }

    /// Reads an answer of the kernel; nil when it is cut off or of no protocol with ports.
    init?(_ message: NetlinkReply) {
        let attributes = NetlinkAttributes(message.payload.dropFirst(4))
        guard let original = attributes.nested(CTA_TUPLE_ORIG).flatMap({ Tuple($0) }),
            let reply = attributes.nested(CTA_TUPLE_REPLY).flatMap({ Tuple($0) })
        else { return nil }
        self.original = original
        self.reply = reply
        var name: [(type: Int, value: [UInt8])] = []
        for (type, value) in attributes {
            switch type {
            case Int(CTA_TUPLE_ORIG.rawValue): name.append((type | Int(NLA_F_NESTED), Array(value)))
            case Int(CTA_ID.rawValue), Int(CTA_ZONE.rawValue): name.append((type, Array(value)))
            default: continue
            }
        }
        self.name = name
    }

    /// What makes the kernel forget the connection.
    fileprivate func put(into message: borrowing NetlinkMessage) {
        for attribute in name { message.put(attribute.type, octets: attribute.value) }
    }
}

extension TrackedConnection.Tuple {
    fileprivate init?(_ attributes: NetlinkAttributes) {
        guard let addresses = attributes.nested(CTA_TUPLE_IP), let ports = attributes.nested(CTA_TUPLE_PROTO),
            let source = (addresses[CTA_IP_V4_SRC] ?? addresses[CTA_IP_V6_SRC]).flatMap({ IPAddress(octets: $0) }),
            let destination = (addresses[CTA_IP_V4_DST] ?? addresses[CTA_IP_V6_DST]).flatMap({ IPAddress(octets: $0) }),
            let sourcePort = ports[CTA_PROTO_SRC_PORT]?.integer(as: UInt16.self),
            let destinationPort = ports[CTA_PROTO_DST_PORT]?.integer(as: UInt16.self)
        else { return nil }
        self.init(
            source: source,
            destination: destination,
            sourcePort: sourcePort.bigEndian,
            destinationPort: destinationPort.bigEndian
        )
    }
}

extension PacketFilterSocket {
    /// The connections of one transport protocol that are remembered in this namespace.
    ///
    /// - Throws: ``KernelError``; a kernel without connection tracking remembers none.
    package func connections(of transport: TransportProtocol) throws(KernelError) -> [TrackedConnection] {
        guard try countConnections() > 0 else { return [] }
        var connections: [TrackedConnection] = []
        for family in [Family.ip, .ip6] {
            let message = NetlinkMessage(type: Self.type(IPCTNL_MSG_CT_GET), flags: NLM_F_DUMP)
            message.append(Self.header(family))
            message.nest(Int(CTA_TUPLE_ORIG.rawValue) | Int(NLA_F_NESTED)) { tuple in
                tuple.nest(Int(CTA_TUPLE_PROTO.rawValue) | Int(NLA_F_NESTED)) { proto in
                    proto.put(Int(CTA_PROTO_NUM.rawValue), transport.rawValue)
                }
            }
            // Kernels before 5.8 do not filter: then the others are passed over here.
            message.nest(Int(CTA_FILTER.rawValue) | Int(NLA_F_NESTED)) { filter in
                filter.put(Int(CTA_FILTER_ORIG_FLAGS.rawValue), UInt32(1) << Self.protocolNumberFlag)
                filter.put(Int(CTA_FILTER_REPLY_FLAGS.rawValue), UInt32(0))
            }
            for reply in try socket.list(NetlinkRequest("list connections", message)) {
                guard Self.transport(of: reply) == transport.rawValue else { continue }
                if let connection = TrackedConnection(reply) { connections.append(connection) }
            }
        }
        return connections
    }

    /// Makes the kernel forget connections; those it has forgotten by itself are no trouble.
    ///
    /// - Throws: ``KernelError``.
    package func forget(_ connections: [TrackedConnection]) throws(KernelError) {
        for connection in connections {
            let message = NetlinkMessage(type: Self.type(IPCTNL_MSG_CT_DELETE))
            message.append(Self.header(connection.original.source.family == .v4 ? .ip : .ip6))
            connection.put(into: message)
            do throws(KernelError) {
                try socket.execute(NetlinkRequest("forget a connection", message))
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
            }
        }
    }

    private func countConnections() throws(KernelError) -> UInt32 {
        // The answer looks like one of several; only an acknowledgement tells that no other follows.
        let message = NetlinkMessage(type: Self.type(IPCTNL_MSG_CT_GET_STATS), flags: NLM_F_ACK)
        message.append(Self.header(nil))
        do throws(KernelError) {
            let reply = try socket.ask(NetlinkRequest("count connections", message))
            return NetlinkAttributes(reply.payload.dropFirst(4)).number(CTA_STATS_GLOBAL_ENTRIES) ?? 0
        } catch {
            guard error.errno == .invalidArgument || error.errno == .notSupported else { throw error }
            return 0
        }
    }

    /// The bit of a filter's flags that says that the protocol's number counts.
    ///
    /// Source: Linux, net/netfilter/nf_conntrack_netlink.c: the bits follow the attributes of addresses and the zone.
    private static var protocolNumberFlag: UInt32 { 3 }

    private static func transport(of reply: NetlinkReply) -> UInt8? {
        NetlinkAttributes(reply.payload.dropFirst(4)).nested(CTA_TUPLE_ORIG)?.nested(CTA_TUPLE_PROTO)?[CTA_PROTO_NUM]?
            .first
    }

    private static func type(_ message: cntl_msg_types) -> Int {
        Int(NFNL_SUBSYS_CTNETLINK) << 8 | Int(message.rawValue)
    }

    private static func header(_ family: Family?) -> nfgenmsg {
        nfgenmsg(nfgen_family: family?.rawValue ?? 0, version: UInt8(NFNETLINK_V0), res_id: 0)
    }
}
