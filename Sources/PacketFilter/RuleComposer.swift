// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// Turns statements into the expressions that nft 1.0.6 would send for them, so that nft prints them as statements.
struct RuleComposer {
    private let family: Family
    private var expressions: [Expression] = []
    /// What the rule is known to be about at this point.
    private var network: EtherType?
    private var transport: TransportProtocol?
    private var isEthernet: Bool

    private init(_ family: Family) {
        self.family = family
        isEthernet = family == .bridge
        switch family {
        case .ip: network = .ip
        case .ip6: network = .ip6
        case .arp: network = .arp
        case .inet, .netdev, .bridge: network = nil
        }
        expressions.reserveCapacity(12)
    }

    static func compose(_ statements: [Statement], for family: Family) -> [Expression] {
        var composer = RuleComposer(family)
        for statement in statements { composer.add(statement) }
        return composer.expressions
    }

    private mutating func add(_ statement: Statement) {
        switch statement {
        case .match(let field, let datum): match(field, datum, isInverted: false)
        case .mismatch(let field, let datum): match(field, datum, isInverted: true)
        case .member(let fields, let operand): look(for: fields, in: operand, isInverted: false)
        case .nonmember(let fields, let operand): look(for: fields, in: operand, isInverted: true)
        case .flags(let field, let bits): matchFlags(field, bits)
        case .masked(let field, let mask, let value, let isInverted):
            load([field])
            bitwise(mask: Self.octets(mask), xor: Self.octets(0))
            expressions.append(.compare(isInverted ? .notEqual : .equal, .word(0), Self.octets(value)))
        case .verdictMap(let fields, let operand):
            let reference = reference(operand, fields, content: .verdict)
            load(fields, comparesRanges: reference.comparesRanges)
            expressions.append(.lookup(Lookup(reference.set, key: .word(0), target: .verdict)))
        case .verdict(let verdict): expressions.append(.verdict(verdict))
        case .set(let field, let source): set(field, to: source)
        case .snat(let target, let flags): translate(isDestination: false, to: target, flags)
        case .dnat(let target, let flags): translate(isDestination: true, to: target, flags)
        case .masquerade(let ports, let flags): expressions.append(.masquerade(rewrite(ports, flags, from: 0)))
        case .redirect(let ports, let flags): expressions.append(.redirect(rewrite(ports, flags, from: 0)))
        case .reject(let reject): add(reject)
        default: addPlain(statement)
        }
    }

    /// The statements that are one expression, whatever came before.
    private mutating func addPlain(_ statement: Statement) {
        switch statement {
        case .counter: expressions.append(.counter(packets: 0, bytes: 0))
        case .limit(let limit): expressions.append(.limit(limit))
        case .log(let log): expressions.append(.log(log))
        case .connectionLimit(let count, let isInverted):
            expressions.append(.connectionLimit(count: count, isInverted: isInverted))
        case .quota(let bytes, let isInverted):
            expressions.append(.quota(bytes: bytes, consumed: 0, isInverted: isInverted))
        case .notrack: expressions.append(.notrack)
        case .raw(let expression): expressions.append(expression)
        default: preconditionFailure("a statement that nobody composes")
        }
    }

    private mutating func add(_ reject: Reject) {
        switch reject {
        case .icmp(let family, let code):
            require(.network(family == .v4 ? .ip : .ip6))
            expressions.append(.reject(type: 0, code: code))
        case .tcpReset:
            require(.transport(.tcp))
            expressions.append(.reject(type: 1, code: 0))
        case .icmpx(let code):
            expressions.append(.reject(type: 2, code: code))
        }
    }
}

// MARK: Requirements and loads

extension RuleComposer {
    /// Adds the condition without which a field has no meaning, unless the rule has it already.
    private mutating func require(_ requirement: FieldRequirement) {
        switch requirement {
        case .none: break
        case .network(let wanted): requireNetwork(wanted, byFrame: wanted == .arp && family == .bridge)
        case .transport(let proto):
            guard transport != proto else { return }
            expressions.append(.meta(.l4proto, to: .word(0)))
            expressions.append(.compare(.equal, .word(0), [proto.rawValue]))
            transport = proto
        case .ether:
            guard !isEthernet else { return }
            // ARPHRD_ETHER, linux/if_arp.h
            expressions.append(.meta(.iiftype, to: .word(0)))
            expressions.append(.compare(.equal, .word(0), withUnsafeBytes(of: UInt16(1)) { Array($0) }))
            isEthernet = true
        case .icmp(let family):
            requireNetwork(family == .v4 ? .ip : .ip6, byFrame: self.family == .bridge)
            require(.transport(family == .v4 ? .icmp : .icmpv6))
        }
    }

