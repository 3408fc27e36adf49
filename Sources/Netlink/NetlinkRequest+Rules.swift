// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
internal import CNetlink
package import Linux

/// An entry of the routing policy: which table is asked for which packets.
///
/// ip-rule(8).
package struct RoutingRule: Hashable, Sendable {
    package let family: AddressFamily
    /// nil is any.
    package let source: CIDR?
    /// 0 when the rule leads to no table.
    package let table: Int
    /// The lower one is asked first.
    package let priority: Int
    /// Whether the rule looks at nothing but the source, and leads to a table.
    package let isPlain: Bool
}

extension NetlinkSocket {
    /// All rules of one family, in the kernel's order; none when the kernel does not know the family.
    ///
    /// - Throws: ``KernelError``; `EOPNOTSUPP` on a kernel without policy routing.
    package func rules(_ family: AddressFamily) throws(KernelError) -> [RoutingRule] {
        let message = NetlinkMessage(type: RTM_GETRULE, flags: NLM_F_DUMP)
        message.append(fib_rule_hdr(family: family))
        do throws(KernelError) {
            return try list(NetlinkRequest("list \(family.name) rules", message)).compactMap { RoutingRule($0) }
        } catch {
            guard family == .v6, error.errno == Errno(rawValue: EAFNOSUPPORT) || error.errno == .notSupported else {
                throw error
            }
            return []
        }
    }
}

extension NetlinkRequest {
    /// Has packets from one address routed by a table.
    ///
    /// Like `ip rule add from ADDRESS lookup TABLE`. The kernel chooses a priority before that of the main table's rule,
    /// and so takes the same rule again and again.
    package static func addRule(from address: IPAddress, table: Int) -> NetlinkRequest {
        rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, "add", address, table, priority: nil)
    }

    /// Like `ip rule delete from ADDRESS lookup TABLE`; `ENOENT` means that there is none.
    ///
    /// `priority`: which of several; nil is the first.
    package static func deleteRule(from address: IPAddress, table: Int, priority: Int? = nil) -> NetlinkRequest {
        rule(RTM_DELRULE, 0, "delete", address, table, priority: priority)
    }

    private static func rule(
        _ type: Int,
        _ flags: Int32,
        _ verb: String,
        _ address: IPAddress,
        _ table: Int,
        priority: Int?
    ) -> NetlinkRequest {
        let message = NetlinkMessage(type: type, flags: flags)
        var header = fib_rule_hdr(family: address.family)
        header.src_len = UInt8(address.family.bitWidth)
        header.table = table < 256 ? UInt8(table) : UInt8(RT_TABLE_UNSPEC.rawValue)
        header.action = UInt8(FR_ACT_TO_TBL)
        message.append(header)
        message.put(Int(FRA_SRC), octets: address.octets)
        if table > 255 { message.put(Int(FRA_TABLE), UInt32(table)) }
        if let priority { message.put(Int(FRA_PRIORITY), UInt32(priority)) }
        return NetlinkRequest("\(verb) rule from \(address) lookup \(table)", message)
    }
}

extension fib_rule_hdr {
    fileprivate init(family: AddressFamily) {
        self.init()
        self.family = family.number
    }
}

extension RoutingRule {
    /// What the kernel says of every rule, and what does not narrow it down.
    private static let harmless: Set<Int> = [
        Int(FRA_SRC), Int(FRA_TABLE), Int(FRA_PRIORITY), Int(FRA_SUPPRESS_PREFIXLEN), Int(FRA_PROTOCOL), Int(FRA_PAD),
    ]

    /// Reads an `RTM_NEWRULE`; nil when it is cut off, or of another family than IP.
    init?(_ reply: NetlinkReply) {
        // fib_rule_hdr: family, destination and source length, tos, table, two unused, action (8 each), flags (32)
        guard reply.type == RTM_NEWRULE, reply.payload.count >= 12,
            let flags = reply.payload.integer(at: 8, as: UInt32.self)
        else { return nil }
        let header = Array(reply.payload.prefix(12))
        switch CInt(header[0]) {
        case AF_INET: family = .v4
        case AF_INET6: family = .v6
        default: return nil
        }
        let attributes = NetlinkAttributes(reply.payload.dropFirst(12))
        let address = attributes[Int(FRA_SRC)].flatMap { IPAddress(octets: $0) }
        source = address.flatMap { CIDR(address: $0, prefixLength: Int(header[2])) }
        table = attributes[Int(FRA_TABLE)]?.integer(as: UInt32.self).map(Int.init) ?? Int(header[4])
        priority = attributes[Int(FRA_PRIORITY)]?.integer(as: UInt32.self).map(Int.init) ?? 0
        let suppresses = attributes[Int(FRA_SUPPRESS_PREFIXLEN)]?.integer(as: Int32.self) ?? -1
        let isNarrow = attributes.contains { !RoutingRule.harmless.contains($0.type) }
        isPlain =
            Int(header[7]) == Int(FR_ACT_TO_TBL) && header[3] == 0 && header[1] == 0 && suppresses < 0 && !isNarrow
            && flags & UInt32(FIB_RULE_INVERT) == 0
    }
}
