// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Testing

@Suite("Range sets")
struct RangeSetTests {
    @Test(
        "Alternatives of one family without a common address make a set",
        arguments: [
            ([Row("10.1.2.0/24")], "10.1.2.1-10.1.2.254"),
            ([Row("10.1.4.0/24"), Row("10.1.2.0/24")], "10.1.4.1-10.1.4.254,10.1.2.1-10.1.2.254"),
            (
                [Row("10.1.2.0/24", nil, "10.1.2.20"), Row("10.1.2.0/24", "10.1.2.21")],
                "10.1.2.1-10.1.2.20,10.1.2.21-10.1.2.254"
            ),
            (
                [Row("10.1.0.0/16", "10.1.9.0", "10.1.9.9"), Row("10.1.2.0/24")],
                "10.1.9.0-10.1.9.9,10.1.2.1-10.1.2.254"
            ),
            ([Row("fd00::/126"), Row("fd00::4/126")], "fd00::1-fd00::3,fd00::5-fd00::7"),
        ]
    )
    func sets(rows: [Row], description: String) throws {
        let set = try rangeSet(rows)
        #expect(set.description == description)
        #expect(set.ranges.map(\.subnet.description) == rows.map(\.subnet))
        #expect(set.ranges.allSatisfy { $0.first.family == set.family })
    }

    @Test(
        "Everything else is refused in host-local's words",
        arguments: [
            ([], "empty range set"),
            ([Row("10.1.2.0/24"), Row("fd00::/64")], "mixed address families"),
            ([Row("fd00::/64"), Row("fd00::/64"), Row("10.1.2.0/24")], "mixed address families"),
            (
                [Row("10.1.2.0/24"), Row("10.1.2.0/25")],
                "subnets 10.1.2.1-10.1.2.254 and 10.1.2.1-10.1.2.126 overlap"
            ),
            (
                [Row("10.1.2.0/30"), Row("10.1.3.0/30"), Row("10.1.2.0/29", "10.1.2.2", "10.1.2.2")],
                "subnets 10.1.2.1-10.1.2.2 and 10.1.2.2-10.1.2.2 overlap"
            ),
            (
                [Row("10.1.2.0/30"), Row("10.1.0.0/16")],
                "subnets 10.1.2.1-10.1.2.2 and 10.1.0.1-10.1.255.254 overlap"
            ),
        ]
    )
    func refusals(rows: [Row], message: String) throws {
        let error = try #require(throws: PoolError.self) { _ = try rangeSet(rows) }
        #expect(error.message == message)
    }

    @Test("Sets of one network may not share an address, and the message counts from zero")
    func disjoint() throws {
        let sets = try [
            rangeSet([Row("fd00::/64")]), rangeSet([Row("10.1.2.0/24"), Row("10.1.3.0/24")]),
            rangeSet([Row("10.1.4.0/24"), Row("10.1.5.0/24")]), rangeSet([Row("10.9.0.0/24"), Row("10.1.3.0/30")]),
        ]
        #expect(throws: Never.self) { try RangeSet.requireDisjoint(Array(sets[..<3])) }
        #expect(throws: Never.self) { try RangeSet.requireDisjoint([]) }
        let error = try #require(throws: PoolError.self) { try RangeSet.requireDisjoint(sets) }
        #expect(error.message == "range set 1 overlaps with 3")
        let neighbours = try #require(throws: PoolError.self) { try RangeSet.requireDisjoint([sets[0], sets[0]]) }
        #expect(neighbours.message == "range set 0 overlaps with 1")
        #expect(sets[1].overlaps(sets[3]) && sets[3].overlaps(sets[1]))
        #expect(!sets[1].overlaps(sets[2]) && !sets[0].overlaps(sets[1]))
    }

