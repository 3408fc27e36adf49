// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// A regular expression in the syntax of Go's package regexp, for which lists of allowed sysctls were written, as an
/// extended regular expression of POSIX, which the C library can match.
///
/// What has no equivalent is refused: Unicode classes, flags but `(?i)` at the beginning, `\B`, `\C` and letters beyond
/// ASCII, which no sysctl has.
struct SysctlPattern {
    struct Refusal: Error, Hashable {
        let reason: String
    }

    /// regex(7).
    let expression: String
    let ignoresCase: Bool

    init(_ text: String) throws(Refusal) {
        var translation = PatternTranslation(text)
        try translation.run()
        expression = String(decoding: translation.output, as: UTF8.self)
        ignoresCase = translation.ignoresCase
    }

    /// Whether any part of a key fits.
    func matches(_ key: String) throws(Refusal) -> Bool {
        do throws(RegularExpression.SyntaxError) {
            return try RegularExpression(expression, ignoringCase: ignoresCase).matches(key)
        } catch {
            throw Refusal(reason: error.problem)
        }
    }
}

/// One pass over an expression.
private struct PatternTranslation {
    private let text: [UInt8]
    private var position = 0
    private(set) var output: [UInt8] = []
    private(set) var ignoresCase = false
    private var depth = 0
    /// Whether what was written last may be repeated.
    private var isRepeatable = false
    /// Whether nothing was written since the beginning of the alternative.
    private var isBare = true

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    mutating func run() throws(SysctlPattern.Refusal) {
        if text.starts(with: "(?i)".utf8) {
            ignoresCase = true
            position = 4
        }
        while let octet = take() {
            switch octet {
            case UInt8(ascii: "("): try open()
            case UInt8(ascii: ")"):
                guard depth > 0 else { throw refusal("unexpected )") }
                depth -= 1
                endAlternative()
                write(")", isRepeatable: true)
            case UInt8(ascii: "|"):
                endAlternative()
                write("|", isRepeatable: false)
                isBare = true
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
                try repeatLast([octet])
            case UInt8(ascii: "{"):
                if let bounds = try bounds() { try repeatLast(bounds) } else { write("\\{", isRepeatable: true) }
            case UInt8(ascii: "["): try write(SysctlLetters.bracket(text, &position))
            case UInt8(ascii: "."): write("[^\n]", isRepeatable: true)
            case UInt8(ascii: "^"), UInt8(ascii: "$"): write(octets: [octet], isRepeatable: false)
            case UInt8(ascii: "\\"): try escape()
            default: try writeLiteral(octet)
            }
        }
        guard depth == 0 else { throw refusal("missing closing )") }
        endAlternative()
    }

    private func refusal(_ reason: String) -> SysctlPattern.Refusal {
        SysctlPattern.Refusal(reason: "\(reason) at octet \(position)")
    }

    private mutating func take() -> UInt8? {
        guard position < text.count else { return nil }
        position += 1
        return text[position - 1]
    }

    private mutating func write(_ plain: String, isRepeatable: Bool) {
        write(octets: Array(plain.utf8), isRepeatable: isRepeatable)
    }

    private mutating func write(octets: [UInt8], isRepeatable: Bool) {
        output += octets
        self.isRepeatable = isRepeatable
        isBare = false
    }

    private mutating func write(_ letters: SysctlLetters) throws(SysctlPattern.Refusal) {
        guard let octets = letters.expression else { throw refusal("a class without letters") }
        write(octets: octets, isRepeatable: true)
    }

    private mutating func writeLiteral(_ octet: UInt8) throws(SysctlPattern.Refusal) {
        guard octet < 0x80 else { throw refusal("a letter beyond ASCII") }
        let isSpecial = "\\.[](){}*+?|^$".utf8.contains(octet)
        // A bracket that closes nothing is a letter, and may not be escaped.
        write(
            octets: isSpecial && octet != UInt8(ascii: "]") ? [UInt8(ascii: "\\"), octet] : [octet],
            isRepeatable: true
        )
    }

    /// POSIX leaves open what an empty alternative means.
    private mutating func endAlternative() {
        if isBare { write("()", isRepeatable: true) }
    }

    /// A group that captures, one that does not and one with a name are the same to us.
    private mutating func open() throws(SysctlPattern.Refusal) {
        if position < text.count, text[position] == UInt8(ascii: "?") {
            let rest = text[(position + 1)...]
            if rest.first == UInt8(ascii: ":") {
                position += 2
            } else if rest.starts(with: "P<".utf8) || rest.first == UInt8(ascii: "<"),
                let end = rest.firstIndex(of: UInt8(ascii: ">"))
            {
                position = end + 1
            } else {
                throw refusal("flags are understood only as (?i) at the beginning")
            }
        }
        depth += 1
        write("(", isRepeatable: false)
        isBare = true
    }

    /// Repeats what was written last; whether as often or as seldom as possible makes no difference to a match.
    private mutating func repeatLast(_ octets: [UInt8]) throws(SysctlPattern.Refusal) {
        guard isRepeatable else { throw refusal("nothing to repeat") }
        write(octets: octets, isRepeatable: false)
        if position < text.count, text[position] == UInt8(ascii: "?") { position += 1 }
    }

    /// What is behind an opening brace if that begins `{2}`, `{2,}` or `{2,5}`; else nil, for the brace itself is meant.
    private mutating func bounds() throws(SysctlPattern.Refusal) -> [UInt8]? {
        guard let end = text[position...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let inside = text[position..<end]
        let numbers = inside.split(separator: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)
        guard let lowest = number(numbers[0]) else { return nil }
        if numbers.count == 2, !numbers[1].isEmpty {
            guard let highest = number(numbers[1]) else { return nil }
            guard lowest <= highest, highest <= 1000 else { throw refusal("invalid repeat count") }
        }
        guard lowest <= 1000 else { throw refusal("invalid repeat count") }
        position = end + 1
        return [UInt8(ascii: "{")] + inside + [UInt8(ascii: "}")]
    }

    private func number(_ octets: ArraySlice<UInt8>) -> Int? {
        guard (1...4).contains(octets.count), octets.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return octets.reduce(0) { 10 * $0 + Int($1 - 0x30) }
    }

    private mutating func escape() throws(SysctlPattern.Refusal) {
        guard let octet = take() else { throw refusal("trailing backslash") }
        switch octet {
        case UInt8(ascii: "A"): write("^", isRepeatable: false)
        case UInt8(ascii: "z"): write("$", isRepeatable: false)
        case UInt8(ascii: "b"): write("\\b", isRepeatable: false)
        case UInt8(ascii: "Q"): try quote()
        default:
            position -= 1
            let letters = try SysctlLetters(escaped: text, &position)
            try write(letters)
        }
    }

    /// `\Q…\E`: everything in between means itself.
    private mutating func quote() throws(SysctlPattern.Refusal) {
        while let octet = take() {
            if octet == UInt8(ascii: "\\"), position < text.count, text[position] == UInt8(ascii: "E") {
                position += 1
                return
            }
            try writeLiteral(octet)
        }
    }
}
