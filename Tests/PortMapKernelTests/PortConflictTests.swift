// SPDX-License-Identifier: Apache-2.0
import CNI
import TestSupport
import Testing

@Suite("Who gets a port", .enabled(if: canUnshare, "needs root"))
struct PortConflictTests {
    @Test(
        "A port that is taken is refused with the holder's name, and nothing is changed",
        arguments: [
            (port(8080, 81), "0.0.0.0:8080/tcp"), (port(8080, 81, #", "hostIP": "192.0.2.1""#), "0.0.0.0:8080/tcp"),
            (port(2001, 2001), "0.0.0.0:2001/tcp"),
        ]
    )
    func conflict(mapping: String, forward: String) throws {
        let one = members("10.1.2.3/24", port(8080, 80), port(2000, 2000), port(2001, 2001))
        let two = members("10.1.2.4/24", port(7070, 80), mapping)
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", one), .add("c2", two), .check("c1", one), .delete("c2"),
            .check("c1", one), .delete("c1"), .add("c2", two), .check("c2", two),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, 108, nil, nil, nil, nil, nil, nil])
        let error = try #require(sights[3].error)
        #expect(error.message == "host port \(forward) is taken by container c1")
        #expect(error.details.contains("interface eth0 of network blue"))
        #expect(sights[3].rules == sights[2].rules && sights[5].rules == sights[2].rules)
        #expect(sights[3].records == sights[2].records)
    }

    @Test("An ADD over old ports that finds the new ones taken has neither, and keeps nobody from the old ones")
    func conflictOfSecondADD() throws {
        let old = members("10.1.2.4/24", port(7070, 80))
        let new = members("10.1.2.4/24", port(8080, 80))
        let sights = try play([
            .birth("c1"), .birth("c2"), .birth("c3"), .add("c1", members("10.1.2.3/24", port(8080, 80))),
            .add("c2", old), .add("c2", new), .add("c3", members("10.1.2.5/24", port(7070, 80))), .delete("c2"),
            .delete("c1"), .delete("c3"),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, 108, nil, nil, nil, nil])
        #expect(sights[5].rules == sights[3].rules && sights[5].records == ["c1:eth0:portmap.json"])
        #expect(sights[9].rules == "" && sights[9].records == [])
    }

    @Test("Ports of a container whose namespace is gone are taken over, and its late DEL takes nothing")
    func eviction() throws {
        let one = members("10.1.2.3/24", port(8080, 80), port(9090, 90))
        let two = members("10.1.2.3/24", port(8080, 80))
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", one), .death("c1"), .add("c2", two), .check("c2", two),
            .delete("c1"), .check("c2", two), .delete("c2"),
        ])
        #expect(sights.allSatisfy { $0.error == nil })
        #expect(sights[4].records == ["c2:eth0:portmap.json"])
        #expect(!sights[4].rules.contains("9090"))
        #expect(sights[6].rules == sights[4].rules)
        #expect(sights[8].rules == "")
    }

    @Test("A lost registry keeps nobody's port from being seen, whoever comes first")
    func lostRegistry() throws {
        let one = members("10.1.2.3/24", port(8080, 80, #", "hostIP": "192.0.2.1""#))
        let two = members("10.1.2.4/24", port(8080, 80, #", "hostIP": "192.0.2.2""#))
        let three = members("10.1.2.5/24", port(8080, 80))
        let sights = try play([
            .birth("c1"), .birth("c2"), .birth("c3"), .add("c1", one), .add("c2", two), .lose("host-ports"),
            .delete("c1"), .add("c3", three), .lose("host-ports"), .add("c2", two), .add("c3", three), .delete("c2"),
            .add("c3", three), .delete("c3"),
        ])
        let codes = [nil, nil, nil, nil, nil, nil, nil, 108, nil, nil, 108, nil, nil, nil] as [Int?]
        #expect(sights.map { $0.error?.code } == codes)
        #expect(sights[7].error?.message.hasSuffix("taken by container c2") == true)
        #expect(sights[13].rules == "")
    }

    @Test(
        "Ports of a container of which nothing is known any more are taken over, however runs of them overlap",
        arguments: [(2005, 2015), (2015, 2025), (2000, 2030), (2012, 2013), (2010, 2020)]
    )
    func lostRuns(first: Int, last: Int) throws {
        func run(_ ports: ClosedRange<Int>) -> String { ports.map { port($0, $0) }.joined(separator: ", ") }
        let one = members("10.1.2.3/24", run(2010...2020), run(3010...3020))
        let two = members("10.1.2.4/24", run(first...last))
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", one), .loseRecord("c1"), .lose("host-ports"), .add("c2", two),
            .check("c2", two), .delete("c1"), .check("c2", two), .delete("c2"), .sweep(),
        ])
        #expect(sights.allSatisfy { $0.error == nil }, "\(sights.compactMap { $0.error })")
        let ranges = sights[5].lines("tcp_ranges4")
        #expect(ranges.contains("\(first)-\(last) comment") && ranges.contains("id: c2\" : 10.1.2.4"))
        #expect(ranges.contains("3010-3020 comment") && !ranges.contains("2010-2020 comment") || first == 2010)
        #expect(sights[10].rules == "")
    }

    @Test("One port of two addresses belongs to two containers, with conditions as well")
    func twoAddresses() throws {
        let conditions = #""conditionsV4": ["ip", "saddr", "!=", "10.9.0.0/16"]"#
        let one = members("10.1.2.3/24", port(8080, 80, #", "hostIP": "192.0.2.1""#), and: conditions)
        let two = members("10.1.2.4/24", port(8080, 80, #", "hostIP": "192.0.2.2""#), and: conditions)
        let sights = try play([
            .birth("c1"), .birth("c2"), .add("c1", one), .add("c2", two), .check("c1", one), .check("c2", two),
            .delete("c1"), .check("c2", two), .delete("c2"),
        ])
        #expect(sights.map { $0.error?.code } == [nil, nil, nil, nil, nil, nil, nil, nil, nil])
        #expect(
            sights[3].rules.contains("ip saddr != 10.9.0.0/16 ip daddr 192.0.2.1 tcp dport 8080 dnat ip to 10.1.2.3:80")
        )
        #expect(sights[8].rules == "")
    }

    @Test("Of many who want one port at once, one gets it, and nothing is left when all are gone")
    func race() throws {
        let outcome = try inNewNamespace {
            try withTemporaryDirectory { root in
                let errors =
                    try onThreads(8) { number in
                        let name = "c\(number)"
                        _ = try Act.birth(name).run(root)
                        let wanted = members("10.1.2.\(number + 10)/24", port(8080, 80), port(9000 + number, 80))
                        do {
                            for _ in 0..<3 {
                                _ = try Act.add(name, wanted, ["CULVERT_LOCK_TIMEOUT": "20"]).run(root)
                            }
                            return nil
                        } catch let error as CNIError {
                            return error
                        }
                    } as [CNIError?]
                let rules = try nft("list ruleset\n")
                for number in 0..<8 { _ = try Act.delete("c\(number)").run(root) }
                return (errors, rules, try nft("list ruleset\n"))
            }
        }
        #expect(outcome.0.count { $0 == nil } == 1)
        #expect(outcome.0.allSatisfy { $0 == nil || $0?.code == 108 })
        #expect(outcome.1.split(separator: "tcp . 8080").count == 2)
        #expect(outcome.2 == "")
    }
}
