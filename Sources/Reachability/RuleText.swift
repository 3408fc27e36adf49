// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

/// Expressions in nft's words, as far as a line for people needs them.
struct RuleText {
    /// What a register holds, as far as its values are said in another way than by their length.
    private enum Content {
        /// An address, or its first octets: of so many bits.
        case address(AddressFamily, bits: Int)
        /// A number of `NFPROTO_*`.
        case family
        /// An Ethernet type.
        case type
    }

    private let rule: Rule
    private var contents: [Register: Content] = [:]
    /// The version of IP that the rule is about by now.
    private var version: AddressFamily?

    private init(_ rule: Rule) {
        self.rule = rule
        version = rule.chain.table.family == .ip ? .v4 : rule.chain.table.family == .ip6 ? .v6 : nil
    }

    /// A rule's expressions, each that has any words.
    static func words(_ rule: Rule) -> [String] {
        var text = RuleText(rule)
        var words: [String] = []
        var index = 0
        while index < rule.expressions.count {
            let rest = rule.expressions[index...]
            words.append(text.word(rest))
            // As nft does: fields of IP say themselves which version they belong to.
            if text.isDependency(rest) {
                words.removeLast()
                _ = text.word(rest.dropFirst())
                index += 1
            }
            index += 1
        }
        return words.filter { !$0.isEmpty }
    }

    /// Whether a rule only asks for the version of IP because a field of it follows.
    private func isDependency(_ rest: ArraySlice<Expression>) -> Bool {
        guard rest.count > 2, case .meta(.nfproto, let register) = rest[rest.startIndex],
            case .compare(.equal, register, let octets) = rest[rest.startIndex + 1], let family = Self.version(octets),
            case .payload(.network, let offset, let length, _) = rest[rest.startIndex + 2]
        else { return false }
        return Self.address(family, offset, length) != nil
    }

    private mutating func word(_ rest: ArraySlice<Expression>) -> String {
        guard let expression = rest.first else { return "" }
        switch expression {
        case .payload(let base, let offset, let length, let target):
            contents[target] = base == .link && offset == 12 && length == 2 ? .type : nil
            guard base == .network, let family = version ?? (length == 4 ? .v4 : length == 16 ? .v6 : nil),
                let name = Self.address(family, offset, length)
            else { return Self.field(base, offset, length, rule.chain.table.family) }
            contents[target] = .address(family, bits: length * 8)
            return name
        case .meta(let key, let target):
            contents[target] = key == .nfproto ? .family : key == .proto ? .type : nil
            return Self.meta(key)
        case .bitwise(let source, let target, let mask, let xor):
            let ones = mask.reduce(0) { $0 + $1.nonzeroBitCount }
            let before = contents[source]
            contents[target] = nil
            if case .address(let family, _) = before, Self.leadingOnes(mask) == ones, xor.allSatisfy({ $0 == 0 }),
                case .compare(_, target, _) = rest.dropFirst().first
            {
                contents[target] = .address(family, bits: ones)
                return ""
            }
            return mask.count == 4 || mask.count == 16 ? "/\(ones)" : "&"
        case .compare(let comparison, let source, let octets):
            let sign = comparison == .equal ? "" : comparison == .notEqual ? "!= " : "< > "
            return sign + compared(octets, contents[source], isEqual: comparison == .equal)
        default:
            // Whatever else writes into a register: what it held is not known any more.
            contents = [:]
            return Self.word(expression)
        }
    }

    /// What something is compared with; afterwards it may be known which version of IP the rule is about.
    private mutating func compared(_ octets: [UInt8], _ content: Content?, isEqual: Bool) -> String {
        switch content {
        case .address(let family, let bits):
            let width = family == .v4 ? 4 : 16
            guard octets.count <= width, bits <= width * 8,
                let address = IPAddress(octets: octets + [UInt8](repeating: 0, count: width - octets.count))
            else { return Self.value(octets) }
            return bits == width * 8 ? "\(address)" : "\(address)/\(bits)"
        case .family:
            guard let family = Self.version(octets) else { return Self.value(octets) }
            if isEqual { version = family }
            return family == .v4 ? "ipv4" : "ipv6"
        case .type:
            if isEqual, octets == [0x08, 0x00] { version = .v4 }
            if isEqual, octets == [0x86, 0xdd] { version = .v6 }
            return Self.value(octets)
        case nil: return Self.value(octets)
        }
    }