    @Test(
        "A requested address is judged by range and gateway",
        arguments: [
            ("10.1.2.10", nil), ("10.1.2.20", nil), ("10.1.2.30", nil),
            ("10.1.2.9", "10.1.2.9 not in range set 10.1.2.10-10.1.2.20,10.1.2.30-10.1.2.40"),
            ("10.1.2.25", "10.1.2.25 not in range set 10.1.2.10-10.1.2.20,10.1.2.30-10.1.2.40"),
            ("10.1.2.41", "10.1.2.41 not in range set 10.1.2.10-10.1.2.20,10.1.2.30-10.1.2.40"),
            ("::a01:20a", "::a01:20a not in range set 10.1.2.10-10.1.2.20,10.1.2.30-10.1.2.40"),
            ("10.1.2.15", "requested ip 10.1.2.15 is subnet's gateway"),
            ("10.1.2.35", "requested ip 10.1.2.35 is subnet's gateway"),
        ] as [(String, String?)]
    )
    func admission(text: String, refusal: String?) throws {
        // The router of the first range lies in the second, and that of the second in the first.
        let set = try rangeSet([
            Row("10.1.2.0/24", "10.1.2.10", "10.1.2.20", via: "10.1.2.35"),
            Row("10.1.2.0/24", "10.1.2.30", "10.1.2.40", via: "10.1.2.15"),
        ])
        let requested = try address(text)
        let verdict = Result { () throws(PoolError) in try set.admit(requested) }
        switch verdict {
        case .success(let range):
            #expect(refusal == nil)
            #expect(range == set.range(containing: requested))
        case .failure(let error):
            #expect(error.message == refusal)
        }
    }

    @Test(
        "Capacity leaves out the gateways that lie inside",
        arguments: [
            ([Row("10.1.2.0/24")], 253), ([Row("10.1.2.0/24", via: "10.9.9.9")], 254), ([Row("10.1.2.0/30")], 1),
            ([Row("10.1.2.0/24", "10.1.2.1", "10.1.2.1")], 0), ([Row("10.1.2.0/24", "10.1.2.0", "10.1.2.255")], 255),
            ([Row("10.1.2.0/24", "10.1.2.10", "10.1.2.19")], 10), ([Row("10.1.2.0/24"), Row("10.1.3.0/30")], 254),
            ([Row("10.1.2.0/24"), Row("10.1.3.0/24", via: "10.1.2.9")], 252 + 254),
            ([Row("10.1.2.0/24", nil, "10.1.2.9"), Row("10.1.2.0/24", "10.1.2.10", "10.1.2.19")], 18),
            ([Row("0.0.0.0/0")], 4_294_967_293), ([Row("fd00::/126")], 2),
            ([Row("fd00::/64")], 18_446_744_073_709_551_614), ([Row("::/0")], .max - 1), ([Row("::/0", "::")], .max),
            ([Row("::/0", "::", via: "10.0.0.1")], .max),
            ([Row("::/1", "::", via: "fe80::"), Row("8000::/1", "8000::", via: "::2")], .max - 1),
            ([Row("::/1", "::", via: "::2"), Row("8000::/1", "8000::", via: "::2")], .max),
            ([Row("::/1", "::", via: "10.0.0.1"), Row("8000::/1", "8000::", via: "10.0.0.1")], .max),
        ] as [([Row], UInt128)]
    )
    func capacity(rows: [Row], expected: UInt128) throws {
        let set = try rangeSet(rows)
        #expect(set.capacity == expected)
        #expect(set.free(given: []) == expected)
    }

    @Test("Each address of the set counts once, and nothing else counts")
    func free() throws {
        let set = try rangeSet([Row("10.1.2.0/29"), Row("10.1.3.0/30")])
        #expect(set.capacity == 6)
        let texts = [
            "10.1.2.2", "10.1.2.2", "10.1.3.2", "10.1.2.1", "10.1.3.1", "10.1.2.0", "10.1.2.7", "9.9.9.9",
            "::a01:203",
        ]
        #expect(try set.free(given: texts.map(address)) == 4)
        #expect(set.free(given: (UInt32(0)...255).map { IPAddress(v4: 0x0a01_0200 | $0) }) == 1)
    }
}
