// SPDX-License-Identifier: Apache-2.0
import Attachments
import JSON
import Pools
import Testing
import Wiring

@testable import Monitoring

@Suite("Traffic")
struct TrafficTests {
    private func row(_ container: String, _ counters: [String: Int64]?, link: String = "veth1") -> AttachmentRow {
        let facts = AttachmentFacts(
            key: AttachmentKey(network: "lan", containerID: container, interfaceName: "eth0"),
            notes: [],
            life: AttachmentLife(.alive, ""),
            isBusy: false
        )
        return AttachmentRow(
            facts,
            hostEnd: counters.map { HostEndFacts(name: link, isThere: true, counters: $0) }
        )
    }

    private func counters(_ octets: Int64, _ packets: Int64, drops: Int64 = 0) -> [String: Int64] {
        [
            "rx_bytes": octets, "tx_bytes": octets * 2, "rx_packets": packets, "tx_packets": packets * 2,
            "rx_dropped": drops, "tx_dropped": 0, "rx_errors": 0, "tx_errors": 0,
        ]
    }

    private func sample(_ seconds: Int64, _ rows: [AttachmentRow]) -> TrafficSample {
        TrafficSample(nanoseconds: seconds * 1_000_000_000, rows: rows)
    }

    @Test("Rates are what was counted in between, by the time that passed")
    func rates() {
        let before = sample(10, [row("a", counters(1000, 10))])
        let after = sample(12, [row("a", counters(3000, 14, drops: 6))])
        let expected = AttachmentTraffic.Rates(
            receivedBits: 8000,
            sentBits: 16000,
            receivedPackets: 2,
            sentPackets: 4,
            drops: 3
        )
        #expect(after.traffic(since: before).map { $0.rates } == [expected])
    }

    @Test("Who is new, counts nothing, counts backwards or has another link has no rates")
    func none() {
        let before = sample(
            1,
            [
                row("back", counters(5000, 5)), row("card", nil), row("other", counters(1, 1), link: "veth0"),
            ]
        )
        let after = sample(
            2,
            [
                row("back", counters(10, 1)), row("card", nil), row("new", counters(9, 9)),
                row("other", counters(2, 2)),
            ]
        )
        #expect(after.traffic(since: before).allSatisfy { $0.rates == nil })
        #expect(after.traffic(since: after).allSatisfy { $0.rates == nil })
    }

    @Test("The busiest is first, who counts nothing last, and equal ones go by name")
    func order() {
        func each(_ name: String, _ rates: AttachmentTraffic.Rates?) -> AttachmentTraffic {
            AttachmentTraffic(row(name, nil), rates: rates)
        }
        let all = [
            each("d", nil), each("c", .init(drops: 9)), each("b", .init(receivedBits: 5, sentPackets: 1)),
            each("a", .init(sentBits: 6)), each("e", .init()),
        ]
        func names(_ order: AttachmentTraffic.Order) -> String {
            AttachmentTraffic.sorted(all, by: order).map { $0.row.facts.key.containerID }.joined()
        }
        let expected = ["abced", "baced", "abced", "baced", "cabed", "abcde"]
        #expect(AttachmentTraffic.Order.allCases.map { names($0) } == expected)
        #expect(AttachmentTraffic.Order.name.next == .traffic && AttachmentTraffic.Order.traffic.next == .rx)
    }

    @Test(
        "A rate is written in three digits",
        arguments: [
            (nil, "-"), (0, "0"), (0.01, "0.1"), (0.44, "0.4"), (1, "1"), (9.94, "9.9"), (9.96, "10"), (999.4, "999"),
            (999.6, "1k"), (1234, "1.2k"), (34_000_000, "34M"), (1e10, "10G"),
        ] as [(Double?, String)]
    )
    func text(rate: Double?, text: String) {
        #expect(TrafficTable.text(rate) == text)
    }

    @Test("Lines are cut off at the edge of the screen, and colours take no room")
    func clipping() {
        #expect(TrafficTable.clipped("\u{1b}[31mabc\u{1b}[0mdef", to: 4) == "\u{1b}[31mabc\u{1b}[0md")
        #expect(TrafficTable.clipped("ab\u{1b}[31mcd\u{1b}[0m", to: 1) == "a\u{1b}[31m\u{1b}[0m")
        #expect(TrafficTable.clipped("abc", to: 3) == "abc" && TrafficTable.clipped("abc", to: 0).isEmpty)
    }

    @Test("Where there is little room, rates stay, and columns go that matter less")
    func narrow() {
        let table = TrafficTable([AttachmentTraffic(row("cnitool-7a8b43b2d6f75432d4dd", nil), rates: nil)], by: .rx)
        func titles(_ width: Int) -> [Substring] {
            table.screen(Look(width: width), height: 9, interval: "2", isPaused: false)[3].split(separator: "  ")
        }
        #expect(titles(200).count == 11)
        let ordinary = titles(80).map { $0.trimmingPrefix { $0 == " " } }
        #expect(ordinary.contains("CONTAINER") && ordinary.contains("RX BIT/S") && ordinary.contains("DROPS"))
        #expect(!ordinary.contains("ADDRESSES"))
        #expect(titles(50).map { $0.trimmingPrefix { $0 == " " } } == ["CONTAINER", "RX BIT/S", "TX BIT/S"])
    }

    @Test("A screen has no more lines than there is room for")
    func screen() {
        let traffic = (0..<50).map { AttachmentTraffic(row("c\($0)", nil), rates: nil) }
        let table = TrafficTable(traffic, by: .rx)
        let lines = table.screen(Look(width: 30), height: 10, interval: "2", isPaused: true)
        #expect(lines.count == 10 && lines.allSatisfy { $0.count <= 30 })
        #expect(lines[0].hasPrefix("50 attachments"))
        let wide = table.screen(Look(width: 99), height: 9, interval: "2", isPaused: true)
        #expect(wide[0].hasSuffix("by rx, every 2 s  PAUSED"))
    }

    @Test("Programs get rates as numbers, and none where there are none")
    func json() throws {
        let table = TrafficTable(
            [
                AttachmentTraffic(row("a", nil), rates: .init(receivedBits: 8000.12345, drops: 1)),
                AttachmentTraffic(row("b", nil), rates: nil),
            ],
            by: .traffic
        )
        let entries = try #require(try JSONReader(table.json(now: 0)).array("attachments"))
        let rates = try #require(try entries[0].object("rates"))
        #expect(try rates.member("rxBitsPerSecond")?.value == .real(8000.123))
        #expect(try entries[0].string("containerID") == "a" && entries[1].member("rates") == nil)
    }
}
