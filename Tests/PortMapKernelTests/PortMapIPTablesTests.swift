// SPDX-License-Identifier: Apache-2.0
import CNI
import Linux
import TestSupport
import Testing

private let hasIPTables: Bool = {
    do { return try FileStatus.of("/usr/sbin/iptables-nft") != nil } catch { return false }
}()

@Suite("The port mapper by iptables", .enabled(if: canUnshare && hasIPTables, "needs root and iptables"))
struct PortMapIPTablesTests {
    @Test("ADD publishes, CHECK agrees, a second ADD replaces, DEL removes, and GC does not touch whoever is younger")
    func story() throws {
        let backend = #""backend": "iptables""#
        let first = members("10.1.2.3/24,fd00::3/64", port(8080, 80), and: backend)
        let second = members("10.1.2.4/24", port(9090, 80), and: backend)
        let chain = "CNI-DN-\(SHA512(of: "bluec1").hexadecimal(digits: 21))"
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", first), .check("c1", first), .earlySweep(), .check("c1", first),
            .add("c2", members("10.1.2.5/24", port(8080, 81))), .add("c1", second), .check("c1", second),
            .delete("c1"), .add("c1", first), .sweep(), .delete("c1"),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, nil, 108, nil, nil, nil, nil, nil, nil])
        #expect(sights[2].lines(chain).contains("10.1.2.3:80") && sights[2].rules.contains("table ip6 nat"))
        #expect(sights[7].lines(chain).contains("10.1.2.4:80") && !sights[7].rules.contains("10.1.2.3"))
        for index in [9, 11, 12] { #expect(!sights[index].rules.contains(chain) && sights[index].records == []) }
    }

    @Test("A family without mappings is not touched")
    func oneFamily() throws {
        let four = port(8080, 80, #", "hostIP": "0.0.0.0""#)
        let wanted = members("10.1.2.3/24,fd00::3/64", four, and: #""backend": "iptables""#)
        let sights = try play([.birth("c1"), .add("c1", wanted), .check("c1", wanted), .delete("c1")])
        #expect(sights.map { $0.error } == [nil, nil, nil, nil])
        #expect(sights[1].rules.contains("CNI-DN-") && !sights[1].rules.contains("table ip6"))
    }
}
