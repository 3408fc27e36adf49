// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNetlink
internal import Netlink

extension NetlinkMessage {
    /// One expression as an element of a list: its name, and its attributes in the order in which nft has them.
    func put(_ expression: Expression, sets: inout LiteralSetNumbers) {
        nest(NFTA_LIST_ELEM) { element in
            element.put(NFTA_EXPR_NAME, text: expression.name)
            if case .unknown(_, let octets) = expression {
                element.put(NFTA_EXPR_DATA, octets: octets)
                return
            }
            element.nestKeepingEmpty(Int(NFTA_EXPR_DATA.rawValue)) { body in
                switch expression {
                case .lookup(let lookup): body.putLookup(lookup, sets: &sets)
                case .payload, .payloadSet, .meta, .metaSet, .ct, .ctSet, .fib: body.putLoad(expression)
                case .compare, .range, .bitwise, .byteorder, .hash, .numberGenerator: body.putComputation(expression)
                case .counter, .limit, .log, .connectionLimit, .quota: body.putMeter(expression)
                default: body.putAction(expression)
                }
            }
        }
    }

    private func putLookup(_ lookup: Lookup, sets: inout LiteralSetNumbers) {
        put(NFTA_LOOKUP_SREG, lookup.key)
        switch lookup.target {
        case .none: break
        case .inverted: break
        case .register(let register): put(NFTA_LOOKUP_DREG, register)
        case .verdict: put(NFTA_LOOKUP_DREG, .verdict)
        }
        switch lookup.set {
        case .named(let name):
            put(NFTA_LOOKUP_SET, text: name)
        case .literal(let set):
            put(NFTA_LOOKUP_SET, text: set.pattern)
            put(NFTA_LOOKUP_SET_ID, sets.next())
        }
        if lookup.target == .inverted { put(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV.rawValue) }
    }

    private func putLoad(_ expression: Expression) {
        switch expression {
        case .payload(let base, let offset, let length, let register):
            put(NFTA_PAYLOAD_DREG, register)
            put(NFTA_PAYLOAD_BASE, base.rawValue)
            put(NFTA_PAYLOAD_OFFSET, UInt32(offset))
            put(NFTA_PAYLOAD_LEN, UInt32(length))
        case .payloadSet(let base, let offset, let length, let register, let checksum):
            put(NFTA_PAYLOAD_SREG, register)
            put(NFTA_PAYLOAD_BASE, base.rawValue)
            put(NFTA_PAYLOAD_OFFSET, UInt32(offset))
            put(NFTA_PAYLOAD_LEN, UInt32(length))
            put(NFTA_PAYLOAD_CSUM_TYPE, checksum.type)
            put(NFTA_PAYLOAD_CSUM_OFFSET, checksum.offset)
            if checksum.flags != 0 { put(NFTA_PAYLOAD_CSUM_FLAGS, checksum.flags) }
        case .meta(let key, let register):
            put(NFTA_META_KEY, key.rawValue)
            put(NFTA_META_DREG, register)
        case .metaSet(let key, let register):
            put(NFTA_META_KEY, key.rawValue)
            put(NFTA_META_SREG, register)
        case .ct(let key, let direction, let register):
            put(NFTA_CT_KEY, key.rawValue)
            put(NFTA_CT_DREG, register)
            if let direction { put(Int(NFTA_CT_DIRECTION.rawValue), direction) }
        case .ctSet(let key, let direction, let register):
            put(NFTA_CT_KEY, key.rawValue)
            if let direction { put(Int(NFTA_CT_DIRECTION.rawValue), direction) }
            put(NFTA_CT_SREG, register)
        case .fib(let result, let flags, let register):
            put(NFTA_FIB_FLAGS, flags.rawValue)
            put(NFTA_FIB_RESULT, result.rawValue)
            put(NFTA_FIB_DREG, register)
        default: preconditionFailure("an expression that loads nothing")
        }
    }

