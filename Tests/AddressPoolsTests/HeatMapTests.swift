// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import SeededNumbers
import Testing

@Suite("Heat maps")
struct HeatMapTests {
    @Test("Buckets share out the addresses in order, and count what a list counts", arguments: AddressRunTests.places)
    func small(start: IPAddress) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let domain = (0..<12).compactMap { start.advanced(by: $0) }
        for count in [0, 1, 2, 5, 7, 14] {
            for first in domain.indices {
                for last in first..<domain.count {
                    let bounds = try #require(AddressRun(first: domain[first], last: domain[last]))
                    let taken = domain.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
                    let buckets = HeatMap(of: bounds, count: count, taken: AddressSet(taken).runs).buckets
                    try #require(buckets.count == min(max(count, 1), last - first + 1))
                    let sizes = buckets.map(\.run.count)
                    #expect(sizes == sizes.sorted(by: >) && (sizes.first ?? 0) - (sizes.last ?? 0) <= 1)
                    #expect(
                        buckets.flatMap { bucket in domain.filter(bucket.run.contains) } == Array(domain[first...last])
                    )
                    for bucket in buckets {
                        let counted = taken.count(where: bucket.run.contains)
                        try #require(bucket.taken == UInt128(counted), "seed \(seed), \(bounds) in \(count)")
                        #expect(abs(bucket.fraction - Double(counted) / Double(bucket.run.count)) < 1e-12)
                    }
                }
            }
        }
    }

    @Test("A /64 and all of IPv6 are divided as fast as a /24")
    func large() throws {
        let subnet = try AddressRun(parsing: "fd00::/64")
        let taken = try AddressSet(
            ["fd00::/66", "fd00::4000:0:0:5", "fd00::ffff:ffff:ffff:ffff"].map {
                try AddressRun(parsing: $0)
            }
        )
        let map = HeatMap(of: subnet, count: 4, taken: taken.runs)
        #expect(map.buckets.map(\.taken) == [1 << 62, 1, 0, 1])
        #expect(map.buckets[0].fraction == 1 && map.buckets[2].fraction == 0)
        // Next to nothing is drawn differently from nothing.
        #expect(map.buckets[1].fraction > 0 && map.buckets[1].fraction < 1e-15)
        let all = try AddressRun(parsing: "::/0")
        let halves = HeatMap(of: all, count: 2, taken: [all]).buckets
        #expect(
            halves.map(\.run.description) == [
                "::-7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ]
        )
        #expect(halves.map(\.fraction) == [1, 1])
        let thirds = try HeatMap(of: all, count: 3, taken: [AddressRun(parsing: "8000::/1")]).buckets
        #expect(thirds.map(\.run.count).reduce(0, &+) == 0)
        #expect(abs(thirds[1].fraction - 0.5) < 1e-9)
        #expect(HeatMap(of: all, count: 1, taken: [all]).buckets.map(\.taken) == [.max])
        let almost = try AddressSet([all]).subtracting(AddressSet([address("::")]))
        let fraction = try #require(HeatMap(of: all, count: 1, taken: almost.runs).buckets.first?.fraction)
        #expect(fraction > 0.999)
    }
}
