// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNetlink
internal import Netlink

extension Expression {
    /// Reads the list of a rule's expressions; what is cut off ends it.
    static func list(_ attributes: NetlinkAttributes) -> [Expression] {
        var expressions: [Expression] = []
        for (_, value) in attributes {
            let element = NetlinkAttributes(value)
            guard let name = element.text(NFTA_EXPR_NAME) else { continue }
            let body = element[NFTA_EXPR_DATA] ?? []
            expressions.append(
                Expression(name, NetlinkAttributes(body)) ?? .unknown(name: name, octets: Array(body))
            )
        }
        return expressions
    }

    /// Nil when we do not know the expression, or not all of it.
    private init?(_ name: String, _ body: NetlinkAttributes) {
        let expression: Expression? =
            switch name {
            case "payload": Self.payload(body)
            case "meta": Self.meta(body)
            case "ct": Self.ct(body)
            case "cmp": Self.compare(body)
            case "range": Self.range(body)
            case "bitwise": Self.bitwise(body)
            case "byteorder": Self.byteorder(body)
            case "immediate": Self.immediate(body)
            case "lookup": Self.lookup(body)
            case "nat": Self.nat(body)
            case "masq":
                .masquerade(PortRewrite(body, NFTA_MASQ_REG_PROTO_MIN, NFTA_MASQ_REG_PROTO_MAX, NFTA_MASQ_FLAGS))
            case "redir":
                .redirect(PortRewrite(body, NFTA_REDIR_REG_PROTO_MIN, NFTA_REDIR_REG_PROTO_MAX, NFTA_REDIR_FLAGS))
            case "fib": Self.fib(body)
            case "hash": Self.hash(body)
            case "notrack": .notrack
            default: Self.meter(name, body)
            }
        guard let expression else { return nil }
        self = expression
    }

    private static func meter(_ name: String, _ body: NetlinkAttributes) -> Expression? {
        switch name {
        case "counter":
            guard let packets = body.wideNumber(NFTA_COUNTER_PACKETS), let bytes = body.wideNumber(NFTA_COUNTER_BYTES)
            else { return nil }
            return .counter(packets: packets, bytes: bytes)
        case "limit": return limit(body)
        case "log": return log(body)
        case "connlimit":
            guard let count = body.number(NFTA_CONNLIMIT_COUNT) else { return nil }
            let flags = body.number(NFTA_CONNLIMIT_FLAGS) ?? 0
            return .connectionLimit(count: count, isInverted: flags & NFT_CONNLIMIT_F_INV.rawValue != 0)
        case "quota":
            guard let bytes = body.wideNumber(NFTA_QUOTA_BYTES) else { return nil }
            let flags = body.number(NFTA_QUOTA_FLAGS) ?? 0
            let consumed = body.wideNumber(NFTA_QUOTA_CONSUMED) ?? 0
            return .quota(bytes: bytes, consumed: consumed, isInverted: flags & NFT_QUOTA_F_INV.rawValue != 0)
        case "reject":
            guard let type = body.number(NFTA_REJECT_TYPE) else { return nil }
            return .reject(type: type, code: body[NFTA_REJECT_ICMP_CODE]?.first ?? 0)
        case "numgen":
            guard let target = body.register(NFTA_NG_DREG), let modulus = body.number(NFTA_NG_MODULUS),
                let type = body.number(NFTA_NG_TYPE)
            else { return nil }
            let generator = NumberGenerator(
                isRandom: type == NFT_NG_RANDOM.rawValue,
                modulus: modulus,
                offset: body.number(NFTA_NG_OFFSET) ?? 0
            )
            return .numberGenerator(generator, to: target)
        default: return nil
        }
    }

