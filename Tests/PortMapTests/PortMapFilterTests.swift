// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Testing
import Wiring

@testable import PortMap

private let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")

/// What a configuration comes to in nf_tables.
private func share(_ members: String...) throws -> FilterShare {
    try PortPlan(configuration(members.joined(separator: ", ")), key).share
}

private func host(_ text: String) throws -> Datum { .address(try #require(IPAddress(text))) }

extension FilterShare {
    fileprivate func elements(of name: String) -> [SetElement] {
        elements.filter { $0.set.name == name }.flatMap { $0.elements }
    }

    fileprivate var sets: [String] { elements.map { $0.set.name } }
}

/// Both ends of a range of ports, or one port.
private func text(_ element: SetElement) -> String {
    let numbers = [element.key[0].octets, element.key[0].upper ?? element.key[0].octets]
    return numbers.map { "\(UInt16($0[0]) << 8 | UInt16($0[1]))" }.joined(separator: "-")
}

@Suite("Published ports in nf_tables")
struct PortMapFilterTests {
    @Test("Each mapping is one element, for its address or for all of them, and says whose it is")
    func elements() throws {
        let mappings = wants(port(8080, 80), port(53, 5353, #", "protocol": "udp", "hostIP": "192.0.2.1""#))
        let share = try share(mappings, onlyIPv4)
        #expect(share.sets == ["hosts4", "ports4", "replies4"])
        let target: Datum = try host("10.1.2.3")
        #expect(
            share.elements(of: "ports4") == [
                SetElement(key: [.octet(6), .port(8080)], values: [target, .port(80)], comment: key.ruleComment)
            ]
        )
        #expect(
            share.elements(of: "hosts4") == [
                SetElement(
                    key: [try host("192.0.2.1"), .octet(17), .port(53)],
                    values: [target, .port(5353)],
                    comment: key.ruleComment
                )
            ]
        )
        #expect(share.chains == [] && share.rules == [])
    }

    @Test("Both families have sets of their own, and IPv6 knows no way from the host itself")
    func families() throws {
        let share = try share(wants(port(8080, 80)), bothFamilies)
        #expect(share.sets == ["ports4", "replies4", "ports6", "replies6"])
        #expect(share.elements(of: "ports6").first?.content == .values([try host("fd00::3"), .port(80)]))
        #expect(share.shared.map { $0.own.chain.name } == ["from-10.1.2.0/24", "from-fd00__/64"])
        let networks = [try #require(CIDR("10.1.2.0/24")), try #require(CIDR("fd00::/64"))]
        let localhost = try #require(CIDR("127.0.0.0/8"))
        let rules: [[[Statement]]] = [
            [[.saddr(networks[0]), .masquerade], [.saddr(localhost), .masquerade]],
            [[.saddr(networks[1]), .masquerade]],
        ]
        for (shared, rules) in zip(share.shared, rules) {
            #expect(shared.own.rules == rules.map { Rule(shared.own.chain, $0) })
            #expect(shared.entries == [])
        }
        #expect(
            share.elements(of: "replies6") == [
                SetElement(key: [try host("fd00::3")], verdict: .goto("from-fd00__/64"), comment: key.ruleComment)
            ]
        )
    }

    @Test("All is masqueraded by one chain for both families, or nothing is")
    func masquerading() throws {
        let all = try share(wants(port(8080, 80)), bothFamilies, #""masqAll": true"#)
        #expect(all.shared.count == 1)
        let chain = Chain(PortMapFilter.table, "masquerade")
        #expect(all.shared[0].own == .init(chain, rules: [Rule(chain, [.masquerade])]))
        #expect(all.elements(of: "replies4").map { $0.content } == [.verdict(.goto("masquerade"))])
        #expect(all.elements(of: "replies6").map { $0.content } == [.verdict(.goto("masquerade"))])
        let none = try share(wants(port(8080, 80)), bothFamilies, #""snat": false, "masqAll": true"#)
        #expect(none.sets == ["ports4", "ports6"] && none.shared == [])
    }

    @Test("A family without mappings has nothing")
    func otherFamily() throws {
        let share = try share(wants(port(8080, 80, #", "hostIP": "::""#)), bothFamilies)
        #expect(share.sets == ["ports6", "replies6"])
        #expect(try PortMapTests.share(wants(port(80, 80, #", "hostIP": "::""#)), onlyIPv4).elements == [])
        #expect(try PortMapTests.share(wants(), bothFamilies).elements == [])
    }

    @Test("Neighbouring ports that lead to the same numbers are one range, and a single one is none")
    func runs() throws {
        let ports = [1, 2, 3, 100, 101, 5000, 65_534, 65_535].map { port($0, $0) }.joined(separator: ",")
        let share = try share(wants(ports), onlyIPv4, #""snat": false"#)
        #expect(share.sets == ["ports4", "tcp_ranges4"])
        #expect(share.elements(of: "tcp_ranges4").map { text($0) } == ["1-3", "100-101", "65534-65535"])
        #expect(share.elements(of: "tcp_ranges4").allSatisfy { $0.comment == key.ruleComment })
        #expect(share.elements(of: "tcp_ranges4")[0].content == .values([try host("10.1.2.3")]))
        #expect(share.elements(of: "ports4").map { $0.key[1] } == [.port(5000)])
    }

    @Test(
        "A range breaks off where ports differ, at another protocol, at an address and at a gap",
        arguments: [
            ([port(1, 1), port(2, 20), port(3, 3)], [], 3), ([port(1, 1), port(3, 3)], [], 2),
            ([port(1, 1), port(2, 2, #", "protocol": "udp""#)], [], 2),
            ([port(1, 1), port(2, 2, #", "hostIP": "192.0.2.1""#), port(3, 3)], [], 3),
            ([port(1, 1, #", "hostIP": "192.0.2.1""#), port(2, 2, #", "hostIP": "192.0.2.1""#)], [], 2),
            ([port(1, 1), port(2, 2), port(3, 30), port(4, 4), port(5, 5)], ["1-2", "4-5"], 1),
            ([port(1, 2), port(2, 3)], [], 2),
        ]
    )
    func breaks(mappings: [String], ranges: [String], others: Int) throws {
        let share = try share(wants(mappings.joined(separator: ",")), onlyIPv4, #""snat": false"#)
        #expect(share.elements(of: "tcp_ranges4").map { text($0) } == ranges)
        #expect(share.elements(of: "udp_ranges4") == [])
        #expect(share.elements(of: "ports4").count + share.elements(of: "hosts4").count == others)
    }

    @Test("Every protocol has ranges of its own, of thousands of ports too")
    func protocols() throws {
        let mappings = ["tcp", "udp", "sctp"].flatMap { name in
            (30_000..<31_000).map { port($0, $0, ", \"protocol\": \"\(name)\"") }
        }
        let share = try share(wants(mappings.joined(separator: ",")), bothFamilies, #""snat": false"#)
        let sets = ["tcp_ranges4", "udp_ranges4", "sctp_ranges4", "tcp_ranges6", "udp_ranges6", "sctp_ranges6"]
        #expect(share.sets == sets)
        for set in sets { #expect(share.elements(of: set).map { text($0) } == ["30000-30999"]) }
    }

    @Test("Conditions are asked in a chain of the attachment's own, to which ports lead with or without an address")
    func conditions() throws {
        let conditions = #""conditionsV4": ["ip", "saddr", "!=", "10.0.0.0/8"]"#
        let mappings = wants(port(80, 80), port(81, 81), port(90, 9, #", "hostIP": "192.0.2.1", "protocol": "udp""#))
        let share = try share(mappings, bothFamilies, conditions, #""snat": false"#)
        #expect(share.sets == ["conditional_hosts4", "conditional4", "tcp_ranges6"])
        let chain = Chain(PortMapFilter.table, "conditions4-\(key.ruleOwner)")
        let refused: Statement = .mismatch(.ipSaddr, .network(try #require(CIDR("10.0.0.0/8"))))
        let target = try #require(IPAddress("10.1.2.3"))
        let rules: [[Statement]] = [
            [refused, .match(.tcpDport, .port(80)), .dnat(.address(target, ports: 80...80), [])],
            [refused, .match(.tcpDport, .port(81)), .dnat(.address(target, ports: 81...81), [])],
            [
                refused, .match(.ipDaddr, try host("192.0.2.1")), .match(.udpDport, .port(90)),
                .dnat(.address(target, ports: 9...9), []),
            ],
        ]
        #expect(share.chains == [.init(chain, rules: rules.map { Rule(chain, $0, comment: key.ruleComment) })])
        let jump = Verdict.jump(chain.name)
        #expect(
            share.elements(of: "conditional4") == [
                SetElement(key: [.octet(6), .port(80)], verdict: jump, comment: key.ruleComment),
                SetElement(key: [.octet(6), .port(81)], verdict: jump, comment: key.ruleComment),
            ]
        )
        let address: Datum = try host("192.0.2.1")
        #expect(
            share.elements(of: "conditional_hosts4") == [
                SetElement(key: [address, .octet(17), .port(90)], verdict: jump, comment: key.ruleComment)
            ]
        )
    }

    @Test("Blank conditions are none")
    func blank() throws {
        #expect(try share(wants(port(80, 8)), onlyIPv4, #""conditionsV4": [" "], "snat": false"#).sets == ["ports4"])
    }

    @Test("Every element and rule fits nft, however long the names are")
    func longNames() throws {
        let long = AttachmentKey(
            network: String(repeating: "n", count: 250),
            containerID: String(repeating: "c", count: 64),
            interfaceName: "0123456789abcde"
        )
        let conditions = #""conditionsV4": ["iifname", "0123456789abcde"]"#
        let share = try PortPlan(configuration(wants(port(80, 80)), bothFamilies, conditions), long).share
        let comments =
            share.elements.flatMap { $0.elements.map { $0.comment } } + share.chains[0].rules.map { $0.comment }
        #expect(comments.allSatisfy { $0?.utf8.count == 128 && $0?.hasPrefix(long.ruleOwner) == true })
        #expect((share.chains + share.shared.map { $0.own }).allSatisfy { $0.chain.name.utf8.count < 128 })
    }
}
