// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import HostLocal
import JSON
import LeaseStore
import Pools
import Testing

@Suite("What is drawn for people")
struct DrawingTests {
    private static let plain = Look(hasColor: false, hasBlocks: false)

    @Test(
        "Large numbers have a name, small ones are exact",
        arguments: [
            (0, "0"), (9_999_999, "9999999"), (10_000_000, "10.0M"), (16_777_213, "16.7M"), (999_999_999, "999M"),
            (1 << 64, "18.4E"), (UInt128.max, "3.4e38"),
        ] as [(UInt128, String)]
    )
    func numbers(count: UInt128, text: String) {
        #expect(CountText.brief(count) == text)
    }

    @Test(
        "A share is 0 only for nothing and 100 only for everything",
        arguments: [(0, 10, "0%"), (1, 1000, "<1%"), (1, 3, "33%"), (999, 1000, ">99%"), (5, 5, "100%"), (0, 0, "-")]
            as [(UInt128, UInt128, String)]
    )
    func shares(part: UInt128, total: UInt128, text: String) {
        #expect(CountText.percentage(part, of: total) == text)
    }

    @Test("Numbers are exact in JSON up to 2^63 - 1 and close beyond")
    func json() {
        #expect(CountText.json(UInt128(Int64.max)) == .integer(.max))
        #expect(CountText.json(1 << 64) == .real(18_446_744_073_709_551_616))
    }

    @Test(
        "A bar is as wide as it is told, and shows the least and the last address",
        arguments: [
            (PoolUsage(total: 100), "........"), (PoolUsage(total: 100, used: 50), "####...."),
            (PoolUsage(total: 100, used: 1), "#......."), (PoolUsage(total: 100, used: 100), "########"),
            (PoolUsage(total: 100, used: 50, reserved: 25), "####==.."), (PoolUsage(), "........"),
        ]
    )
    func bars(usage: PoolUsage, text: String) {
        #expect(UsageBar(usage, width: 8).text(Self.plain) == text)
        #expect(UsageBar(usage, width: 8).text(Look()).count == 8)
        #expect(UsageBar(usage, width: 8).drawn(Look()) == UsageBar(usage, width: 8).text(Look()))
    }

    @Test("A bar warns by its colour from 70 and from 90 per cent on")
    func tints() {
        let tints = [69, 70, 89, 90].map { UsageBar(PoolUsage(total: 100, used: $0), width: 8).tint }
        #expect(tints == [.good, .notable, .notable, .bad])
        let bar = UsageBar(PoolUsage(total: 8, used: 8), width: 4).drawn(Look(hasColor: true))
        #expect(bar == "\u{1b}[31m████\u{1b}[0m")
    }

