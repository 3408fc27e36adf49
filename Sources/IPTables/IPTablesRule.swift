// SPDX-License-Identifier: Apache-2.0

/// One rule: the chain it stands in, and the words that iptables(8) takes behind `-A CHAIN`.
///
/// The words are plain text: quoting is the business of ``IPTablesTool``.
package struct IPTablesRule: Sendable {
    package let chain: String
    /// Each argument by itself; empty for a foreign rule that could not be taken apart.
    package let words: [String]
    /// What was read, for naming the rule again exactly as it was; nil for one of our own.
    private let source: [UInt8]?

    /// A rule of our own.
    ///
    /// Written as iptables-save(8) prints it: addresses with their masks, `-s` and `-d` before interfaces, these before
    /// the protocol, matches in order, the target last.
    package init(_ chain: String, _ words: [String]) {
        self.chain = chain
        self.words = words
        source = nil
    }

    /// A rule that was read: what stands behind `-A `, and where the rest begins behind the chain.
    init(chain: String, source: ArraySlice<UInt8>) {
        self.chain = chain
        self.source = Array(source)
        words = RuleText.words(source) ?? []
    }

    /// The rest of the line in the format of iptables-restore(8), a blank before each word.
    var octets: [UInt8] {
        if let source {
            return source.first.map { $0 == ASCIICode.blank } ?? true ? source : [ASCIICode.blank] + source
        }
        var text: [UInt8] = []
        for word in words {
            text.append(ASCIICode.blank)
            RuleText.append(word, to: &text)
        }
        return text
    }

    /// The text of `-m comment --comment`, if there is one.
    package var comment: String? { argument(of: "--comment") }

    /// Where `-j` or `-g` leads: a chain, `ACCEPT` and the like, or an extension such as `DNAT`.
    package var target: String? { argument(of: "-j") ?? argument(of: "-g") }

    /// What stands behind `-s`: whom packets come from.
    var sender: String? { argument(of: "-s") }

    private func argument(of option: String) -> String? {
        var index = 0
        while index + 1 < words.count {
            if words[index] == option { return words[index + 1] }
            // A comment may look like anything.
            index += words[index] == "--comment" ? 2 : 1
        }
        return nil
    }
}

extension IPTablesRule: Hashable {
    package static func == (one: IPTablesRule, other: IPTablesRule) -> Bool {
        guard one.chain == other.chain, one.words == other.words else { return false }
        return !one.words.isEmpty || one.octets == other.octets
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(chain)
        hasher.combine(words)
    }
}

extension IPTablesRule: CustomStringConvertible {
    /// As iptables-save(8) prints it: `-A CHAIN …`.
    package var description: String {
        "-A \(chain)" + String(decoding: octets, as: UTF8.self)
    }
}