    /// `byFrame`: by the type that the frame says, instead of by what the kernel thinks of it.
    private mutating func requireNetwork(_ wanted: EtherType, byFrame: Bool) {
        guard network != wanted else { return }
        precondition(network == nil, "a rule cannot be about two network protocols")
        network = wanted
        if family == .inet, !isEthernet {
            precondition(wanted != .arp, "no ARP in a table of family inet")
            expressions.append(.meta(.nfproto, to: .word(0)))
            let number = wanted == .ip ? Family.ip : Family.ip6
            expressions.append(.compare(.equal, .word(0), [number.rawValue]))
            return
        }
        if byFrame || family == .inet {
            expressions.append(.payload(base: .link, offset: 12, length: 2, to: .word(0)))
        } else {
            expressions.append(.meta(.proto, to: .word(0)))
        }
        expressions.append(.compare(.equal, .word(0), Datum.network16(wanted.rawValue).octets))
    }

    /// What a condition tells about the packets that come past it.
    private mutating func learn(_ field: Field, _ octets: [UInt8]) {
        switch field {
        case .metaNfproto:
            network = octets[0] == Family.ip.rawValue ? .ip : octets[0] == Family.ip6.rawValue ? .ip6 : network
        case .metaProtocol, .etherType:
            network = EtherType(rawValue: UInt16(octets[0]) << 8 | UInt16(octets[1])) ?? network
        case .metaL4proto, .ipProtocol:
            transport = TransportProtocol(rawValue: octets[0])
        default: break
        }
    }

    /// Loads fields one behind the other, each on a whole word.
    ///
    /// `comparesRanges`: for a set of ranges, in which numbers of the host are compared in network order.
    private mutating func load(_ fields: [Field], from firstWord: Int = 0, comparesRanges: Bool = false) {
        for field in fields { require(field.requirement) }
        var word = firstWord
        for field in fields {
            load(field, length: field.type.length, to: .word(word))
            if comparesRanges, field.type.isOfHostOrder {
                let length = field.type.length
                // With one octet there is nothing to turn, but nft says so.
                expressions.append(
                    .byteorder(
                        source: .word(word),
                        target: .word(word),
                        toNetwork: true,
                        length: length,
                        size: max(length, 2)
                    )
                )
            }
            word += field.type.paddedLength / 4
        }
    }

    private mutating func load(_ field: Field, length: Int, to register: Register) {
        switch field.source {
        case .payload(let base, let offset):
            expressions.append(.payload(base: base, offset: offset, length: length, to: register))
        case .meta(let key): expressions.append(.meta(key, to: register))
        case .ct(let key, let direction): expressions.append(.ct(key, direction: direction, to: register))
        case .fib(let flags): expressions.append(.fib(.addressType, flags, to: register))
        }
    }
}

// MARK: Conditions

extension RuleComposer {
    private mutating func match(_ field: Field, _ datum: Datum, isInverted: Bool) {
        precondition(datum.octets.count == field.type.length, "a value that is not of the field's type")
        require(field.requirement)
        let equal: Comparison = isInverted ? .notEqual : .equal
        guard let upper = datum.upper else {
            load(field, length: field.type.length, to: .word(0))
            expressions.append(.compare(equal, .word(0), datum.octets))
            if !isInverted { learn(field, datum.octets) }
            return
        }
        if let prefix = datum.prefixLength, field.type.hasPrefixes {
            matchPrefix(field, datum.octets, prefix, equal)
            return
        }
        load(field, length: field.type.length, to: .word(0))
        if isInverted {
            expressions.append(.range(isInverted: true, .word(0), from: datum.octets, to: upper))
        } else {
            expressions.append(.compare(.greaterOrEqual, .word(0), datum.octets))
            expressions.append(.compare(.lessOrEqual, .word(0), upper))
        }
    }

    private mutating func matchPrefix(_ field: Field, _ octets: [UInt8], _ prefix: Int, _ equal: Comparison) {
        if prefix % 8 == 0, prefix > 0 {
            // A whole number of octets: only these are loaded, or at least compared.
            var length = octets.count
            if case .payload = field.source { length = prefix / 8 }
            load(field, length: length, to: .word(0))
            expressions.append(.compare(equal, .word(0), Array(octets.prefix(prefix / 8))))
            return
        }
        load(field, length: octets.count, to: .word(0))
        var mask: [UInt8] = []
        for index in octets.indices { mask.append(~UInt8(truncatingIfNeeded: 0xff >> max(0, prefix - 8 * index))) }
        bitwise(mask: mask, xor: [UInt8](repeating: 0, count: mask.count))
        expressions.append(.compare(equal, .word(0), octets))
    }

    private mutating func matchFlags(_ field: Field, _ bits: UInt32) {
        load([field])
        bitwise(mask: Self.octets(bits), xor: Self.octets(0))
        expressions.append(.compare(.notEqual, .word(0), Self.octets(0)))
    }

    private mutating func look(for fields: [Field], in operand: Statement.Operand, isInverted: Bool) {
        if fields.count == 1, case .literal(let elements) = operand, elements.count == 1, elements[0].key.count == 1 {
            match(fields[0], elements[0].key[0], isInverted: isInverted)
            return
        }
        let reference = reference(operand, fields, content: .none)
        load(fields, comparesRanges: reference.comparesRanges)
        expressions.append(.lookup(Lookup(reference.set, key: .word(0), target: isInverted ? .inverted : .none)))
    }

