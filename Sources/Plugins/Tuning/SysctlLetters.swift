// SPDX-License-Identifier: Apache-2.0

/// A set of ASCII characters, as the classes of a regular expression name them.
struct SysctlLetters: Hashable {
    /// Bit n stands for character n.
    private var members: UInt128
    /// Whether everything beyond ASCII belongs to it as well.
    private var holdsOthers = false

    private init(_ members: UInt128) {
        self.members = members
    }

    private init(_ isMember: (UInt8) -> Bool) {
        members = (0..<128).reduce(0) { isMember(UInt8($1)) ? $0 | 1 << UInt128($1) : $0 }
    }

    private var inverted: SysctlLetters {
        var other = SysctlLetters(~members)
        other.holdsOthers = !holdsOthers
        return other
    }

    private mutating func insert(_ other: SysctlLetters) {
        members |= other.members
        holdsOthers = holdsOthers || other.holdsOthers
    }

    private func contains(_ octet: UInt8) -> Bool { members >> UInt128(octet) & 1 == 1 }

    /// The set in the notation of regex(7), where a backslash is an ordinary member; nil when it is empty.
    var expression: [UInt8]? {
        let listed = (1..<128).map { UInt8($0) }.filter { contains($0) != holdsOthers }
        guard !listed.isEmpty else { return holdsOthers ? Array("(.|\n)".utf8) : nil }
        if holdsOthers { return Array("[^".utf8) + SysctlLetters.arranged(listed) + Array("]".utf8) }
        if listed == [UInt8(ascii: "^")] { return Array("\\^".utf8) }
        return Array("[".utf8) + SysctlLetters.arranged(listed) + Array("]".utf8)
    }

    /// In an order in which none of them is taken for syntax: `]` first, `[` before nothing that makes it a class, `^`
    /// not first and `-` last, or first when there is only `^` besides.
    private static func arranged(_ octets: [UInt8]) -> [UInt8] {
        let special = Array("][^-".utf8)
        let plain = octets.filter { !special.contains($0) }
        let rest = special.dropFirst().filter { octets.contains($0) }
        let closing = octets.contains(special[0]) ? [special[0]] : []
        if closing.isEmpty, plain.isEmpty, rest == Array("^-".utf8) { return Array("-^".utf8) }
        return closing + plain + rest
    }
}

// Reading
extension SysctlLetters {
    private static let digits = SysctlLetters { (0x30...0x39).contains($0) }
    private static let upper = SysctlLetters { (0x41...0x5a).contains($0) }
    private static let lower = SysctlLetters { (0x61...0x7a).contains($0) }
    private static let spaces = SysctlLetters { " \t\n\u{0c}\r".utf8.contains($0) }

    private static func union(_ sets: SysctlLetters...) -> SysctlLetters {
        var all = SysctlLetters(0)
        for set in sets { all.insert(set) }
        return all
    }

    private static let words = union(digits, upper, lower, SysctlLetters { $0 == UInt8(ascii: "_") })

    /// What an escape stands for; `position` is behind its backslash, and moves behind the escape.
    init(escaped text: [UInt8], _ position: inout Int) throws(SysctlPattern.Refusal) {
        guard position < text.count else { throw SysctlPattern.Refusal(reason: "trailing backslash") }
        let octet = text[position]
        position += 1
        switch octet {
        case UInt8(ascii: "d"): self = Self.digits
        case UInt8(ascii: "D"): self = Self.digits.inverted
        case UInt8(ascii: "s"): self = Self.spaces
        case UInt8(ascii: "S"): self = Self.spaces.inverted
        case UInt8(ascii: "w"): self = Self.words
        case UInt8(ascii: "W"): self = Self.words.inverted
        case UInt8(ascii: "a"): self.init(1 << 7)
        case UInt8(ascii: "f"): self.init(1 << 12)
        case UInt8(ascii: "n"): self.init(1 << 10)
        case UInt8(ascii: "r"): self.init(1 << 13)
        case UInt8(ascii: "t"): self.init(1 << 9)
        case UInt8(ascii: "v"): self.init(1 << 11)
        case _ where octet < 0x80 && !Self.words.contains(octet), UInt8(ascii: "_"):
            self.init(1 << UInt128(octet))
        default:
            throw SysctlPattern.Refusal(
                reason: "\\\(String(decoding: [octet], as: UTF8.self)) is not understood at octet \(position)"
            )
        }
    }

