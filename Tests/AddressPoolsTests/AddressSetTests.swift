// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import SeededNumbers
import Testing

@Suite("Sets of addresses")
struct AddressSetTests {
    @Test("Union and difference agree with those of lists, at the ends of families too")
    func algebra() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let domain = AddressRunTests.places.flatMap { start in (0..<12).compactMap { start.advanced(by: $0) } }
        for round in 0..<400 {
            let density = Int.random(in: 1..<5, using: &random)
            let left = Set(domain.filter { _ in Int.random(in: 0...density, using: &random) > 0 })
            let right = Set(domain.filter { _ in Int.random(in: 0...density, using: &random) == 0 })
            let (one, other) = (AddressSet(left), AddressSet(right))
            let about = "seed \(seed), round \(round)"
            try #require(one.union(other) == AddressSet(left.union(right)), "\(about)")
            try #require(one.subtracting(other) == AddressSet(left.subtracting(right)), "\(about)")
            #expect(one.count == UInt128(left.count), "\(about)")
        }
    }

    @Test("Nothing changes what there is, and everything leaves nothing")
    func extremes() throws {
        let all = try AddressSet(["0.0.0.0/0", "::/0"].map { try AddressRun(parsing: $0) })
        let some = try AddressSet(["10.0.0.5", "10.0.0.16/28", "fd00::/64"].map { try AddressRun(parsing: $0) })
        #expect(some.subtracting(all).isEmpty && some.subtracting(AddressSet()) == some)
        #expect(some.union(AddressSet()) == some && AddressSet().union(some) == some && some.union(all) == all)
        #expect(all.count == .max && AddressSet().count == 0)
        #expect(some.count == UInt128(17) + UInt128(UInt64.max) + 1)
        #expect(all.subtracting(some).union(some) == all)
        #expect(all.subtracting(all.subtracting(some)) == some)
    }

    @Test("The last address of IPv4 and the address of IPv6 with the number behind it are no neighbours")
    func neighbours() throws {
        var set = try AddressSet([address("255.255.255.255")])
        try set.insert(address("::1:0:0"))
        #expect(set.runs.map(\.description) == ["255.255.255.255", "::1:0:0"])
        #expect(try AddressSet([address("::1:0:0"), address("255.255.255.255")]) == set)
        try set.remove(address("255.255.255.255"))
        #expect(set.runs.map(\.description) == ["::1:0:0"])
    }
}
