// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding
internal import PacketFilter

// What expressions put into registers; nil is what is not understood.
extension RuleMachine {
    /// A part of the packet; nil when the packet has no such part, which no rule matches.
    func payload(_ base: PayloadBase, _ offset: Int, _ length: Int) -> [UInt8]? {
        let packet = hook.packet
        let octets: [UInt8]
        switch base {
        case .link: octets = packet.untaggedHeader + packet.body
        case .network: octets = packet.body
        case .transport:
            guard packet.family != nil else { return nil }
            octets = Array(packet.body.dropFirst(packet.transportOffset))
        case .inner: return nil
        }
        guard offset >= 0, offset + length <= octets.count else { return nil }
        return Array(octets[offset..<(offset + length)])
    }

    func meta(_ key: MetaKey) -> [UInt8]? {
        switch key {
        case .length: Self.octets(UInt32(hook.packet.body.count))
        case .proto: [UInt8(hook.packet.etherType >> 8), UInt8(hook.packet.etherType & 0xff)]
        case .priority: Self.octets(0)
        case .mark: Self.octets(hook.mark)
        case .iif: Self.octets(UInt32(hook.input?.index ?? 0))
        case .oif: Self.octets(UInt32(hook.output?.index ?? 0))
        case .iifname: Self.name(hook.input?.name ?? "")
        case .oifname: Self.name(hook.output?.name ?? "")
        case .iiftype: hook.input.map { Self.short($0.headerType) } ?? [0, 0]
        case .oiftype: hook.output.map { Self.short($0.headerType) } ?? [0, 0]
        case .nfproto: [hook.packet.family == .v4 ? 2 : hook.packet.family == .v6 ? 10 : hook.family.rawValue]
        case .l4proto: hook.packet.family == nil ? [0] : [hook.packet.protocolNumber]
        case .pkttype: [hook.packetType]
        // NFT_META_BRI_IIFNAME and NFT_META_BRI_OIFNAME
        case MetaKey(rawValue: 17), MetaKey(rawValue: 18): Self.name(hook.bridge ?? "")
        // NFT_META_IIFKIND and NFT_META_OIFKIND
        case MetaKey(rawValue: 26): Self.name(hook.input?.kind ?? "")
        case MetaKey(rawValue: 27): Self.name(hook.output?.kind ?? "")
        default: nil
        }
    }

    private static func name(_ name: String) -> [UInt8] {
        let octets = Array(name.utf8.prefix(16))
        return octets + [UInt8](repeating: 0, count: 16 - octets.count)
    }

    private static func short(_ number: UInt16) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

    private static func octets(ofPort port: UInt16) -> [UInt8] { [UInt8(port >> 8), UInt8(port & 0xff)] }

    func connection(_ key: ConnectionKey, _ direction: UInt8?) -> [UInt8]? {
        guard let connection = hook.connection else { return Self.octets(hook.isUntracked ? 64 : 1) }
        let tuple = direction ?? (hook.isReply ? 1 : 0) == 0 ? connection.original : connection.reply
        return switch key {
        case .state: Self.octets(hook.isRelated ? 4 : connection.state(isReply: hook.isReply))
        case .direction: [hook.isReply ? 1 : 0]
        case .status: Self.octets(connection.status)
        case .mark: Self.octets(connection.mark)
        case .l3proto: [connection.original.source.family == .v4 ? 2 : 10]
        case .proto: [connection.protocolNumber]
        case .protoSource: Self.octets(ofPort: tuple.sourcePort)
        case .protoDestination: Self.octets(ofPort: tuple.destinationPort)
        case .ipSource, .ip6Source: tuple.source.octets
        case .ipDestination, .ip6Destination: tuple.destination.octets
        // NFT_CT_SRC and NFT_CT_DST
        case ConnectionKey(rawValue: 8): tuple.source.octets
        case ConnectionKey(rawValue: 9): tuple.destination.octets
        case .zone: [0, 0]
        default: nil
        }
    }

    func fib(_ result: FIBResult, _ flags: FIBFlags) -> [UInt8]? {
        guard hook.packet.family != nil else { return nil }
        let isSource = flags.contains(.saddr)
        let address = isSource ? hook.packet.sourceAddress : hook.packet.destinationAddress
        if result == .addressType {
            let type = hook.namespace.addressType(address)
            guard flags.contains(.iif) || flags.contains(.oif), type == .local else {
                return Self.octets(UInt32(type.rawValue))
            }
            let link = flags.contains(.iif) ? hook.input : hook.output
            let isHere = hook.namespace.addresses.contains { $0.link == link?.index && $0.address.address == address }
            return Self.octets(isHere ? 2 : 1)
        }
        guard !flags.contains(.oif) else { return nil }
        let question = RouteQuestion(
            destination: address,
            source: isSource ? hook.packet.destinationAddress : hook.packet.sourceAddress,
            input: nil,
            output: nil,
            mark: flags.contains(.mark) ? hook.mark : 0
        )
        var index: Int32 = 0
        if let input = hook.input, input.isLoopback, hook.point == .prerouting {
            index = input.index
        } else if case .found(let route) = hook.namespace.route(question), route.kind == .unicast {
            index = route.link ?? 0
            // Of several ways that one counts which is asked for (`fib_info_nh_uses_dev` of the kernel).
            if flags.contains(.iif), let input = hook.input, route.links.contains(input.index) { index = input.index }
        }
        if flags.contains(.iif), index != hook.input?.index { index = 0 }
        if flags.contains(.present) { return [index == 0 ? 0 : 1] }
        if result == .oifname { return Self.name(hook.namespace.link(index)?.name ?? "") }
        return Self.octets(UInt32(index))
    }
}
