// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import IPTables

/// The lines that a list of commands becomes.
func lines(_ edit: IPTablesEdit) -> [String] {
    edit.commands.map { String(decoding: $0.octets, as: UTF8.self) }
}

/// What a table with these lines holds.
func table(_ table: IPTablesTable = .nat, _ family: AddressFamily = .v4, _ text: String = "") -> IPTablesContents {
    IPTablesContents(family: family, table: table, parsing: Array("*\(table.rawValue)\n\(text)\nCOMMIT\n".utf8))
}

@Suite("Edits of a table")
struct IPTablesEditTests {
    private static let some =
        ":A - [0:0]\n:B - [0:0]\n-A A -j B\n-A A -i x -j DROP\n-A B -j RETURN\n-A POSTROUTING -j A"
    private static let own = IPTablesRule("A", ["-o", "y", "-j", "ACCEPT"])

    @Test("What is there already costs nothing")
    func nothing() {
        var edit = IPTablesEdit(table(.nat, .v4, Self.some))
        edit.ensureChain("A")
        edit.ensure(IPTablesRule("A", ["-j", "DROP", "-i", "x"]), .first)
        edit.removeChain("C")
        edit.deleteRules { $0.chain == "C" }
        #expect(edit.commands == [])
        #expect(edit.contents == table(.nat, .v4, Self.some))
    }

    @Test("What is missing comes once, at its place")
    func missing() {
        var edit = IPTablesEdit(table(.nat, .v4, Self.some))
        for _ in 0..<2 {
            edit.ensureChain("C")
            edit.ensure(Self.own, .last)
            edit.ensure(IPTablesRule("A", ["-i", "z", "-j", "ACCEPT"]), .first)
            edit.ensure(IPTablesRule("A", ["-i", "q", "-j", "ACCEPT"]), .behindJumps(to: ["B"]))
            edit.ensure(IPTablesRule("B", ["-i", "q", "-j", "ACCEPT"]), .behindJumps(to: ["C"]))
            edit.ensure(IPTablesRule("C", ["-j", "RETURN"]), .first)
        }
        #expect(
            lines(edit) == [
                "-N C", "-A A -o y -j ACCEPT", "-I A 1 -i z -j ACCEPT", "-I A 3 -i q -j ACCEPT",
                "-I B 1 -i q -j ACCEPT", "-I C 1 -j RETURN",
            ]
        )
        #expect(
            edit.contents.rules(in: "A").map { "\($0)" } == [
                "-A A -i z -j ACCEPT", "-A A -j B", "-A A -i q -j ACCEPT", "-A A -i x -j DROP", "-A A -o y -j ACCEPT",
            ]
        )
        #expect(edit.contents.rules(in: "B").map { "\($0)" } == ["-A B -i q -j ACCEPT", "-A B -j RETURN"])
    }

    @Test("A chain goes with its rules and every jump to it")
    func removal() {
        var edit = IPTablesEdit(table(.nat, .v4, Self.some + "\n-A OUTPUT -g A"))
        edit.removeChain("A")
        #expect(lines(edit) == ["-D POSTROUTING -j A", "-D OUTPUT -g A", "-F A", "-X A"])
        #expect(edit.contents.chains == ["B"])
        #expect(edit.contents.rules.map { "\($0)" } == ["-A B -j RETURN"])
    }

    @Test("The content of a chain is replaced, and others' stays")
    func replacement() {
        var edit = IPTablesEdit(table(.nat, .v4, Self.some))
        edit.replaceRules(in: "A", with: [Self.own])
        edit.replaceRules(in: "C", with: [])
        #expect(lines(edit) == ["-F A", "-A A -o y -j ACCEPT", "-N C"])
        #expect(edit.contents.rules(in: "A") == [Self.own])
        #expect(edit.contents.rules(in: "B").count == 1)
    }

    @Test("Rules that are there twice are deleted twice")
    func twice() {
        var edit = IPTablesEdit(table(.nat, .v4, "-A A -j B\n-A A -j C\n-A A -j B"))
        #expect(edit.deleteRules { $0.target == "B" } == 2)
        #expect(lines(edit) == ["-D A -j B", "-D A -j B"])
    }

    @Test(
        "The line that was refused is found in the complaint",
        arguments: [
            ("iptables-restore: line 5 failed", 5), ("Error occurred at line: 12", 12),
            ("iptables-restore v1.8.9 (nf_tables): line 3: CHAIN_ADD failed (File exists): chain X", 3),
            ("no number in this line", nil), ("line", nil), ("", nil),
        ] as [(String, Int?)]
    )
    func complaint(message: String, line: Int?) {
        #expect(IPTablesTool.complaint(in: message) == line)
    }
}
