// SPDX-License-Identifier: Apache-2.0

/// Characters that mean something to iptables-restore(8), and a few that we write.
enum ASCIICode {
    static let blank = UInt8(ascii: " ")
    static let tab = UInt8(ascii: "\t")
    static let newline = UInt8(ascii: "\n")
    static let quote = UInt8(ascii: "\"")
    static let apostrophe = UInt8(ascii: "'")
    static let backslash = UInt8(ascii: "\\")
}

/// How iptables-restore(8) divides a line into words, and how iptables-save(8) writes a word.
///
/// Source: `add_param_to_argv` in xshared.c and `xtables_save_string` in xtables.c of iptables 1.8. A word in double
/// quotes ends with them; between them a backslash makes the next character an ordinary one. Apostrophes divide nothing
/// but are written with a backslash.
enum RuleText {
    /// The words of a line; nil when a quote is not closed, or a word is not UTF-8.
    static func words(_ line: ArraySlice<UInt8>) -> [String]? {
        var words: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        var isEscaped = false
        for octet in line {
            if isQuoted {
                if isEscaped || (octet != ASCIICode.backslash && octet != ASCIICode.quote) {
                    word.append(octet)
                    isEscaped = false
                    continue
                }
                if octet == ASCIICode.backslash {
                    isEscaped = true
                    continue
                }
                isQuoted = false
            } else if octet == ASCIICode.quote {
                isQuoted = true
                continue
            } else if octet == ASCIICode.blank || octet == ASCIICode.tab {
                if word.isEmpty { continue }
            } else {
                word.append(octet)
                continue
            }
            guard let text = String(validating: word, as: UTF8.self) else { return nil }
            words.append(text)
            word.removeAll(keepingCapacity: true)
        }
        if isQuoted { return nil }
        if !word.isEmpty {
            guard let text = String(validating: word, as: UTF8.self) else { return nil }
            words.append(text)
        }
        return words
    }

    /// Appends a word, in quotes when it needs them.
    static func append(_ word: String, to line: inout [UInt8]) {
        guard word.utf8.isEmpty || word.utf8.contains(where: needsQuotes) else {
            line.append(contentsOf: word.utf8)
            return
        }
        line.append(ASCIICode.quote)
        for octet in word.utf8 {
            if octet == ASCIICode.quote || octet == ASCIICode.backslash || octet == ASCIICode.apostrophe {
                line.append(ASCIICode.backslash)
            }
            line.append(octet)
        }
        line.append(ASCIICode.quote)
    }

    /// Whether a word can be written at all: a line ends at its newline, and a C string at its zero.
    static func canBeWritten(_ word: String) -> Bool {
        !word.utf8.contains { $0 == ASCIICode.newline || $0 == 0 }
    }

    private static func needsQuotes(_ octet: UInt8) -> Bool {
        octet == ASCIICode.blank || octet == ASCIICode.tab || octet == ASCIICode.quote
            || octet == ASCIICode.apostrophe || octet == ASCIICode.backslash
    }
}
