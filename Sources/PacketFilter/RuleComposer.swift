// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// Turns statements into the expressions that nft 1.0.6 would send for them, so that nft prints them as statements.
struct RuleComposer {
    let family: Family
    var expressions: [Expression] = []
    /// What the rule is known to be about at this point.
    var network: EtherType?
    var transport: TransportProtocol?
    var isEthernet: Bool

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