    private static func payload(_ body: NetlinkAttributes) -> Expression? {
        guard let base = body.number(NFTA_PAYLOAD_BASE).flatMap({ PayloadBase(rawValue: $0) }),
            let offset = body.number(NFTA_PAYLOAD_OFFSET), let length = body.number(NFTA_PAYLOAD_LEN)
        else { return nil }
        if let target = body.register(NFTA_PAYLOAD_DREG) {
            return .payload(base: base, offset: Int(offset), length: Int(length), to: target)
        }
        guard let source = body.register(NFTA_PAYLOAD_SREG) else { return nil }
        let checksum = PayloadChecksum(
            type: body.number(NFTA_PAYLOAD_CSUM_TYPE) ?? 0,
            offset: body.number(NFTA_PAYLOAD_CSUM_OFFSET) ?? 0,
            flags: body.number(NFTA_PAYLOAD_CSUM_FLAGS) ?? 0
        )
        return .payloadSet(base: base, offset: Int(offset), length: Int(length), from: source, checksum: checksum)
    }

    private static func meta(_ body: NetlinkAttributes) -> Expression? {
        guard let key = body.number(NFTA_META_KEY).map({ MetaKey(rawValue: $0) }) else { return nil }
        if let target = body.register(NFTA_META_DREG) { return .meta(key, to: target) }
        return body.register(NFTA_META_SREG).map { .metaSet(key, from: $0) }
    }

    private static func ct(_ body: NetlinkAttributes) -> Expression? {
        guard let key = body.number(NFTA_CT_KEY).map({ ConnectionKey(rawValue: $0) }) else { return nil }
        let direction = body[NFTA_CT_DIRECTION]?.first
        if let target = body.register(NFTA_CT_DREG) { return .ct(key, direction: direction, to: target) }
        return body.register(NFTA_CT_SREG).map { .ctSet(key, direction: direction, from: $0) }
    }

    private static func fib(_ body: NetlinkAttributes) -> Expression? {
        guard let result = body.number(NFTA_FIB_RESULT).flatMap({ FIBResult(rawValue: $0) }),
            let flags = body.number(NFTA_FIB_FLAGS), let target = body.register(NFTA_FIB_DREG)
        else { return nil }
        return .fib(result, FIBFlags(rawValue: flags), to: target)
    }

    private static func compare(_ body: NetlinkAttributes) -> Expression? {
        guard let source = body.register(NFTA_CMP_SREG), let octets = body.data(NFTA_CMP_DATA),
            let comparison = body.number(NFTA_CMP_OP).flatMap({ Comparison(rawValue: $0) })
        else { return nil }
        return .compare(comparison, source, octets)
    }

    private static func range(_ body: NetlinkAttributes) -> Expression? {
        guard let source = body.register(NFTA_RANGE_SREG), let comparison = body.number(NFTA_RANGE_OP),
            let first = body.data(NFTA_RANGE_FROM_DATA), let last = body.data(NFTA_RANGE_TO_DATA)
        else { return nil }
        return .range(isInverted: comparison == NFT_RANGE_NEQ.rawValue, source, from: first, to: last)
    }

    private static func bitwise(_ body: NetlinkAttributes) -> Expression? {
        guard body.number(NFTA_BITWISE_OP) ?? 0 == 0,
            let source = body.register(NFTA_BITWISE_SREG), let target = body.register(NFTA_BITWISE_DREG),
            let mask = body.data(NFTA_BITWISE_MASK), let xor = body.data(NFTA_BITWISE_XOR)
        else { return nil }
        return .bitwise(source: source, target: target, mask: mask, xor: xor)
    }

    private static func byteorder(_ body: NetlinkAttributes) -> Expression? {
        guard let source = body.register(NFTA_BYTEORDER_SREG), let target = body.register(NFTA_BYTEORDER_DREG),
            let operation = body.number(NFTA_BYTEORDER_OP), let length = body.number(NFTA_BYTEORDER_LEN),
            let size = body.number(NFTA_BYTEORDER_SIZE)
        else { return nil }
        return .byteorder(
            source: source,
            target: target,
            toNetwork: operation == NFT_BYTEORDER_HTON.rawValue,
            length: Int(length),
            size: Int(size)
        )
    }

    private static func hash(_ body: NetlinkAttributes) -> Expression? {
        guard body.number(NFTA_HASH_TYPE) ?? 0 == NFT_HASH_JENKINS.rawValue,
            let source = body.register(NFTA_HASH_SREG), let target = body.register(NFTA_HASH_DREG),
            let length = body.number(NFTA_HASH_LEN), let modulus = body.number(NFTA_HASH_MODULUS)
        else { return nil }
        return .hash(
            source: source,
            length: Int(length),
            modulus: modulus,
            seed: body.number(NFTA_HASH_SEED),
            offset: body.number(NFTA_HASH_OFFSET) ?? 0,
            to: target
        )
    }