    private func putComputation(_ expression: Expression) {
        switch expression {
        case .compare(let comparison, let register, let octets):
            put(NFTA_CMP_SREG, register)
            put(NFTA_CMP_OP, comparison.rawValue)
            putData(NFTA_CMP_DATA, octets)
        case .range(let isInverted, let register, let first, let last):
            put(NFTA_RANGE_SREG, register)
            put(NFTA_RANGE_OP, isInverted ? NFT_RANGE_NEQ.rawValue : NFT_RANGE_EQ.rawValue)
            putData(NFTA_RANGE_FROM_DATA, first)
            putData(NFTA_RANGE_TO_DATA, last)
        case .bitwise(let source, let target, let mask, let xor):
            put(NFTA_BITWISE_SREG, source)
            put(NFTA_BITWISE_DREG, target)
            // NFT_BITWISE_BOOL, by its newer name NFT_BITWISE_MASK_XOR
            put(NFTA_BITWISE_OP, 0)
            put(NFTA_BITWISE_LEN, UInt32(mask.count))
            putData(NFTA_BITWISE_MASK, mask)
            putData(NFTA_BITWISE_XOR, xor)
        case .byteorder(let source, let target, let toNetwork, let length, let size):
            put(NFTA_BYTEORDER_SREG, source)
            put(NFTA_BYTEORDER_DREG, target)
            put(NFTA_BYTEORDER_OP, toNetwork ? NFT_BYTEORDER_HTON.rawValue : NFT_BYTEORDER_NTOH.rawValue)
            put(NFTA_BYTEORDER_LEN, UInt32(length))
            put(NFTA_BYTEORDER_SIZE, UInt32(size))
        case .hash(let source, let length, let modulus, let seed, let offset, let target):
            put(NFTA_HASH_SREG, source)
            put(NFTA_HASH_DREG, target)
            put(NFTA_HASH_LEN, UInt32(length))
            put(NFTA_HASH_MODULUS, modulus)
            if let seed { put(NFTA_HASH_SEED, seed) }
            if offset != 0 { put(NFTA_HASH_OFFSET, offset) }
            put(NFTA_HASH_TYPE, NFT_HASH_JENKINS.rawValue)
        case .numberGenerator(let generator, let target):
            put(NFTA_NG_DREG, target)
            put(NFTA_NG_MODULUS, generator.modulus)
            put(NFTA_NG_TYPE, generator.isRandom ? NFT_NG_RANDOM.rawValue : NFT_NG_INCREMENTAL.rawValue)
            put(NFTA_NG_OFFSET, generator.offset)
        default: preconditionFailure("an expression that computes nothing")
        }
    }

    private func putMeter(_ expression: Expression) {
        switch expression {
        case .counter(let packets, let bytes):
            put(NFTA_COUNTER_BYTES, wide: bytes)
            put(NFTA_COUNTER_PACKETS, wide: packets)
        case .limit(let limit):
            put(NFTA_LIMIT_RATE, wide: limit.rate)
            put(NFTA_LIMIT_UNIT, wide: limit.unit.rawValue)
            if limit.burst > 0 { put(NFTA_LIMIT_BURST, limit.burst) }
            put(NFTA_LIMIT_TYPE, limit.countsBytes ? NFT_LIMIT_PKT_BYTES.rawValue : NFT_LIMIT_PKTS.rawValue)
            put(NFTA_LIMIT_FLAGS, limit.isInverted ? NFT_LIMIT_F_INV.rawValue : 0)
        case .log(let log):
            putLog(log)
        case .connectionLimit(let count, let isInverted):
            put(NFTA_CONNLIMIT_COUNT, count)
            put(NFTA_CONNLIMIT_FLAGS, isInverted ? NFT_CONNLIMIT_F_INV.rawValue : 0)
        case .quota(let bytes, let consumed, let isInverted):
            put(NFTA_QUOTA_BYTES, wide: bytes)
            put(NFTA_QUOTA_CONSUMED, wide: consumed)
            put(NFTA_QUOTA_FLAGS, isInverted ? NFT_QUOTA_F_INV.rawValue : 0)
        default: preconditionFailure("an expression that measures nothing")
        }
    }

