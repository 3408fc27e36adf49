// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import PacketFilter

@Suite("Rules that do the same")
struct EquivalenceTests {
    private static func rule(_ statements: Statement..., comment: String? = "c") -> Rule {
        Rule(chain, statements, comment: comment)
    }

    private static func ports(_ data: Datum...) -> Statement {
        .member([.tcpDport], .literal(data.map { SetElement(key: [$0]) }))
    }

    @Test("What was counted does not matter, nor in which order a literal set was written")
    func same() {
        var counted = Self.rule(.counter, .quota(5, isInverted: true))
        counted.expressions = [
            .counter(packets: 4, bytes: 500), .quota(bytes: 5, consumed: 3, isInverted: true),
        ]
        #expect(counted.isEquivalent(to: Self.rule(.counter, .quota(5, isInverted: true))))
        let written = Self.rule(Self.ports(.port(80), .ports(81...90), .port(443)))
        #expect(written.isEquivalent(to: Self.rule(Self.ports(.port(443), .ports(80...90)))))
        #expect(Self.rule(Self.ports(.port(1), .port(2))).isEquivalent(to: Self.rule(Self.ports(.port(2), .port(1)))))
    }

    @Test("Anything else does")
    func different() {
        let rule = Self.rule(Self.ports(.port(80), .ports(81...90)), .accept)
        let others = [
            Self.rule(Self.ports(.port(80), .ports(81...91)), .accept),
            Self.rule(Self.ports(.port(80), .ports(81...90))),
            Self.rule(Self.ports(.port(80), .ports(81...90)), .drop),
            Self.rule(Self.ports(.port(80), .ports(81...90)), .accept, comment: nil),
            Self.rule(Self.ports(.port(80), .port(81)), .accept),
            Rule(Chain(table, "d"), expressions: rule.expressions, comment: "c"),
        ]
        for other in others { #expect(!rule.isEquivalent(to: other)) }
        let quota = Self.rule(.quota(5, isInverted: true))
        #expect(!quota.isEquivalent(to: Self.rule(.quota(6, isInverted: true))))
    }
}