    @Test("Columns are as wide as they must be, numbers end on the right, and no line ends in spaces")
    func tables() {
        let columns = [TextTable.Column("NAME"), TextTable.Column("N", isNumber: true), TextTable.Column("LAST")]
        let rows: [[TextTable.Cell]] = [["a", "10", "x"], ["long name", "7", ""]]
        #expect(
            TextTable.lines(columns, rows, Self.plain) == [
                "NAME        N  LAST", "a          10  x", "long name   7",
            ]
        )
        #expect(TextTable.lines(columns, rows, Self.plain, hasHeader: false).count == 2)
    }

    @Test("What a stranger wrote cannot move the cursor")
    func controls() {
        #expect(TextTable.Cell("a\u{1b}[2Jb\nc").text == "a?[2Jb?c")
    }

    @Test("Ages have two units at most")
    func ages() {
        let ages = [0, 59, 61, 600, 3599, 3600, 7980, 90_000, 864_000].map { Moment.age(seconds: $0) }
        #expect(ages == ["0s", "59s", "1m1s", "10m", "59m", "1h", "2h13m", "1d1h", "10d"])
    }

    @Test(
        "Times are those of the calendar",
        arguments: [
            (951_782_400, "2000-02-29T00:00:00Z"), (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), (1, "1970-01-01T00:00:01Z"),
        ] as [(Int64, String)]
    )
    func times(seconds: Int64, text: String) {
        #expect(Moment.text(ofWall: seconds * 1_000_000_000 + 999_999_999) == text)
    }

    private static func pool(_ subnet: String, _ states: [String: LeaseRecord.State]) throws -> NetworkUsage.Pool {
        let ipam = #"{"subnet": "\#(subnet)", "exclude": ["10.0.0.9"], "reserve": {"x": ["10.0.0.10"]}}"#
        let reader = JSONReader(try JSONValue(parsing: ipam), path: "ipam")
        let pools = try ConfiguredPools(reader)
        var known: [IPAddress: LeaseRecord.State] = [:]
        for (text, state) in states { known[try address(text)] = state }
        return NetworkUsage.Pool(
            configuration: PoolConfiguration(file: "f", position: 0, pluginType: "p", pools: pools, ipam: reader),
            rangeSet: 0,
            range: pools.rangeSets[0].ranges[0],
            usage: PoolUsage(),
            taken: AddressSet(known.keys).runs,
            states: known
        )
    }

    @Test("A small range is drawn address by address, with the meaning of the signs that occur")
    func smallMap() throws {
        let pool = try Self.pool(
            "10.0.0.0/28",
            ["10.0.0.2": .active, "10.0.0.3": .provisional, "10.0.0.4": .suspect, "10.0.0.6": .quarantined]
        )
        #expect(
            PoolMap(pool, Self.plain).lines == [
                "10.0.0.1   G##?.~..xR....",
                "           # leased  ? suspect  ~ resting  R reserved  G gateway  x excluded  . free",
            ]
        )
    }

    @Test("A large range is drawn in parts, and one lease among very many is seen")
    func largeMap() throws {
        let pool = try Self.pool("fd00::/64", ["fd00::5": .active])
        let lines = PoolMap(pool, Self.plain).lines
        #expect(lines.count == 5)
        #expect(lines[0].hasPrefix("fd00::1") && lines[0].hasSuffix("  :" + String(repeating: ".", count: 63)))
        #expect(lines[1].hasSuffix("  " + String(repeating: ".", count: 64)))
    }

    @Test("On a narrow screen columns of zeros are left away, and no others; on a wide one there is a bar")
    func widths() throws {
        let pool = try Self.pool("10.0.0.0/28", [:])
        let network = PoolNetwork(name: "lan", directory: "/d/lan", configurations: [pool.configuration])
        let used = NetworkUsage.Pool(
            configuration: pool.configuration,
            rangeSet: 0,
            range: pool.range,
            usage: PoolUsage(total: 12, used: 6, suspect: 1)
        )
        let report = UsageReport([NetworkUsage(network: network, pools: [used], outside: [:])])
        func header(_ width: Int?) -> String {
            let look = Look(hasBlocks: false, width: width)
            return report.lines(isWide: false, hasHeader: true, hasMaps: false, look)[0]
        }
        #expect(header(nil) == "NETWORK  POOL         TOTAL  USED  SUSPECT  RESERVED  RESTING  FREE  USE")
        #expect(header(60) == "NETWORK  POOL         TOTAL  USED  SUSPECT  FREE  USE")
        #expect(header(66) == "NETWORK  POOL         TOTAL  USED  SUSPECT  RESERVED  FREE  USE")
        let wide = report.lines(isWide: false, hasHeader: true, hasMaps: false, Look(hasBlocks: false, width: 90))
        #expect(wide[1].hasSuffix("50%  ########........"))
    }

    @Test("A range is called by its subnet if nothing else is said of its ends")
    func names() throws {
        let subnet = try #require(CIDR("10.0.0.0/24"))
        #expect(UsageReport.name(of: try AddressRange(subnet: subnet)) == "10.0.0.0/24")
        let range = try AddressRange(subnet: subnet, rangeStart: try address("10.0.0.9"))
        #expect(UsageReport.name(of: range) == "10.0.0.9-10.0.0.254")
    }
}