    private static func version(_ octets: [UInt8]) -> AddressFamily? {
        octets == [Family.ip.rawValue] ? .v4 : octets == [Family.ip6.rawValue] ? .v6 : nil
    }

    private static func leadingOnes(_ mask: [UInt8]) -> Int {
        let whole = mask.prefix { $0 == 0xff }.count
        return whole * 8 + (whole < mask.count ? (~mask[whole]).leadingZeroBitCount : 0)
    }

    /// The name of a field of IP that is an address, of which nft loads no more octets than a prefix has.
    private static func address(_ family: AddressFamily, _ offset: Int, _ length: Int) -> String? {
        switch (family, offset) {
        case (.v4, 12) where length <= 4: "ip saddr"
        case (.v4, 16) where length <= 4: "ip daddr"
        case (.v6, 8) where length <= 16: "ip6 saddr"
        case (.v6, 24) where length <= 16: "ip6 daddr"
        default: nil
        }
    }

    private static func word(_ expression: Expression) -> String {
        switch expression {
        case .ct(let key, let direction, _):
            return "ct " + (direction.map { $0 == 0 ? "original " : "reply " } ?? "") + connection(key)
        case .range(let isInverted, _, let low, let high):
            return (isInverted ? "!= " : "") + "\(value(low))-\(value(high))"
        case .byteorder, .counter: return ""
        case .immediate(_, let octets): return value(octets)
        case .nat(let nat): return nat.isDestination ? "dnat" : "snat"
        case .unknown(let name, let octets): return ForeignExtension.title(name, octets)
        case .fib: return "fib"
        case .lookup(let lookup):
            guard case .named(let name) = lookup.set else { return "{ ... }" }
            return (lookup.target == .inverted ? "!= " : "") + "@\(name)"
        default: return expression.description
        }
    }

    private static func field(_ base: PayloadBase, _ offset: Int, _ length: Int, _ family: Family) -> String {
        switch (base, offset, length) {
        case (.network, 9, 1): "ip protocol"
        case (.transport, 0, 2): "th sport"
        case (.transport, 2, 2): "th dport"
        case (.link, 6, 6): "ether saddr"
        case (.link, 0, 6): "ether daddr"
        case (.link, 12, 2): "ether type"
        case (.network, 14, 4) where family == .bridge: "arp saddr ip"
        default: "@\(base),\(offset * 8),\(length * 8)"
        }
    }

    private static func meta(_ key: MetaKey) -> String {
        switch key {
        case .iif, .iifname: "iifname"
        case .oif, .oifname: "oifname"
        case .mark: "meta mark"
        case .l4proto: "meta l4proto"
        case .nfproto: "meta nfproto"
        case .proto: "meta protocol"
        case .pkttype: "meta pkttype"
        default: "meta \(key.rawValue)"
        }
    }

    private static func connection(_ key: ConnectionKey) -> String {
        switch key {
        case .state: "state"
        case .status: "status"
        case .direction: "direction"
        case .mark: "mark"
        case .protoDestination: "proto-dst"
        case .protoSource: "proto-src"
        case .ipSource, .ip6Source: "saddr"
        case .ipDestination, .ip6Destination: "daddr"
        default: "\(key.rawValue)"
        }
    }

    /// By its length what a value most likely is: a name, an address, a port.
    private static func value(_ octets: [UInt8]) -> String {
        let isText = octets.allSatisfy { $0 == 0 || (33..<127).contains($0) }
        if isText, octets.count > 4, octets[0] != 0 {
            return "\"" + String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self) + "\""
        }
        switch octets.count {
        case 1: return "\(octets[0])"
        case 2: return "\(Int(octets[0]) << 8 | Int(octets[1]))"
        case 4 where octets[0] != 0 && octets[3] != 0, 16: return IPAddress(octets: octets).map { "\($0)" } ?? ""
        case 6: return MACAddress(octets: octets).map { "\($0)" } ?? ""
        default: return "0x" + octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