    private func reference(
        _ operand: Statement.Operand,
        _ fields: [Field],
        content: NamedSet.Content
    ) -> (set: SetReference, comparesRanges: Bool) {
        switch operand {
        case .set(let set):
            return (.named(set.name), set.flags.contains(.interval))
        case .literal(let elements):
            let set = LiteralSet(key: fields.map { $0.type }, content: content, elements: elements)
            return (.literal(set), set.hasRanges)
        }
    }

    private mutating func bitwise(mask: [UInt8], xor: [UInt8]) {
        expressions.append(.bitwise(source: .word(0), target: .word(0), mask: mask, xor: xor))
    }

    private static func octets(_ number: UInt32) -> [UInt8] { Datum.mark(number).octets }
}

// MARK: Actions

extension RuleComposer {
    private mutating func set(_ field: Field, to source: Statement.Source) {
        switch source {
        case .value(let value): expressions.append(.immediate(to: .word(0), Self.octets(value)))
        case .masked(let mask, let xor):
            load([field])
            bitwise(mask: Self.octets(mask), xor: Self.octets(xor))
        case .field(let other): load([other])
        case .numberGenerator(let generator): expressions.append(.numberGenerator(generator, to: .word(0)))
        case .hash(let fields, let modulus, let seed, let offset):
            // The register of the result is taken first, a whole one of 16 octets.
            load(fields, from: 4)
            let length = fields.reduce(0) { $0 + $1.type.paddedLength }
            expressions.append(
                .hash(source: .word(4), length: length, modulus: modulus, seed: seed, offset: offset, to: .word(0))
            )
        case .map(let fields, let operand):
            let reference = reference(operand, fields, content: .values([field.type]))
            load(fields, comparesRanges: reference.comparesRanges)
            expressions.append(.lookup(Lookup(reference.set, key: .word(0), target: .register(.word(0)))))
        }
        switch field.source {
        case .meta(let key): expressions.append(.metaSet(key, from: .word(0)))
        case .ct(let key, let direction): expressions.append(.ctSet(key, direction: direction, from: .word(0)))
        case .payload, .fib: preconditionFailure("only marks can be set")
        }
    }

    private mutating func translate(isDestination: Bool, to target: NATTarget, _ flags: NATFlags) {
        switch target {
        case .address(let address, let ports):
            expressions.append(.immediate(to: .word(0), address.octets))
            let ports = rewrite(ports, flags, from: 4)
            let nat = NAT(
                isDestination: isDestination,
                family: address.family,
                addressFrom: .word(0),
                ports: ports
            )
            expressions.append(.nat(nat))
        case .addresses(let first, let last):
            expressions.append(.immediate(to: .word(0), first.octets))
            expressions.append(.immediate(to: .word(4), last.octets))
            var nat = NAT(isDestination: isDestination, family: first.family, addressFrom: .word(0))
            nat.addressTo = .word(4)
            nat.ports.flags = flags
            expressions.append(.nat(nat))
        case .map(let fields, let map):
            guard case .values(let types) = map.content, let type = types.first else {
                preconditionFailure("addresses are translated by a map of addresses")
            }
            load(fields, comparesRanges: map.flags.contains(.interval))
            expressions.append(.lookup(Lookup(.named(map.name), key: .word(0), target: .register(.word(0)))))
            let family: AddressFamily = type == .ipv6Address ? .v6 : .v4
            var nat = NAT(isDestination: isDestination, family: family, addressFrom: .word(0))
            if types.count > 1 { nat.ports.from = .word(type.paddedLength / 4) }
            nat.ports.flags = flags
            expressions.append(.nat(nat))
        }
    }

    /// Puts the ports into whole registers from a word on.
    private mutating func rewrite(
        _ ports: ClosedRange<UInt16>?,
        _ flags: NATFlags,
        from word: Int
    ) -> PortRewrite {
        guard let ports else { return PortRewrite(flags: flags) }
        var rewrite = PortRewrite(from: .word(word), flags: flags)
        expressions.append(.immediate(to: .word(word), Datum.port(ports.lowerBound).octets))
        if ports.upperBound > ports.lowerBound {
            expressions.append(.immediate(to: .word(word + 4), Datum.port(ports.upperBound).octets))
            rewrite.to = .word(word + 4)
        }
        return rewrite
    }
}

extension Datum {
    /// How many leading bits both ends of the range share, if the range is all values that begin so.
    var prefixLength: Int? {
        guard let upper else { return octets.count * 8 }
        var length = 0
        var isBeyond = false
        for (low, high) in zip(octets, upper) {
            if isBeyond {
                guard low == 0, high == 0xff else { return nil }
                continue
            }
            let differing = low ^ high
            guard differing & (differing &+ 1) == 0, low & differing == 0 else { return nil }
            length += differing.leadingZeroBitCount
            isBeyond = differing != 0
        }
        return length
    }
}

extension DataType {
    /// Whether nft says ranges of it by what their members have in common, `10.0.0.0/8` and `"veth*"`.
    var hasPrefixes: Bool { self == .ipv4Address || self == .ipv6Address || self == .interfaceName }
}
