// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import SeededNumbers
import Testing

@Suite("Runs of addresses")
struct AddressRunTests {
    /// Where the families begin and end, and somewhere in between.
    static let places: [IPAddress] = [
        IPAddress(v4: 0), IPAddress(v4: .max - 11), IPAddress(v4: 0x0a00_00f8), IPAddress(v6: 0),
        IPAddress(v6: .max - 11), IPAddress(v6: (1 << 32) - 6), IPAddress(v6: 0x2001_0db8 << 96 | (1 << 64) - 6),
    ]

    private static func addresses(at start: IPAddress) -> [IPAddress] {
        (0..<12).compactMap { start.advanced(by: $0) }
    }

    /// Written out one by one: slow and obvious.
    private static func runs(of addresses: Set<IPAddress>) -> [AddressRun] {
        var runs: [AddressRun] = []
        for address in addresses.sorted() {
            if let last = runs.last, last.last.advanced(by: 1) == address {
                runs[runs.count - 1] = AddressRun(first: last.first, last: address) ?? last
            } else {
                runs.append(AddressRun(address))
            }
        }
        return runs
    }

    @Test("Inserting and removing at random keeps a list of maximal runs, at the ends of families too")
    func randomChanges() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        // All places at once: runs of one must not be taken for neighbours of another.
        let domain = Self.places.flatMap(Self.addresses)
        var set = AddressSet()
        var model: Set<IPAddress> = []
        for step in 0..<6000 {
            let address = domain[Int.random(in: 0..<domain.count, using: &random)]
            if Int.random(in: 0..<2, using: &random) == 0 {
                let isNew = set.insert(address)
                #expect(isNew == model.insert(address).inserted, "seed \(seed), step \(step)")
            } else {
                let wasThere = set.remove(address)
                #expect(wasThere == (model.remove(address) != nil), "seed \(seed), step \(step)")
            }
            try #require(set.runs == Self.runs(of: model), "seed \(seed), step \(step)")
            #expect(set == AddressSet(model.shuffled(using: &random)), "seed \(seed), step \(step)")
        }
    }

    @Test("What is contained, free and counted agrees with a list of addresses", arguments: places)
    func questions(start: IPAddress) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let domain = Self.addresses(at: start)
        for _ in 0..<40 {
            let model = Set(domain.filter { _ in Int.random(in: 0..<3, using: &random) > 0 })
            let set = AddressSet(model)
            #expect(domain.filter(set.contains) == domain.filter(model.contains), "seed \(seed)")
            for first in domain {
                for last in domain {
                    let between = domain.filter { first <= $0 && $0 <= last }
                    let free = between.first { !model.contains($0) }
                    #expect(set.firstFree(from: first, through: last) == free, "seed \(seed): \(first)-\(last)")
                    guard let bounds = AddressRun(first: first, last: last) else { continue }
                    let inside = model.intersection(between)
                    #expect(set.count(in: bounds) == UInt128(inside.count), "seed \(seed): \(bounds)")
                    var runs: [AddressRun] = []
                    set.forEachRun(in: bounds) { runs.append($0) }
                    #expect(runs == Self.runs(of: inside), "seed \(seed): \(bounds)")
                }
            }
        }
    }

    @Test("A search, an insertion and a removal ask a million-address pool no more than an empty one")
    func cost() throws {
        let pool = try #require(AddressRun(first: address("10.0.0.0"), last: address("10.15.255.255")))
        var runs = CountingRuns(AddressSet([pool]))
        let behind = try address("10.16.0.0")
        #expect(try runs.firstFree(from: address("10.0.0.1"), through: address("10.255.255.255")) == behind)
        #expect(runs.takeSteps() == 1)
        runs.insert(behind)
        #expect(runs.takeSteps() == 2)
        try runs.remove(address("10.8.0.0"))
        #expect(runs.takeSteps() == 3)
        // The hole that is filled again joins two runs.
        try runs.insert(address("10.8.0.0"))
        #expect(runs.takeSteps() == 4)
        #expect(try runs.base.runs == [#require(AddressRun(first: pool.first, last: behind))])
    }

    @Test("Runs that overlap, touch or contain each other become one, in whatever order they are given")
    func construction() throws {
        let texts = [
            "10.0.0.8/29", "10.0.0.0/24", "10.0.1.0/24", "10.0.3.0/24", "::/0", "::5/128", "255.255.255.255/32",
        ]
        let networks = try texts.map { try #require(CIDR($0)) }
        let expected = ["10.0.0.0-10.0.1.255", "10.0.3.0-10.0.3.255", "255.255.255.255"]
        let everything = "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        #expect(AddressSet(networks.map { AddressRun($0) }).runs.map(\.description) == expected + [everything])
        let reversed = AddressSet(networks.reversed().map { AddressRun($0) })
        #expect(reversed.runs.map(\.description) == expected + [everything])
        #expect(reversed.count(in: try AddressRun(#require(CIDR("::/0")))) == .max)
        #expect(reversed.count(in: try AddressRun(#require(CIDR("0.0.0.0/0")))) == 769)
    }

    @Test("A run has two ends of one family in order, and is cut by another run of that family")
    func ends() throws {
        let (low, high, other) = try (address("10.0.0.1"), address("10.0.0.9"), address("::9"))
        #expect(AddressRun(first: high, last: low) == nil)
        #expect(AddressRun(first: low, last: other) == nil)
        let run = try #require(AddressRun(first: low, last: high))
        #expect(run.count == 9)
        #expect(run.contains(low) && run.contains(high) && !run.contains(other))
        let network = try AddressRun(#require(CIDR("10.0.0.8/29")))
        #expect(run.intersection(network)?.description == "10.0.0.8-10.0.0.9")
        #expect(run.intersection(AddressRun(other)) == nil)
        #expect(try run.intersection(AddressRun(address("10.0.0.10"))) == nil)
    }
}

/// A set that counts how often it is asked or changed.
private struct CountingRuns: AddressRunStorage {
    var base: AddressSet
    private let steps = Counter()

    init(_ base: AddressSet) {
        self.base = base
    }

    /// The steps since the last call.
    func takeSteps() -> Int {
        defer { steps.value = 0 }
        return steps.value
    }

    func run(startingAtOrBefore address: IPAddress) -> AddressRun? {
        steps.value += 1
        return base.run(startingAtOrBefore: address)
    }

    func run(startingAfter address: IPAddress) -> AddressRun? {
        steps.value += 1
        return base.run(startingAfter: address)
    }

    mutating func add(_ run: AddressRun) {
        steps.value += 1
        base.add(run)
    }

    mutating func drop(startingAt first: IPAddress) {
        steps.value += 1
        base.drop(startingAt: first)
    }

    mutating func replace(startingAt first: IPAddress, with run: AddressRun) {
        steps.value += 1
        base.replace(startingAt: first, with: run)
    }

    private final class Counter {
        var value = 0
    }
}
