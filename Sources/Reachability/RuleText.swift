// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

/// Expressions in nft's words, as far as a line for people needs them.
enum RuleText {
    static func word(_ expression: Expression, _ rule: Rule) -> String {
        switch expression {
        case .payload(let base, let offset, let length, _): return field(base, offset, length, rule.chain.table.family)
        case .meta(let key, _): return meta(key)
        case .ct(let key, let direction, _):
            return "ct " + (direction.map { $0 == 0 ? "original " : "reply " } ?? "") + connection(key)
        case .compare(let comparison, _, let octets):
            return (comparison == .equal ? "" : comparison == .notEqual ? "!= " : "< > ") + value(octets)
        case .range(let isInverted, _, let low, let high):
            return (isInverted ? "!= " : "") + "\(value(low))-\(value(high))"
        case .bitwise(_, _, let mask, _):
            let ones = mask.reduce(0) { $0 + $1.nonzeroBitCount }
            return mask.count == 4 || mask.count == 16 ? "/\(ones)" : "&"
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
        case (.network, 12, 4): "ip saddr"
        case (.network, 16, 4): "ip daddr"
        case (.network, 8, 16): "ip6 saddr"
        case (.network, 24, 16): "ip6 daddr"
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
