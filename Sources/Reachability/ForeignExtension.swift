// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Netlink

/// A match or a target of iptables that stands in nf_tables as it is: its name, and a structure of the kernel.
///
/// `linux/netfilter/nf_tables_compat.h`; the structures are those of `linux/netfilter/xt_*.h`.
struct ForeignExtension {
    enum Answer {
        case matches(Bool)
        case translate(Translation)
        case reject(Notice)
        case mark(value: UInt32, mask: UInt32)
    }

    private let name: String
    private let isTarget: Bool
    private let info: [UInt8]

    /// nil for those that are not understood.
    init?(_ expression: String, _ octets: [UInt8]) {
        guard expression == "match" || expression == "target" else { return nil }
        let attributes = NetlinkAttributes(octets[...])
        isTarget = expression == "target"
        // NFTA_MATCH_NAME, _REV and _INFO; those of a target have the same numbers.
        name = attributes[1]?.text ?? ""
        info = attributes[3].map { Array($0) } ?? []
        let revision = attributes[2]?.integer(as: UInt32.self)?.bigEndian ?? 0
        let known = isTarget ? Self.targets[name] : Self.matches[name]
        guard let known, known.revisions.contains(revision), info.count >= known.length else { return nil }
        // Conditions that only some revisions have, or that ask for more than is known here.
        if name == "conntrack", !Self.isPlainConntrack(info) { return nil }
        if name == "addrtype", info[4] & 12 != 0 { return nil }
    }

    private static let matches: [String: (revisions: Set<UInt32>, length: Int)] = [
        "comment": ([0], 0), "conntrack": ([2, 3], 154), "addrtype": ([1], 8), "mark": ([1], 9), "tcp": ([0], 12),
        "udp": ([0], 9), "multiport": ([1], 48), "state": ([0], 4),
    ]
    private static let targets: [String: (revisions: Set<UInt32>, length: Int)] = [
        "MASQUERADE": ([0, 1], 0), "DNAT": ([0, 1, 2], 20), "SNAT": ([0, 1, 2], 20), "REDIRECT": ([0], 20),
        "REJECT": ([0], 4), "MARK": ([2], 8), "LOG": ([0], 0), "TCPMSS": ([0], 0), "CHECKSUM": ([0], 0),
    ]

    /// What to call an expression that is not understood.
    static func title(_ name: String, _ octets: [UInt8]) -> String {
        guard name == "match" || name == "target", let own = NetlinkAttributes(octets[...])[1]?.text else {
            return "\"\(name)\""
        }
        return "\(name) \"\(own)\" of iptables"
    }

    /// Whether the packet goes on as it was.
    var isHarmless: Bool { isTarget && ["LOG", "TCPMSS", "CHECKSUM"].contains(name) }

    func evaluate(_ hook: HookPacket) -> Answer {
        switch name {
        case "conntrack": .matches(conntrack(hook))
        case "state": .matches(hook.connection.map { state(hook, $0) & number(0) != 0 } ?? false)
        case "addrtype": .matches(addressType(hook))
        case "mark": .matches((hook.mark & number(4) == number(0)) != (info[8] != 0))
        case "tcp", "udp": .matches(ports(hook))
        case "multiport": .matches(multiport(hook))
        case "MASQUERADE": .translate(Translation(isDestination: false, usesLink: true))
        case "REDIRECT": .translate(range(isDestination: true, usesLink: true))
        case "DNAT": .translate(range(isDestination: true, usesLink: false))
        case "SNAT": .translate(range(isDestination: false, usesLink: false))
        case "REJECT": .reject(.iptables(number(0), hook.packet.family))
        case "MARK": .mark(value: number(0), mask: number(4))
        default: .matches(true)
        }
    }

    private func number(_ offset: Int) -> UInt32 {
        offset + 4 <= info.count ? RuleMachine.number(Array(info[offset..<(offset + 4)])) : 0
    }

    private func short(_ offset: Int) -> UInt16 {
        UInt16(info[offset]) | UInt16(info[offset + 1]) << 8
    }

    // MARK: - Matches

    /// `xt_conntrack_mtinfo3`: whether it asks for nothing but state, status and direction.
    private static func isPlainConntrack(_ info: [UInt8]) -> Bool {
        let flags = UInt16(info[conntrackFlags]) | UInt16(info[conntrackFlags + 1]) << 8
        // XT_CONNTRACK_STATE, _STATUS, _DIRECTION
        return flags & ~(1 | 64 | 4096) == 0
    }

    /// After eight addresses, two times, a protocol and four ports.
    private static let conntrackFlags = 128 + 8 + 2 + 8