    /// Reads what is behind an opening bracket, and moves behind the closing one.
    static func bracket(_ text: [UInt8], _ position: inout Int) throws(SysctlPattern.Refusal) -> SysctlLetters {
        var set = SysctlLetters(0)
        let isInverted = position < text.count && text[position] == UInt8(ascii: "^")
        if isInverted { position += 1 }
        var isFirst = true
        while position < text.count {
            if text[position] == UInt8(ascii: "]"), !isFirst {
                position += 1
                return isInverted ? set.inverted : set
            }
            isFirst = false
            set.insert(try member(text, &position))
        }
        throw SysctlPattern.Refusal(reason: "missing closing ]")
    }

    /// One character, a range, an escape or a named class.
    private static func member(_ text: [UInt8], _ position: inout Int) throws(SysctlPattern.Refusal) -> SysctlLetters {
        if text[position...].starts(with: "[:".utf8), let named = try named(text, &position) { return named }
        let first = try single(text, &position)
        let hasEnd = position + 1 < text.count && text[position] == UInt8(ascii: "-")
        guard let lowest = first.only, hasEnd, text[position + 1] != UInt8(ascii: "]") else { return first }
        position += 1
        guard let highest = try single(text, &position).only, lowest <= highest else {
            throw SysctlPattern.Refusal(reason: "invalid range of letters at octet \(position)")
        }
        return SysctlLetters { (lowest...highest).contains($0) }
    }

    private static func single(_ text: [UInt8], _ position: inout Int) throws(SysctlPattern.Refusal) -> SysctlLetters {
        let octet = text[position]
        position += 1
        if octet == UInt8(ascii: "\\") { return try SysctlLetters(escaped: text, &position) }
        guard octet < 0x80 else { throw SysctlPattern.Refusal(reason: "a letter beyond ASCII at octet \(position)") }
        return SysctlLetters(1 << UInt128(octet))
    }

    /// The character, if there is just one.
    private var only: UInt8? {
        members.nonzeroBitCount == 1 && !holdsOthers ? UInt8(members.trailingZeroBitCount) : nil
    }

    /// `[:name:]` or `[:^name:]`; nil when it is not closed, for then a bracket and a colon are meant.
    private static func named(_ text: [UInt8], _ position: inout Int) throws(SysctlPattern.Refusal) -> SysctlLetters? {
        let start = position + 2
        guard let colon = text[start...].firstIndex(of: UInt8(ascii: ":")), colon + 1 < text.count,
            text[colon + 1] == UInt8(ascii: "]")
        else { return nil }
        let isInverted = text[start] == UInt8(ascii: "^")
        let name = String(decoding: text[(isInverted ? start + 1 : start)..<colon], as: UTF8.self)
        guard let set = named(name) else { throw SysctlPattern.Refusal(reason: "no class is named \(name)") }
        position = colon + 2
        return isInverted ? set.inverted : set
    }

    /// Go's package regexp/syntax, "ASCII character classes".
    private static func named(_ name: String) -> SysctlLetters? {
        switch name {
        case "alnum": union(digits, upper, lower)
        case "alpha": union(upper, lower)
        case "ascii": SysctlLetters { _ in true }
        case "blank": SysctlLetters { $0 == 9 || $0 == 32 }
        case "cntrl": SysctlLetters { $0 < 32 || $0 == 127 }
        case "digit": digits
        case "graph": SysctlLetters { (33...126).contains($0) }
        case "lower": lower
        case "print": SysctlLetters { (32...126).contains($0) }
        case "punct": SysctlLetters { (33...126).contains($0) && (!words.contains($0) || $0 == UInt8(ascii: "_")) }
        case "space": union(spaces, SysctlLetters(1 << 11))
        case "upper": upper
        case "word": words
        case "xdigit": SysctlLetters { "0123456789abcdefABCDEF".utf8.contains($0) }
        default: nil
        }
    }
}
