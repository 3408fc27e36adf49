// SPDX-License-Identifier: Apache-2.0
import CLinux
import Linux
import Testing

@testable import Doctor

@Suite("Known keys")
struct KnownKeysTests {
    private static let plugins = [
        "bridge", "ptp", "macvlan", "ipvlan", "vlan", "host-device", "tap", "portmap", "firewall", "bandwidth",
        "tuning", "sbr", "vrf", "vswitch",
    ]

    @Test("Those of a plugin's manual are known", arguments: plugins)
    func plugin(_ type: String) throws {
        let known = try #require(KnownKeys.of(plugin: type))
        #expect(try Self.keys(ofPage: type).filter { known.kind(of: $0) == nil } == [])
    }

    @Test("Those of an IPAM plugin's manual are known", arguments: ["host-local", "static", "dhcp"])
    func ipam(_ type: String) throws {
        let known = try #require(KnownKeys.of(ipam: type))
        #expect(try Self.keys(ofPage: type).filter { known.kind(of: $0) == nil } == [])
    }

    /// The first table of keys on a page of the manual; a row may have several.
    private static func keys(ofPage page: String) throws -> [String] {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(root)/docs/\(page).md"
        let text = String(decoding: try Descriptor(opening: path, O_RDONLY).readAll(path), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let header = lines.firstIndex { $0.hasPrefix("| key | type |") }
        let rows = lines[(try #require(header) + 2)...].prefix { $0.hasPrefix("|") }
        try #require(!rows.isEmpty)
        let cells = rows.map { $0.split(separator: "|")[0] }
        return cells.flatMap { $0.split(separator: ",") }.map { $0.filter { !"` ".contains($0) } }
    }
}
