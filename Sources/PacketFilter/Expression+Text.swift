// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension Expression: CustomStringConvertible {
    /// Short and for errors: what it does, without registers; verdicts as nft says them.
    package var description: String {
        switch self {
        case .payload(let base, let offset, let length, _): "@\(base.name),\(offset * 8),\(length * 8)"
        case .compare(let comparison, _, let octets): "\(comparison.sign) 0x\(octets.hexadecimal)"
        case .range(let isInverted, _, let first, let last):
            "\(isInverted ? "!= " : "")0x\(first.hexadecimal)-0x\(last.hexadecimal)"
        case .bitwise(_, _, let mask, let xor): "& 0x\(mask.hexadecimal) ^ 0x\(xor.hexadecimal)"
        case .immediate(_, let octets): "0x\(octets.hexadecimal)"
        case .verdict(let verdict): verdict.description
        case .lookup(let lookup):
            switch lookup.set {
            case .named(let name): "@\(name)"
            case .literal: "{ … }"
            }
        case .nat(let nat): nat.isDestination ? "dnat" : "snat"
        case .masquerade: "masquerade"
        case .redirect: "redirect"
        default: name
        }
    }
}

extension PayloadBase {
    fileprivate var name: String {
        switch self {
        case .link: "ll"
        case .network: "nh"
        case .transport: "th"
        case .inner: "ih"
        }
    }
}

extension Comparison {
    fileprivate var sign: String {
        switch self {
        case .equal: "=="
        case .notEqual: "!="
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }
}

extension [UInt8] {
    /// Two digits for each octet.
    fileprivate var hexadecimal: String {
        var digits: [UInt8] = []
        for octet in self {
            for digit in [octet >> 4, octet & 0xf] {
                digits.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        return String(decoding: digits, as: UTF8.self)
    }
}

extension SetElement {
    /// The key as nft says it, and the value: `tcp . 8080 : 10.0.0.2 . 80`.
    package func description(key types: [DataType]) -> String {
        var text = ""
        for (part, type) in zip(key, types) {
            if !text.isEmpty { text += " . " }
            text += part.description(as: type)
        }
        return text
    }
}

extension Datum {
    /// As nft says it.
    package func description(as type: DataType) -> String {
        guard let upper else { return Self.text(octets, type) }
        if type.hasPrefixes, type != .interfaceName, let length = prefixLength {
            return "\(Self.text(octets, type))/\(length)"
        }
        if type == .interfaceName { return "\(Self.text(octets, type))*" }
        return "\(Self.text(octets, type))-\(Self.text(upper, type))"
    }

    private static func text(_ octets: [UInt8], _ type: DataType) -> String {
        switch type {
        case .ipv4Address, .ipv6Address:
            return IPAddress(octets: octets).map { "\($0)" } ?? octets.hexadecimal
        case .etherAddress:
            return MACAddress(octets: octets).map { "\($0)" } ?? octets.hexadecimal
        case .interfaceName:
            return String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
        case .inetProto:
            return TransportProtocol(rawValue: octets.first ?? 0).text
        case .inetService:
            return "\(octets.reduce(0) { $0 << 8 | Int($1) })"
        default:
            return "0x\((type.isOfHostOrder ? inNetworkOrder(octets) : octets).hexadecimal)"
        }
    }
}

extension TransportProtocol {
    fileprivate var text: String {
        switch self {
        case .icmp: "icmp"
        case .tcp: "tcp"
        case .udp: "udp"
        case .icmpv6: "ipv6-icmp"
        case .sctp: "sctp"
        default: "\(rawValue)"
        }
    }
}
