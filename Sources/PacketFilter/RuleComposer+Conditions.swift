// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension RuleComposer {
    mutating func match(_ field: Field, _ datum: Datum, isInverted: Bool) {
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

    mutating func matchPrefix(_ field: Field, _ octets: [UInt8], _ prefix: Int, _ equal: Comparison) {
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

    mutating func matchFlags(_ field: Field, _ bits: UInt32) {
        load([field])
        bitwise(mask: Self.octets(bits), xor: Self.octets(0))
        expressions.append(.compare(.notEqual, .word(0), Self.octets(0)))
    }

    mutating func look(for fields: [Field], in operand: Statement.Operand, isInverted: Bool) {
        if fields.count == 1, case .literal(let elements) = operand, elements.count == 1, elements[0].key.count == 1 {
            match(fields[0], elements[0].key[0], isInverted: isInverted)
            return
        }
        let reference = reference(operand, fields, content: .none)
        load(fields, comparesRanges: reference.comparesRanges)
        expressions.append(.lookup(Lookup(reference.set, key: .word(0), target: isInverted ? .inverted : .none)))
    }

    func reference(
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

    mutating func bitwise(mask: [UInt8], xor: [UInt8]) {
        expressions.append(.bitwise(source: .word(0), target: .word(0), mask: mask, xor: xor))
    }

    static func octets(_ number: UInt32) -> [UInt8] { Datum.mark(number).octets }
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
