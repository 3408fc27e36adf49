// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import IPTables

@Suite("The text of rules")
struct RuleTextTests {
    private static func words(_ text: String) -> [String]? {
        RuleText.words(Array(text.utf8)[...])
    }

    private static func text(_ words: [String]) -> String {
        String(decoding: IPTablesRule("X", words).octets, as: UTF8.self)
    }

    @Test(
        "A line divides as iptables-restore divides it",
        arguments: [
            ("", []),
            ("   \t ", []),
            ("-s 10.0.0.1/32  -j\tACCEPT ", ["-s", "10.0.0.1/32", "-j", "ACCEPT"]),
            (#"--comment "a b" -j X"#, ["--comment", "a b", "-j", "X"]),
            (#"--comment "name: \"n\" id: \"c\"""#, ["--comment", #"name: "n" id: "c""#]),
            (#""a\\b" 'c d'"#, [#"a\b"#, "'c", "d'"]),
            (#""it\'s" a\b"#, ["it's", #"a\b"#]),
            (#""" x"#, ["", "x"]),
            (#"ab"c d"e"#, ["abc d", "e"]),
            ("--comment \"t\u{e4}st\"", ["--comment", "t\u{e4}st"]),
        ]
    )
    func division(line: String, words: [String]) {
        #expect(Self.words(line) == words)
    }

    @Test("A quote that is not closed is no rule", arguments: [#"""#, #"-m "a b"#, #""a\"#, #""a\""#])
    func unclosed(line: String) {
        #expect(Self.words(line) == nil)
    }

    @Test("Octets that are no text are no rule")
    func notText() {
        #expect(RuleText.words([0x61, 0x20, 0xff]) == nil)
        #expect(RuleText.words([0x22, 0xc3, 0x22, 0x20, 0x61]) == nil)
    }

    @Test(
        "A word is in quotes when it needs them",
        arguments: [
            ("plain", " plain"), ("a b", #" "a b""#), (#"a"b"#, #" "a\"b""#), (#"a\b"#, #" "a\\b""#),
            ("it's", #" "it\'s""#), ("", #" """#), ("a\tb", " \"a\tb\""), ("!", " !"), ("#", " #"),
        ]
    )
    func quotes(word: String, text: String) {
        #expect(Self.text([word]) == text)
    }

    @Test("Whatever is written is read again")
    func roundTrip() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ab\"\\' \t!-:#,\u{e4}")
        for _ in 0..<2000 {
            let words = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                String(
                    (0..<Int.random(in: 0...6, using: &generator)).compactMap { _ in
                        alphabet.randomElement(using: &generator)
                    }
                )
            }
            #expect(Self.words(Self.text(words)) == words)
        }
    }

    @Test("Only a newline and a zero cannot be written")
    func unusable() {
        #expect(RuleText.canBeWritten("a b\t\"\\'\u{7f}"))
        #expect(!RuleText.canBeWritten("a\nb"))
        #expect(!RuleText.canBeWritten("a\0"))
    }
}