    private func conntrack(_ hook: HookPacket) -> Bool {
        let start = Self.conntrackFlags
        let (flags, inverted, states, statuses) = (short(start), short(start + 2), short(start + 4), short(start + 6))
        guard let connection = hook.connection else { return flags & 1 != 0 && states & 256 != 0 }
        func isRight(_ flag: UInt16, _ holds: Bool) -> Bool { flags & flag == 0 || holds != (inverted & flag != 0) }
        // XT_CONNTRACK_STATE_BIT is one for each state, in another order than that of nf_tables.
        let state = state(hook, connection)
        return isRight(1, UInt32(states) & state != 0)
            && isRight(64, UInt32(statuses) & connection.status != 0)
            && isRight(4096, !hook.isReply)
    }

    /// `XT_CONNTRACK_STATE_BIT`: 1 invalid, 2 established, 4 related, 8 new; translated ones have bits 6 and 7.
    private func state(_ hook: HookPacket, _ connection: Connection) -> UInt32 {
        var bits = hook.isRelated ? 4 : connection.state(isReply: hook.isReply)
        if connection.translatesSource { bits |= 1 << 6 }
        if connection.translatesDestination { bits |= 1 << 7 }
        return bits
    }

    /// `xt_addrtype_info_v1`: masks of types, then flags.
    private func addressType(_ hook: HookPacket) -> Bool {
        let (sources, destinations, flags) = (short(0), short(2), number(4))
        func isOf(_ types: UInt16, _ address: IPAddress, _ inversion: UInt32) -> Bool {
            guard types != 0 else { return true }
            let type = hook.namespace.addressType(address).rawValue
            return (types >> UInt16(type) & 1 != 0) != (flags & inversion != 0)
        }
        return isOf(sources, hook.packet.sourceAddress, 1) && isOf(destinations, hook.packet.destinationAddress, 2)
    }

    /// `xt_tcp` and `xt_udp`: two runs of ports; of TCP an option and flags follow.
    private func ports(_ hook: HookPacket) -> Bool {
        guard hook.packet.protocolNumber == (name == "tcp" ? 6 : 17) else { return false }
        let inversions = name == "tcp" ? info[11] : info[8]
        let isSource = (short(0)...max(short(0), short(2))).contains(hook.packet.sourcePort)
        let isDestination = (short(4)...max(short(4), short(6))).contains(hook.packet.destinationPort)
        guard isSource != (inversions & 1 != 0), isDestination != (inversions & 2 != 0) else { return false }
        guard name == "tcp", info[9] != 0 else { return true }
        let offset = hook.packet.transportOffset + 13
        guard offset < hook.packet.body.count else { return false }
        return (hook.packet.body[offset] & info[9] == info[10]) != (inversions & 4 != 0)
    }

    /// `xt_multiport_v1`: which ports, how many, fifteen of them, which begin runs, and whether it is inverted.
    private func multiport(_ hook: HookPacket) -> Bool {
        guard hook.packet.hasPorts else { return false }
        var isMatch = false
        var index = 0
        while index < Int(info[1]) {
            let low = short(2 + 2 * index)
            var high = low
            if info[32 + index] != 0, index + 1 < Int(info[1]) {
                high = short(4 + 2 * index)
                index += 1
            }
            let run = low...max(low, high)
            let (source, destination) = (hook.packet.sourcePort, hook.packet.destinationPort)
            isMatch = isMatch || (info[0] != 1 && run.contains(source)) || (info[0] != 0 && run.contains(destination))
            index += 1
        }
        return isMatch != (info[47] != 0)
    }

    // MARK: - Targets

    /// `nf_nat_range2` (revision 2), or `nf_nat_ipv4_multi_range_compat`.
    private func range(isDestination: Bool, usesLink: Bool) -> Translation {
        var translation = Translation(isDestination: isDestination, usesLink: usesLink)
        let isCompatible = info.count < 40
        let flags = isCompatible ? number(4) : number(0)
        let addresses = isCompatible ? 8 : 4
        let ports = isCompatible ? 16 : 36
        if flags & 1 != 0, !usesLink {
            let isIPv4 = isCompatible || info[8..<20].allSatisfy { $0 == 0 }
            translation.address = IPAddress(octets: info[addresses..<(addresses + (isIPv4 ? 4 : 16))])
            let width = isCompatible ? 4 : 16
            translation.isChoice =
                info[addresses..<(addresses + width)] != info[(addresses + width)..<(addresses + 2 * width)]
        }
        if flags & 2 != 0 { translation.port = UInt16(info[ports]) << 8 | UInt16(info[ports + 1]) }
        return translation
    }
}
