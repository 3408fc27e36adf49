// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

/// Further conditions of a mapping in the words of nft(8), such as `ip saddr != 10.0.0.0/8 iifname "eth0"`.
///
/// Any number of comparisons one after the other, each of a field with one value, a range or a set in braces.
struct ConditionText {
    /// What cannot be understood, in words.
    struct Failure: Error, Hashable {
        let explanation: String
    }

    private let words: [String]
    private let family: AddressFamily
    private var position = 0

    /// Reads conditions.
    ///
    /// `family`: of all packets that they are about.
    /// - Throws: ``Failure``.
    static func parse(_ words: [String], _ family: AddressFamily) throws(Failure) -> [Statement] {
        var text = ConditionText(words, family)
        var statements: [Statement] = []
        while text.position < text.words.count { statements.append(try text.comparison()) }
        return statements
    }

    /// Splits as nft does: at blanks, and around braces and commas; quotes only surround.
    private init(_ words: [String], _ family: AddressFamily) {
        var tokens: [String] = []
        for word in words {
            var token: [UInt8] = []
            func flush() {
                if !token.isEmpty { tokens.append(String(decoding: token, as: UTF8.self)) }
                token = []
            }
            for octet in word.utf8 {
                switch octet {
                case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\""): flush()
                case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","):
                    flush()
                    tokens.append(String(decoding: [octet], as: UTF8.self))
                default: token.append(octet)
                }
            }
            flush()
        }
        self.words = tokens
        self.family = family
    }

    private mutating func next(_ expected: String) throws(Failure) -> String {
        guard position < words.count else { throw Failure(explanation: "\(expected) is missing at the end") }
        position += 1
        return words[position - 1]
    }

    private mutating func skip(_ word: String) -> Bool {
        guard position < words.count, words[position] == word else { return false }
        position += 1
        return true
    }

    private mutating func comparison() throws(Failure) -> Statement {
        let (field, kind) = try self.field()
        if case .address(let other) = kind, other != family {
            throw Failure(
                explanation: "\(words[(position - 2)..<position].joined(separator: " ")) is of the other family"
            )
        }
        let isInverted = skip("!=")
        if !isInverted { _ = skip("==") }
        var data: [Datum] = []
        if skip("{") {
            repeat { data.append(try datum(kind)) } while skip(",")
            guard skip("}") else { throw Failure(explanation: "the set of \(position) words is not closed by }") }
            let operand = Statement.Operand.literal(data.map { SetElement($0) })
            return isInverted ? .nonmember([field], operand) : .member([field], operand)
        }
        let value = try datum(kind)
        return isInverted ? .mismatch(field, value) : .match(field, value)
    }

    /// What the values of a field look like.
    private enum Kind {
        case address(AddressFamily)
        case port
        case name
        case mark
        case transport
        case ether
    }

    private mutating func field() throws(Failure) -> (Field, Kind) {
        let first = try next("a field")
        switch first {
        case "iifname": return (.iifname, .name)
        case "oifname": return (.oifname, .name)
        case "ip", "ip6", "tcp", "udp", "sctp", "th", "ether", "meta": break
        default:
            throw Failure(
                explanation: "\"\(first)\" is no field; ip, ip6, tcp, udp, sctp, th, ether, meta, iifname are"
            )
        }
        let second = try next("what of \(first)")
        switch (first, second) {
        case ("ip", "saddr"): return (.ipSaddr, .address(.v4))
        case ("ip", "daddr"): return (.ipDaddr, .address(.v4))
        case ("ip6", "saddr"): return (.ip6Saddr, .address(.v6))
        case ("ip6", "daddr"): return (.ip6Daddr, .address(.v6))
        case ("tcp", "sport"): return (.tcpSport, .port)
        case ("tcp", "dport"): return (.tcpDport, .port)
        case ("udp", "sport"): return (.udpSport, .port)
        case ("udp", "dport"): return (.udpDport, .port)
        case ("sctp", "sport"): return (.sctpSport, .port)
        case ("sctp", "dport"): return (.sctpDport, .port)
        case ("th", "sport"): return (.thSport, .port)
        case ("th", "dport"): return (.thDport, .port)
        case ("ether", "saddr"): return (.etherSaddr, .ether)
        case ("meta", "mark"): return (.metaMark, .mark)
        case ("meta", "l4proto"): return (.metaL4proto, .transport)
        case ("meta", "iifname"): return (.iifname, .name)
        case ("meta", "oifname"): return (.oifname, .name)
        default: throw Failure(explanation: "\"\(first) \(second)\" is no field that can be compared here")
        }
    }

    private mutating func datum(_ kind: Kind) throws(Failure) -> Datum {
        let word = try next("a value")
        let datum: Datum? =
            switch kind {
            case .address(let family): Self.addresses(word, family)
            case .port: Self.ports(word)
            // Any name at all would be no condition.
            case .name: (1...15).contains(word.utf8.count) && word != "*" ? .name(word) : nil
            case .mark: Self.number(word).map { .mark($0) }
            case .transport: Transport(word).map { .octet($0.rawValue) }
            case .ether: MACAddress(word).map { .ether($0) }
            }
        guard let datum else {
            throw Failure(explanation: "\"\(word)\" is no value of \(words[..<(position - 1)].joined(separator: " "))")
        }
        return datum
    }

    private static func addresses(_ word: String, _ family: AddressFamily) -> Datum? {
        if let address = IPAddress(word) { return address.family == family ? .address(address) : nil }
        if let network = CIDR(word) { return network.family == family ? .network(network) : nil }
        guard let (first, last) = halves(word), let lower = IPAddress(first), let upper = IPAddress(last),
            lower.family == family, upper.family == family, lower <= upper
        else { return nil }
        return .addresses(lower, upper)
    }

    private static func ports(_ word: String) -> Datum? {
        // Swift reads a sign, nft does not.
        guard !word.utf8.contains(UInt8(ascii: "+")) else { return nil }
        if let port = UInt16(word) { return .port(port) }
        guard let (first, last) = halves(word), let lower = UInt16(first), let upper = UInt16(last), lower <= upper
        else {
            return nil
        }
        return .ports(lower...upper)
    }

    private static func number(_ word: String) -> UInt32? {
        guard !word.utf8.contains(UInt8(ascii: "+")) else { return nil }
        return word.hasPrefix("0x") ? UInt32(word.dropFirst(2), radix: 16) : UInt32(word)
    }

    private static func halves(_ word: String) -> (String, String)? {
        guard let dash = word.utf8.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        return (String(word[..<dash]), String(word[word.index(after: dash)...]))
    }
}