    private static func immediate(_ body: NetlinkAttributes) -> Expression? {
        guard let target = body.register(NFTA_IMMEDIATE_DREG) else { return nil }
        if target == .verdict { return body.verdict(NFTA_IMMEDIATE_DATA).map { .verdict($0) } }
        return body.data(NFTA_IMMEDIATE_DATA).map { .immediate(to: target, $0) }
    }

    private static func lookup(_ body: NetlinkAttributes) -> Expression? {
        guard let name = body.text(NFTA_LOOKUP_SET), let key = body.register(NFTA_LOOKUP_SREG) else { return nil }
        var target = Lookup.Target.none
        if let register = body.register(NFTA_LOOKUP_DREG) {
            target = register == .verdict ? .verdict : .register(register)
        } else if (body.number(NFTA_LOOKUP_FLAGS) ?? 0) & NFT_LOOKUP_F_INV.rawValue != 0 {
            target = .inverted
        }
        return .lookup(Lookup(.named(name), key: key, target: target))
    }

    private static func nat(_ body: NetlinkAttributes) -> Expression? {
        guard let type = body.number(NFTA_NAT_TYPE), let family = body.number(NFTA_NAT_FAMILY),
            family == UInt32(Family.ip.rawValue) || family == UInt32(Family.ip6.rawValue)
        else { return nil }
        var nat = NAT(
            isDestination: type == NFT_NAT_DNAT.rawValue,
            family: family == UInt32(Family.ip.rawValue) ? .v4 : .v6,
            addressFrom: body.register(NFTA_NAT_REG_ADDR_MIN),
            addressTo: body.register(NFTA_NAT_REG_ADDR_MAX),
            ports: PortRewrite(body, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX, NFTA_NAT_FLAGS)
        )
        // The kernel says one address as a range to itself.
        if nat.addressTo == nat.addressFrom { nat.addressTo = nil }
        return .nat(nat)
    }

    private static func limit(_ body: NetlinkAttributes) -> Expression? {
        guard let rate = body.wideNumber(NFTA_LIMIT_RATE),
            let unit = body.wideNumber(NFTA_LIMIT_UNIT).flatMap({ Limit.Unit(rawValue: $0) })
        else { return nil }
        return .limit(
            Limit(
                rate,
                per: unit,
                burst: body.number(NFTA_LIMIT_BURST) ?? 0,
                countsBytes: body.number(NFTA_LIMIT_TYPE) == NFT_LIMIT_PKT_BYTES.rawValue,
                isInverted: (body.number(NFTA_LIMIT_FLAGS) ?? 0) & NFT_LIMIT_F_INV.rawValue != 0
            )
        )
    }

    private static func log(_ body: NetlinkAttributes) -> Expression? {
        var log = Log(
            prefix: body.text(NFTA_LOG_PREFIX),
            level: body.number(NFTA_LOG_LEVEL),
            flags: body.number(NFTA_LOG_FLAGS) ?? 0,
            group: body[NFTA_LOG_GROUP]?.integer(as: UInt16.self)?.bigEndian
        )
        log.snapLength = body.number(NFTA_LOG_SNAPLEN)
        log.queueThreshold = body[NFTA_LOG_QTHRESHOLD]?.integer(as: UInt16.self)?.bigEndian
        return .log(log)
    }
}

extension PortRewrite {
    fileprivate init<Attribute: RawRepresentable<UInt32>>(
        _ body: NetlinkAttributes,
        _ from: Attribute,
        _ to: Attribute,
        _ flags: Attribute
    ) {
        self.init(from: body.register(from), to: body.register(to))
        // The kernel says one port as a range to itself.
        if self.to == self.from { self.to = nil }
        // NF_NAT_RANGE_MAP_IPS and NF_NAT_RANGE_PROTO_SPECIFIED: that there are addresses and ports is seen anyway.
        self.flags = NATFlags(rawValue: (body.number(flags) ?? 0) & ~3)
    }
}
