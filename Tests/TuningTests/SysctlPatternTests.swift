// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Tuning

@Suite("Patterns of allowed sysctls")
struct SysctlPatternTests {
    @Test(
        "A line fits what Go's package regexp says it fits",
        arguments: [
            ("", "net.core.somaxconn", true), ("somax", "net.core.somaxconn", true),
            ("^net", "net.core.somaxconn", true), ("^core", "net.core.somaxconn", false),
            ("somaxconn$", "net.core.somaxconn", true), ("core$", "net.core.somaxconn", false),
            (#"^net\.core\.somaxconn$"#, "net.core.somaxconn", true),
            (#"^net\.core\.somaxconn$"#, "net/core/somaxconn", false),
            (#"\Anet\.core\.\w+\z"#, "net.core.somaxconn", true), (#"^net\.core\.\d+$"#, "net.core.somaxconn", false),
            (#"^net\.ipv[46]\."#, "net.ipv6.conf", true), (#"^net\.ipv[^46]\."#, "net.ipv6.conf", false),
            (#"net\.(?:core|ipv4)\.x"#, "net.ipv4.x", true), (#"net\.(?P<name>core|ipv4)\.x"#, "net.core.x", true),
            (#"net\.(?<name>core)\.x"#, "net.core.x", true), (#"(?i)NET\.CORE"#, "net.core.x", true),
            ("NET", "net.core.x", false), (#"^(a|)$"#, "", true), ("^a||c$", "b", true),
            ("^ab*?c$", "abbc", true), ("^ab+?c$", "ac", false), ("^ab{2}c$", "abbc", true),
            ("^ab{2,}c$", "abc", false),
            ("^ab{1,2}?c$", "abbbc", false), ("^a{,2}$", "a{,2}", true), ("^a{x}$", "a{x}", true), ("^a}$", "a}", true),
            ("^a]$", "a]", true), ("^[]a]+$", "a]", true), ("^[^]a]+$", "a]", false), ("^[a-c-]+$", "a-c", true),
            (#"^[\w.-]+$"#, "net.core-x", true), (#"^[\w.-]+$"#, "net/core", false), (#"^[\d\]]+$"#, "1]", true),
            (#"^\W$"#, "/", true), (#"^\S+$"#, "a b", false), (#"^\D+$"#, "ab", true), (#"^[^\w]$"#, ".", true),
            ("^[[:alpha:]]+$", "abc", true), ("^[[:^digit:]]+$", "a1", false), ("^[[:word:].]+$", "a_1.b", true),
            (#"^[\^-]+$"#, "^-", true), (#"^[\^]$"#, "^", true), (#"^[[^-]+$"#, "[^-", true), (#"^[\\]$"#, #"\"#, true),
            (#"^\Qnet.core\E\.x$"#, "net.core.x", true), (#"^\Qnet.core\E\.x$"#, "netxcore.x", false),
            (#"\bcore\b"#, "net.core.x", true), (#"\bcor\b"#, "net.core.x", false), (#"^a\+b$"#, "a+b", true),
            ("^.$", "\n", false), (#"^\t$"#, "\t", true), ("a.c", "abc", true), ("^(ab)+$", "ababab", true),
        ] as [(String, String, Bool)]
    )
    func matches(line: String, key: String, fits: Bool) throws {
        #expect(try SysctlPattern(line).matches(key) == fits)
    }

    @Test(
        "What cannot be read is refused with a reason",
        arguments: [
            ("(", "missing closing )"), (")", "unexpected )"), ("*a", "nothing to repeat"),
            ("a**", "nothing to repeat"),
            ("^*", "nothing to repeat"), ("(|*)", "nothing to repeat"), ("a{3,2}", "invalid repeat count"),
            ("a{1001}", "invalid repeat count"), ("[a", "missing closing ]"), ("[]", "missing closing ]"),
            ("[z-a]", "invalid range of letters"), ("[[:green:]]", "no class is named green"), (#"a\"#, "trailing"),
            (#"\pL"#, #"\p is not understood"#), (#"\B"#, #"\B is not understood"#), (#"\1"#, #"\1 is not understood"#),
            ("(?m)a", "flags are understood only"), ("(?i:a)", "flags are understood only"), ("ä", "beyond ASCII"),
            ("[ä]", "beyond ASCII"),
        ]
    )
    func refused(line: String, reason: String) throws {
        let refusal = #expect(throws: SysctlPattern.Refusal.self) { try SysctlPattern(line).matches("x") }
        #expect(refusal?.reason.contains(reason) == true, "\(refusal?.reason ?? "")")
    }

    @Test("Every character of ASCII fits itself, alone and in a class, and no other one")
    func everyCharacter() throws {
        for octet in UInt8(1)..<128 {
            let letter = String(decoding: [octet], as: UTF8.self)
            let isPlain = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8.contains(octet)
            let quoted = isPlain ? letter : "\\" + letter
            for line in ["^\(quoted)$", "^[\(quoted)]$"] {
                let fitting = try (UInt8(1)..<128).filter {
                    try SysctlPattern(line).matches(String(decoding: [$0], as: UTF8.self))
                }
                #expect(fitting == [octet], "\(line)")
            }
            let others = try SysctlPattern("^[^\(quoted)]$")
            #expect(try !others.matches(letter), "\(letter)")
            #expect(try others.matches(octet == 0x78 ? "y" : "x"), "\(letter)")
        }
    }
}
