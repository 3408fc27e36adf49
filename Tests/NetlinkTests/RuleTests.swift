// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Testing

@testable import Netlink

@Suite("Rules of the routing policy")
struct RuleTests {
    @Test("A rule from an address leads to a table, a small one in the header")
    func add() throws {
        let address = try #require(IPAddress("10.1.2.3"))
        let request = NetlinkRequest.addRule(from: address, table: 100)
        #expect(request.operation == "add rule from 10.1.2.3 lookup 100")
        expectOctets(
            request,
            """
            24 00 00 00  | length 36
            20 00 01 06  | RTM_NEWRULE, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 00 20 00  | AF_INET, any destination, source /32, any TOS
            64 00 00 01  | table 100, FR_ACT_TO_TBL
            00 00 00 00  | no flags
            08 00 02 00  | FRA_SRC
                0a 01 02 03
            """
        )
    }

    @Test("A large table and a priority are attributes")
    func delete() throws {
        let address = try #require(IPAddress("10.1.2.3"))
        let request = NetlinkRequest.deleteRule(from: address, table: 1000, priority: 32_765)
        #expect(request.operation == "delete rule from 10.1.2.3 lookup 1000")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            21 00 01 00  | RTM_DELRULE, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 00 20 00  | AF_INET, any destination, source /32, any TOS
            00 00 00 01  | RT_TABLE_UNSPEC, FR_ACT_TO_TBL
            00 00 00 00  | no flags
            08 00 02 00  | FRA_SRC
                0a 01 02 03
            08 00 0f 00  | FRA_TABLE
                e8 03 00 00
            08 00 06 00  | FRA_PRIORITY
                fd 7f 00 00
            """
        )
    }

    /// `from 10.1.2.3 lookup 100`, as the kernel tells it.
    private static let plain = """
        02 00 20 00 64 00 00 01 00 00 00 00  | AF_INET, source /32, table 100, FR_ACT_TO_TBL
        08 00 0f 00 64 00 00 00  | FRA_TABLE
        08 00 0e 00 ff ff ff ff  | FRA_SUPPRESS_PREFIXLEN: none
        08 00 06 00 fd 7f 00 00  | FRA_PRIORITY 32765
        08 00 02 00 0a 01 02 03  | FRA_SRC
        05 00 15 00 00 00 00 00  | FRA_PROTOCOL
        """

    @Test("A rule that looks at the source alone is plain")
    func readPlain() throws {
        let rule = try #require(RoutingRule(reply(RTM_NEWRULE, Self.plain)))
        #expect(rule.isPlain)
        #expect("\(rule.source?.description ?? "")" == "10.1.2.3/32")
        #expect((rule.family, rule.table, rule.priority) == (.v4, 100, 32_765))
    }

    @Test(
        "A rule that looks at more is not",
        arguments: [
            "08 00 0a 00 01 00 00 00  | FRA_FWMARK", "08 00 01 00 0a 00 00 00  | FRA_DST",
            "09 00 03 00 65 74 68 30 00 00 00 00  | FRA_IIFNAME", "05 00 16 00 06 00 00 00  | FRA_IP_PROTO",
        ]
    )
    func readNarrow(attribute: String) throws {
        let rule = try #require(RoutingRule(reply(RTM_NEWRULE, Self.plain + "\n" + attribute)))
        #expect(!rule.isPlain)
    }

    @Test("A damaged answer is no reason to trap")
    func damage() {
        for damaged in damaged(reply(RTM_NEWRULE, Self.plain)) { _ = RoutingRule(damaged) }
    }
}