    private func putLog(_ log: Log) {
        if let prefix = log.prefix { put(NFTA_LOG_PREFIX, text: prefix) }
        if let group = log.group {
            put(Int(NFTA_LOG_GROUP.rawValue), integer: group.bigEndian)
        }
        if let length = log.snapLength { put(NFTA_LOG_SNAPLEN, length) }
        if let threshold = log.queueThreshold { put(Int(NFTA_LOG_QTHRESHOLD.rawValue), integer: threshold.bigEndian) }
        if let level = log.level { put(NFTA_LOG_LEVEL, level) }
        if log.flags != 0 { put(NFTA_LOG_FLAGS, log.flags) }
    }

    private func putAction(_ expression: Expression) {
        switch expression {
        case .immediate(let register, let octets):
            put(NFTA_IMMEDIATE_DREG, register)
            putData(NFTA_IMMEDIATE_DATA, octets)
        case .verdict(let verdict):
            put(NFTA_IMMEDIATE_DREG, .verdict)
            putVerdict(NFTA_IMMEDIATE_DATA, verdict)
        case .nat(let nat):
            put(NFTA_NAT_TYPE, nat.isDestination ? NFT_NAT_DNAT.rawValue : NFT_NAT_SNAT.rawValue)
            put(NFTA_NAT_FAMILY, UInt32((nat.family == .v4 ? Family.ip : .ip6).rawValue))
            if let register = nat.addressFrom { put(NFTA_NAT_REG_ADDR_MIN, register) }
            if let register = nat.addressTo { put(NFTA_NAT_REG_ADDR_MAX, register) }
            if let register = nat.ports.from { put(NFTA_NAT_REG_PROTO_MIN, register) }
            if let register = nat.ports.to { put(NFTA_NAT_REG_PROTO_MAX, register) }
            if nat.ports.wireFlags != 0 { put(NFTA_NAT_FLAGS, nat.ports.wireFlags) }
        case .masquerade(let ports):
            if ports.wireFlags != 0 { put(NFTA_MASQ_FLAGS, ports.wireFlags) }
            if let register = ports.from { put(NFTA_MASQ_REG_PROTO_MIN, register) }
            if let register = ports.to { put(NFTA_MASQ_REG_PROTO_MAX, register) }
        case .redirect(let ports):
            if let register = ports.from { put(NFTA_REDIR_REG_PROTO_MIN, register) }
            if let register = ports.to { put(NFTA_REDIR_REG_PROTO_MAX, register) }
            if ports.wireFlags != 0 { put(NFTA_REDIR_FLAGS, ports.wireFlags) }
        case .reject(let type, let code):
            put(NFTA_REJECT_TYPE, type)
            put(Int(NFTA_REJECT_ICMP_CODE.rawValue), code)
        case .notrack: break
        default: preconditionFailure("an expression that does nothing")
        }
    }
}

extension PortRewrite {
    /// With `NF_NAT_RANGE_PROTO_SPECIFIED` (2) where there are ports.
    fileprivate var wireFlags: UInt32 { flags.rawValue | (from == nil ? 0 : 2) }
}

extension Expression {
    /// As the kernel calls it.
    var name: String {
        switch self {
        case .payload, .payloadSet: "payload"
        case .meta, .metaSet: "meta"
        case .ct, .ctSet: "ct"
        case .compare: "cmp"
        case .range: "range"
        case .bitwise: "bitwise"
        case .byteorder: "byteorder"
        case .immediate, .verdict: "immediate"
        case .lookup: "lookup"
        case .nat: "nat"
        case .masquerade: "masq"
        case .redirect: "redir"
        case .counter: "counter"
        case .limit: "limit"
        case .log: "log"
        case .reject: "reject"
        case .fib: "fib"
        case .numberGenerator: "numgen"
        case .hash: "hash"
        case .connectionLimit: "connlimit"
        case .quota: "quota"
        case .notrack: "notrack"
        case .unknown(let name, _): name
        }
    }
}

/// The numbers by which rules find the literal sets that come before them in the same batch.
struct LiteralSetNumbers {
    private var number: UInt32

    init(after number: UInt32) {
        self.number = number
    }

    mutating func next() -> UInt32 {
        number += 1
        return number
    }
}
