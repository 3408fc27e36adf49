// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Testing

@Suite("The next address")
struct NextAddressTests {
    /// Small sets in all shapes; their addresses lie in 10.1.2.0/28.
    static let small: [[Row]] = [
        [Row("10.1.2.0/29", "10.1.2.1", "10.1.2.3"), Row("10.1.2.0/29", "10.1.2.5", "10.1.2.6")],
        [Row("10.1.2.0/29", "10.1.2.5", "10.1.2.6"), Row("10.1.2.0/29", "10.1.2.0", "10.1.2.3", via: "10.1.2.2")],
        [Row("10.1.2.0/29", "10.1.2.1", "10.1.2.3", via: "10.1.2.6"), Row("10.1.2.0/29", "10.1.2.4", "10.1.2.7")],
        [Row("10.1.2.0/29", "10.1.2.0", "10.1.2.7", via: "10.1.2.7")],
        [Row("10.1.2.0/29", via: "10.9.9.9")],
        [Row("10.1.2.4/30"), Row("10.1.2.0/30")],
        [
            Row("10.1.2.0/29", "10.1.2.4", "10.1.2.4"), Row("10.1.2.0/29", "10.1.2.6", "10.1.2.7"),
            Row("10.1.2.0/29", "10.1.2.0", "10.1.2.1"), Row("10.1.2.0/29", "10.1.2.2", "10.1.2.3"),
        ],
        [Row("10.1.2.0/29", "10.1.2.1", "10.1.2.1")],
        [Row("10.1.2.0/29", "10.1.2.4", "10.1.2.4")],
        [Row("10.1.2.0/29", "10.1.2.1", "10.1.2.1"), Row("10.1.2.0/29", "10.1.2.6", "10.1.2.6")],
    ]

    private static func member(_ number: Int) -> IPAddress {
        IPAddress(v4: 0x0a01_0200 | UInt32(number))
    }

    /// Writes down the whole lap, then takes the first that will do: slow and obvious.
    private static func model(_ set: RangeSet, after last: IPAddress?, taken: Set<IPAddress>) -> IPAddress? {
        let all = set.ranges.flatMap { range in (0..<8).map(member).filter(range.contains) }
        let start = last.flatMap(all.firstIndex).map { $0 + 1 } ?? 0
        let gateways = set.ranges.map(\.gateway)
        return (all[start...] + all[..<start]).first { !gateways.contains($0) && !taken.contains($0) }
    }

    @Test("Every choice of taken addresses and every last one agree with a linear list", arguments: small)
    func exhaustive(rows: [Row]) throws {
        let set = try rangeSet(rows)
        let lasts: [IPAddress?] = try [nil, address("10.1.1.255"), address("10.1.2.8"), address("::")]
        var differences: [String] = []
        for subset in 0..<256 {
            let taken = Set((0..<8).filter { subset >> $0 & 1 == 1 }.map(Self.member))
            for last in lasts + (0..<8).map(Self.member) {
                let found = set.next(after: last, isTaken: taken.contains)
                if found?.address != Self.model(set, after: last, taken: taken)
                    || found?.range != found.flatMap({ set.range(containing: $0.address) })
                {
                    differences.append("after \(last.map(\.description) ?? "nothing") with \(taken) taken")
                }
            }
        }
        #expect(differences == [])
    }

    @Test("A full set is asked for each address once, then the search ends", arguments: small)
    func oneLap(rows: [Row]) throws {
        let set = try rangeSet(rows)
        for last in [nil] + (0..<8).map(Self.member) {
            var asked: [IPAddress] = []
            let found = set.next(after: last) { candidate in
                asked.append(candidate)
                return true
            }
            #expect(found == nil)
            #expect(Set(asked).count == asked.count)
            #expect(UInt128(asked.count) == set.capacity)
        }
    }

    @Test("Taking what is offered hands out everything once, and free counts down to zero", arguments: small)
    func drained(rows: [Row]) throws {
        let set = try rangeSet(rows)
        var taken: Set<IPAddress> = []
        var last: IPAddress?
        while let next = set.next(after: last, isTaken: taken.contains) {
            #expect(try set.admit(next.address) == next.range)
            #expect(taken.insert(next.address).inserted)
            #expect(set.free(given: taken) == set.capacity - UInt128(taken.count))
            last = next.address
        }
        #expect(set.free(given: taken) == 0)
    }

    @Test(
        "Ends of ranges and of the address space are no obstacle",
        arguments: [
            ([Row("10.1.2.0/24")], nil, "10.1.2.2"), ([Row("10.1.2.0/24")], "10.1.2.254", "10.1.2.2"),
            ([Row("10.1.2.0/24")], "10.1.2.255", "10.1.2.2"), ([Row("10.1.2.0/24")], "10.1.2.1", "10.1.2.2"),
            ([Row("10.1.2.0/24"), Row("10.1.4.0/24")], "10.1.2.254", "10.1.4.2"),
            ([Row("10.1.2.0/24"), Row("10.1.4.0/24")], "10.1.4.254", "10.1.2.2"),
            ([Row("10.1.2.0/24"), Row("10.1.4.0/24")], "10.1.3.7", "10.1.2.2"),
            ([Row("255.255.255.252/30", nil, "255.255.255.255")], "255.255.255.254", "255.255.255.255"),
            ([Row("255.255.255.252/30", nil, "255.255.255.255")], "255.255.255.255", "255.255.255.254"),
            ([Row("0.0.0.0/30", "0.0.0.0")], "0.0.0.2", "0.0.0.0"), ([Row("fd00::/64")], nil, "fd00::2"),
            ([Row("fd00::/64")], "fd00::ffff:ffff:ffff:fffe", "fd00::ffff:ffff:ffff:ffff"),
            ([Row("fd00::/64")], "fd00::ffff:ffff:ffff:ffff", "fd00::2"), ([Row("::/0")], nil, "::2"),
            (
                [Row("::/0")], "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
            ),
            ([Row("::/0", "::")], "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"),
        ] as [([Row], String?, String)]
    )
    func ends(rows: [Row], last: String?, expected: String) throws {
        let set = try rangeSet(rows)
        let found = try #require(set.next(after: last.map(address)) { _ in false })
        #expect(found.address.description == expected)
        #expect(found.range == set.range(containing: found.address))
    }

    @Test("A set that ends with the address space is searched to the end and then left")
    func fullAtTheEnd() throws {
        let set = try rangeSet([Row("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126")])
        var asked = 0
        let found = try set.next(after: address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")) { _ in
            asked += 1
            return true
        }
        #expect(found == nil)
        #expect(asked == 2)
    }
}
