// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension RuleComposer {
    mutating func set(_ field: Field, to source: Statement.Source) {
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

    mutating func translate(isDestination: Bool, to target: NATTarget, _ flags: NATFlags) {
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
    mutating func rewrite(
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
