// SPDX-License-Identifier: Apache-2.0
import CLinux
import Linux
import Testing

@testable import Manuals

@Suite("Tables in the manual")
struct ManualPagesTests {
    private static func page(_ name: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(root)/docs/\(name).md"
        return String(decoding: try Descriptor(opening: path, O_RDONLY).readAll(path), as: UTF8.self)
    }

    @Test("A plugin's page has its tables as the code has them", arguments: PluginManual.all.map(\.name))
    func tables(_ name: String) throws {
        let text = try Self.page(name)
        let (updated, marks) = try KeyTable.update(text)
        #expect(updated == text, "docs/\(name).md is old: make docs")
        let expected = try #require(PluginManual.of(name)).tables.map(\.mark) + (name == "bridge" ? ["common"] : [])
        #expect(marks == expected)
    }

    @Test("A table without an end, and one that nobody knows, are refused")
    func refusals() {
        #expect(throws: ManualError.self) {
            try KeyTable.update("<!-- keys: bridge (written by make docs) -->\n| key |")
        }
        #expect(throws: ManualError.self) {
            try KeyTable.update("<!-- keys: brigde (written by make docs) -->\n<!-- end of keys -->")
        }
    }

    @Test("An old table is replaced, and nothing around it")
    func replacement() throws {
        let table = try #require(PluginManual.of("vrf")?.tables.first)
        let (open, close) = ("<!-- keys: vrf (written by make docs) -->", "<!-- end of keys -->")
        let old = "before\n\(open)\n| key | type |\n| `gone` | string |\n\(close)\nafter\n"
        let (text, marks) = try KeyTable.update(old)
        #expect(text == "before\n\(open)\n\(table.markdown)\n\(close)\nafter\n" && marks == ["vrf"])
    }

    @Test(
        "Markdown becomes plain text",
        arguments: [
            ("see [MTU](bridge.md#mtu), `0` is none", "see MTU, 0 is none"), ("a [b] c", "a [b] c"),
            ("[b](c.md) and [d]", "b and [d]"),
        ]
    )
    func plain(_ markdown: String, _ expected: String) {
        #expect(markdown.withoutMarkup == expected)
    }

    @Test("Keys of one table, and plugins, have names of their own")
    func names() {
        for table in PluginManual.allTables { #expect(Set(table.keys.map(\.name)).count == table.keys.count) }
        #expect(Set(PluginManual.allTables.map(\.mark)).count == PluginManual.allTables.count)
        #expect(PluginManual.all.map(\.name) == PluginManual.all.map(\.name).sorted())
    }
}
