// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import SeededNumbers
import Testing

@Suite("Usage of a pool")
struct PoolUsageTests {
    @Test("Every address is counted where a plain list counts it", arguments: NextAddressTests.small)
    func counts(rows: [Row]) throws {
        let set = try rangeSet(rows)
        let domain = PoolModel.domain
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        for _ in 0..<200 {
            func some() -> Set<IPAddress> {
                Set(domain.filter { _ in Int.random(in: 0..<3, using: &random) == 0 })
            }
            let (leased, resting, excluded, reserved) = (some(), some(), some(), some())
            let suspect = leased.intersection(some())
            let rules = try PoolRules(
                excluded: AddressSet(excluded),
                reservations: AddressReservations([
                    AddressReservations.Entry(identity: "a", addresses: Array(reserved))
                ])
            )
            let states = PoolStates(
                leased: AddressSet(leased),
                quarantined: AddressSet(resting),
                suspect: AddressSet(suspect),
                rules: rules
            )
            let open = domain.filter { address in
                set.range(containing: address) != nil && !set.ranges.contains { $0.gateway == address }
                    && (!excluded.contains(address) || reserved.contains(address))
            }
            let unused = open.filter { !leased.contains($0) }
            let expected = PoolUsage(
                total: UInt128(open.count),
                used: UInt128(open.count(where: leased.contains)),
                reserved: UInt128(unused.count(where: reserved.contains)),
                quarantined: UInt128(unused.count { resting.contains($0) && !reserved.contains($0) }),
                suspect: UInt128(open.count(where: suspect.contains))
            )
            let usage = states.usage(of: set)
            try #require(usage == expected, "seed \(seed)")
            #expect(usage.free == UInt128(unused.count { !resting.contains($0) && !reserved.contains($0) }))
        }
    }

    @Test(
        "Without exclusions the total is the set's capacity, however large",
        arguments: [
            [Row("10.1.2.0/24")], [Row("10.1.2.0/24"), Row("10.1.3.0/24", via: "10.1.2.9")], [Row("fd00::/64")],
            [Row("::/0")], [Row("::/0", "::")],
            [Row("::/1", "::", via: "fe80::"), Row("8000::/1", "8000::", via: "::2")],
            [Row("::/1", "::", via: "10.0.0.1"), Row("8000::/1", "8000::", via: "10.0.0.1")],
        ]
    )
    func totals(rows: [Row]) throws {
        let set = try rangeSet(rows)
        let none = PoolStates(
            leased: AddressSet(),
            quarantined: AddressSet(),
            suspect: AddressSet(),
            rules: PoolRules()
        )
        #expect(none.usage(of: set) == PoolUsage(total: set.capacity))
        let everything = try AddressSet([AddressRun(parsing: "::/0"), AddressRun(parsing: "0.0.0.0/0")])
        let full = PoolStates(leased: everything, quarantined: everything, suspect: everything, rules: PoolRules())
        let usage = full.usage(of: set)
        #expect(usage == PoolUsage(total: set.capacity, used: set.capacity, suspect: set.capacity))
        #expect(usage.free == 0)
        #expect((usage + usage).total >= usage.total)
    }

    @Test("A family is the sum of its sets, and sums stop at the largest number")
    func families() throws {
        let sets = try [
            rangeSet([Row("10.1.2.0/24")]), rangeSet([Row("::/1", "::"), Row("8000::/1")]),
            rangeSet([Row("10.1.3.0/24"), Row("10.1.4.0/30")]),
        ]
        let leased = try AddressSet([AddressRun(parsing: "10.1.2.0-10.1.3.3"), AddressRun(parsing: "fd00::5")])
        let states = PoolStates(leased: leased, quarantined: AddressSet(), suspect: AddressSet(), rules: PoolRules())
        #expect(states.usage(of: sets, .v4) == PoolUsage(total: 253 + 253 + 1, used: 253 + 2))
        #expect(states.usage(of: sets, .v6) == states.usage(of: sets[1]))
        let huge = PoolUsage(total: .max, used: .max - 1, reserved: 3, quarantined: 3, suspect: 1)
        #expect(huge.free == 0)
        #expect(huge + huge == PoolUsage(total: .max, used: .max, reserved: 6, quarantined: 6, suspect: 2))
    }

    @Test("What is told of an exhausted set has host-local's words, the numbers, and whom to suspect")
    func texts() throws {
        let set = try rangeSet([Row("10.1.2.0/24")])
        #expect(PoolUsage.exhaustion(of: set) == "no IP addresses available in range set: 10.1.2.1-10.1.2.254")
        let usage = PoolUsage(total: 253, used: 250, reserved: 2, quarantined: 1, suspect: 0)
        #expect(usage.details() == "253 in total, 250 used, 2 reserved, 1 quarantined")
        let suspicious = PoolUsage(total: 253, used: 253, suspect: 3)
        #expect(
            try suspicious.details(oldestSuspect: address("10.1.2.9"), forSeconds: 412)
                == "253 in total, 253 used (3 suspect), 0 reserved, 0 quarantined; "
                + "the oldest suspect is 10.1.2.9, for 412 s"
        )
    }
}
