// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// How the sender of a packet is told that it goes no further.
enum Notice: Hashable, Sendable {
    /// TCP's.
    case reset
    /// Of ICMP "destination unreachable", or the same of ICMPv6, with a code of the packet's family.
    case error(UInt8)

    /// That nobody listens.
    static func portUnreachable(_ family: AddressFamily?) -> Notice { .error(family == .v6 ? 4 : 3) }
    /// That there is no route.
    static let noRoute = Notice.error(0)
    /// That somebody forbids it.
    static func prohibited(_ family: AddressFamily?) -> Notice { .error(family == .v6 ? 1 : 13) }

    /// Of `icmpx`, which has the same numbers for both families: no route, port, host, prohibited.
    static func either(_ code: UInt8, _ family: AddressFamily?) -> Notice {
        let codes: [UInt8] = family == .v6 ? [0, 4, 3, 1] : [0, 3, 1, 13]
        return .error(Int(code) < codes.count ? codes[Int(code)] : 0)
    }

    /// Of the target `REJECT` of iptables: `enum ipt_reject_with` and `enum ip6t_reject_with`.
    static func iptables(_ number: UInt32, _ family: AddressFamily?) -> Notice {
        if number == (family == .v6 ? 6 : 7) { return .reset }
        let codes: [UInt32: UInt8] =
            family == .v6
            ? [0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 7: 5, 8: 6] : [0: 0, 1: 1, 2: 2, 3: 3, 5: 9, 6: 10, 8: 13]
        return .error(codes[number] ?? 3)
    }

    /// What a socket makes of it (`icmp_err_convert` and `icmpv6_err_convert` of the kernel); nil when it is not told.
    ///
    /// One of UDP hears of nothing that might pass, such as that there is no route.
    func outcome(_ family: AddressFamily?, _ transport: UInt8) -> TraceVerdict.Outcome? {
        guard case .error(let code) = self else { return .refused }
        if self == .portUnreachable(family) { return .refused }
        guard transport == 17 else { return .unreachable }
        let soft: [UInt8] = family == .v6 ? [0, 2, 3] : [0, 1, 5, 11, 12]
        return soft.contains(code) ? nil : .unreachable
    }
}

extension Packet {
    /// Whether it is of neighbour discovery (RFC 4861), which connection tracking leaves alone.
    var isDiscovery: Bool {
        guard family == .v6, protocolNumber == 58, transportOffset < body.count else { return false }
        return (133...137).contains(body[transportOffset])
    }

    /// The error that tells the sender of this packet.
    func error(_ code: UInt8, from source: IPAddress) -> Packet {
        let isIPv4 = family == .v4
        let payload: [UInt8] = [isIPv4 ? 3 : 1, code, 0, 0, 0, 0, 0, 0] + body.prefix(512)
        return Packet.ip(source, sourceAddress, isIPv4 ? 1 : 58, payload: payload)
    }

    /// The packet that an error is about; nil when this is no error.
    var inner: Packet? {
        get {
            guard let family, protocolNumber == (family == .v4 ? 1 : 58) else { return nil }
            let start = transportOffset
            let smallest = family == .v4 ? 20 : 40
            guard body.count >= start + 8 + smallest, body[start] == (family == .v4 ? 3 : 1) else { return nil }
            return Packet(etherType: etherType, body: Array(body[(start + 8)...]))
        }
        set {
            guard let newValue, inner != nil else { return }
            body.replaceSubrange((transportOffset + 8)..., with: newValue.body)
        }
    }
}
