// SPDX-License-Identifier: Apache-2.0
import Addressing
import Netlink
import Testing

@testable import Bandwidth

@Suite("Plans of bandwidth")
struct BandwidthPlanTests {
    private static let limit = BandwidthLimit(rate: 8_000_000, burst: 800_000)
    private static let blocks = [
        BandwidthPlan.Block(way: .egress, index: 5), BandwidthPlan.Block(way: .ingress, index: 6),
    ]

    private func plan(
        _ ingress: BandwidthLimit?,
        _ egress: BandwidthLimit?,
        _ subnets: BandwidthConfiguration.Subnets = .all
    ) -> BandwidthPlan {
        BandwidthPlan(BandwidthConfiguration(ingress: ingress, egress: egress, subnets: subnets))
    }

    @Test("Without subnets what the container receives takes no block, and what it sends takes one filter")
    func all() {
        let both = plan(Self.limit, Self.limit)
        #expect(both.ways == [.egress])
        #expect(both.direct == Self.limit)
        #expect(!both.filtersBothWays)
        #expect(both.filters([Self.blocks[0]]) == [.everything(.received, priority: 1, .redirect(to: 5))])
        #expect(plan(Self.limit, nil).ways == [])
        #expect(plan(nil, Self.limit).direct == nil)
    }

    @Test("Subnets that are limited have a filter each way, and all others none")
    func only() throws {
        let ten = try #require(CIDR("10.0.0.0/8"))
        let local = try #require(CIDR("fd00::/8"))
        let both = plan(Self.limit, Self.limit, .only([local, ten]))
        #expect(both.ways == [.egress, .ingress])
        #expect(both.direct == nil)
        #expect(both.filtersBothWays)
        #expect(
            both.filters(Self.blocks) == [
                .packets(.received, .destination, in: local, priority: 2, .redirect(to: 5)),
                .packets(.received, .destination, in: ten, priority: 1, .redirect(to: 5)),
                .packets(.sent, .source, in: local, priority: 12, .redirect(to: 6)),
                .packets(.sent, .source, in: ten, priority: 11, .redirect(to: 6)),
            ]
        )
    }

    @Test("Subnets that are exempt come before the filter for all others")
    func allBut() throws {
        let ten = try #require(CIDR("10.0.0.0/8"))
        let received = plan(Self.limit, nil, .allBut([ten]))
        #expect(received.ways == [.ingress])
        #expect(
            received.filters([Self.blocks[1]]) == [
                .packets(.sent, .source, in: ten, priority: 11, .pass),
                .everything(.sent, priority: 13, .redirect(to: 6)),
            ]
        )
    }

    @Test("Limits of nothing need nothing", arguments: [BandwidthConfiguration.Subnets.all, .only([])])
    func nothing(subnets: BandwidthConfiguration.Subnets) {
        #expect(plan(nil, nil, subnets).ways == [])
        #expect(plan(nil, nil, subnets).direct == nil)
    }
}
