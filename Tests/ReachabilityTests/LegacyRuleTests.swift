// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Reachability

@Suite("Rules of the older iptables")
struct LegacyRuleTests {
    /// What is said of a host whose kernel has these tables, and whose program prints such rules.
    private func objection(
        _ tables: String?,
        _ rules: String?,
        family: String = "ip",
        status: Int = 0
    ) throws -> String? {
        try withTemporaryDirectory { directory in
            if let tables { try writeFile("\(directory)/\(family)_tables_names", tables) }
            if let rules {
                let text = "#!/bin/sh\ncat <<'END'\n\(rules)END\nexit \(status)\n"
                try writeFile("\(directory)/\(family)tables-legacy-save", text, mode: 0o700)
            }
            return LegacyRules(lists: directory, programs: directory).objection
        }
    }

    private static let empty = "*filter\n:INPUT ACCEPT [3:180]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"

    @Test("Where there are none of its tables, or nothing is in them, nothing is said")
    func none() throws {
        #expect(try objection(nil, nil) == nil)
        #expect(try objection("", "-A never asked\n") == nil)
        #expect(try objection("filter\nnat\n", Self.empty) == nil)
    }

    @Test("A rule or a policy that drops is said, of either family", arguments: ["ip", "ip6"])
    func some(family: String) throws {
        let rule = Self.empty.replacing("COMMIT", with: "-A FORWARD -s 10.0.0.0/8 -j DROP\nCOMMIT")
        let policy = Self.empty.replacing("FORWARD ACCEPT", with: "FORWARD DROP")
        for rules in [rule, policy] {
            let said = try #require(try objection("filter\n", rules, family: family))
            #expect(said.contains("the older iptables has rules"))
            #expect(said.contains("\(family)tables-legacy-save"))
        }
    }

    @Test("Where nobody can say what is in its tables, it is not taken for nothing")
    func unread() throws {
        let missing = try #require(try objection("filter\nnat\n", nil))
        #expect(missing.contains("filter, nat"))
        let failing = try #require(try objection("filter\n", Self.empty, status: 1))
        #expect(failing.contains("does not say what is in them"))
    }
}
