// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import SeededNumbers
import Testing

@Suite("Choosing an address")
struct PoolSelectionTests {
    @Test(
        "Without rules the order is host-local's: every choice of leases and every last one agree with the walk",
        arguments: NextAddressTests.small
    )
    func walk(rows: [Row]) throws {
        let set = try rangeSet(rows)
        let domain = (UInt32(0)..<8).map { IPAddress(v4: 0x0a01_0200 | $0) }
        var differences: [String] = []
        for subset in 0..<256 {
            let taken = Set(domain.indices.filter { subset >> $0 & 1 == 1 }.map { domain[$0] })
            var ledger = MemoryLedger()
            for address in taken { ledger.lease(address) }
            for last in try [nil, address("10.1.2.8"), address("::")] + domain.map(Optional.some) {
                var selection = PoolSelection(from: set, by: PoolRules())
                selection.last = last
                let walked = set.next(after: last, isTaken: taken.contains)
                let choice = try? selection.choose(in: ledger).get()
                if choice?.address != walked?.address || choice?.range != walked?.range {
                    differences.append("after \(last.map(\.description) ?? "nothing") with \(taken) taken")
                }
            }
        }
        #expect(differences == [])
    }

    @Test(
        "Whatever happens to a pool, each choice is that of a plain list of all addresses",
        arguments: AddressOrder.allCases
    )
    func lifetime(order: AddressOrder) throws {
        for _ in 0..<60 {
            let seed = UInt64.random(in: 0 ... .max)
            var random = SeededGenerator(seed)
            let rules = try Self.rules(order, &random)
            let set = try rangeSet(#require(NextAddressTests.small.randomElement(using: &random)))
            var ledger = MemoryLedger()
            var model = PoolModel(set: set, rules: rules)
            var last: IPAddress?
            for step in 0..<120 {
                model.now += Int64.random(in: 0..<3, using: &random)
                if Int.random(in: 0..<2, using: &random) == 0, let address = model.holders.keys.sorted().first {
                    let leased = model.holders.keys.sorted().randomElement(using: &random) ?? address
                    let keeper = Bool.random(using: &random) ? model.holders[leased] : nil
                    ledger.free(leased, at: model.now, for: keeper)
                    model.free(leased, rememberedFor: keeper)
                    continue
                }
                let identity = ["a", "b", "c"].randomElement(using: &random) ?? "a"
                let wish = PoolModel.domain.randomElement(using: &random)
                let requested = Int.random(in: 0..<6, using: &random) == 0 ? wish : nil
                ledger.wake(restedSince: rules.restedSince(now: model.now))
                var selection = PoolSelection(from: set, by: rules, for: identity)
                selection.last = last
                selection.requested = requested
                selection.remembered = ledger.remembered(for: identity)
                let choice = try? selection.choose(in: ledger).get()
                let expected = model.choose(identity, requested: requested, after: last)
                try #require(choice?.address == expected, "seed \(seed), step \(step), \(set), \(rules)")
                guard let choice else { continue }
                #expect(choice.range == set.range(containing: choice.address))
                ledger.lease(choice.address)
                model.lease(choice.address, to: identity)
                last = choice.address
            }
        }
    }

    /// Some exclusions, some reservations, a quarantine of a few ticks.
    private static func rules(_ order: AddressOrder, _ random: inout SeededGenerator) throws -> PoolRules {
        func some(of count: Int) -> [IPAddress] {
            PoolModel.domain.filter { _ in Int.random(in: 0..<count, using: &random) == 0 }
        }
        let excluded = AddressSet(some(of: 5))
        let first = some(of: 6).shuffled(using: &random)
        let second = some(of: 6).filter { !first.contains($0) }
        return try PoolRules(
            order: order,
            quarantineNanoseconds: Int64.random(in: 0..<12, using: &random),
            excluded: excluded,
            reservations: AddressReservations([
                AddressReservations.Entry(identity: "a", addresses: first),
                AddressReservations.Entry(identity: "z", addresses: second),
            ])
        )
    }

    @Test("A full /16 with resting addresses is asked a handful of questions, never one for each lease")
    func cost() throws {
        let set = try rangeSet([Row("10.1.0.0/16")])
        let rules = PoolRules(excluded: try AddressSet([AddressRun(parsing: "10.1.9.0/24")]))
        var ledger = MemoryLedger()
        for run in try ["10.1.0.2-10.1.8.255", "10.1.10.0-10.1.255.253"].map({ try AddressRun(parsing: $0) }) {
            var address = run.first
            while address <= run.last {
                ledger.lease(address)
                address = try #require(address.advanced(by: 1))
            }
        }
        ledger.free(try address("10.1.3.7"), at: 5, for: nil)
        var selection = PoolSelection(from: set, by: rules)
        selection.last = try address("10.1.0.1")
        let free = try selection.choose(in: ledger).get()
        #expect(try free.address == address("10.1.255.254") && free.reason == .next)
        #expect(ledger.takeQuestions() == 2)
        ledger.lease(free.address)
        _ = ledger.takeQuestions()
        let rested = try selection.choose(in: ledger).get()
        #expect(try rested.address == address("10.1.3.7") && rested.reason == .rested)
        #expect(ledger.takeQuestions() <= 6)
        ledger.lease(rested.address)
        _ = ledger.takeQuestions()
        #expect(selection.choose(in: ledger) == .failure(.exhausted))
        #expect(ledger.takeQuestions() <= 6)
    }

    @Test("A request by name is granted, or refused with its reason")
    func requests() throws {
        let set = try rangeSet([Row("10.1.2.0/24", "10.1.2.10", "10.1.2.20")])
        let reserved = AddressReservations.Entry(identity: "db", addresses: [try address("10.1.2.12")])
        let rules = PoolRules(
            excluded: try AddressSet([AddressRun(parsing: "10.1.2.11-10.1.2.12")]),
            reservations: try AddressReservations([reserved])
        )
        var ledger = MemoryLedger()
        ledger.lease(try address("10.1.2.13"))
        ledger.lease(try address("10.1.2.14"))
        ledger.free(try address("10.1.2.14"), at: 0, for: "db")
        func answer(
            _ text: String,
            _ identity: String?,
            held: [String] = []
        ) throws -> Result<PoolChoice, PoolRefusal> {
            var selection = PoolSelection(from: set, by: rules, for: identity)
            selection.requested = try address(text)
            selection.held = try held.map(address)
            return selection.choose(in: ledger)
        }
        #expect(try answer("10.1.2.11", nil) == .failure(.excluded(address("10.1.2.11"))))
        #expect(try answer("10.1.2.12", "web") == .failure(.reserved(address("10.1.2.12"), identity: "db")))
        #expect(try answer("10.1.2.12", "db").get().reason == .requested)
        #expect(try answer("10.1.2.13", nil) == .failure(.leased(address("10.1.2.13"))))
        let held = try answer("10.1.2.13", nil, held: ["10.1.2.10", "10.1.2.13"]).get()
        #expect(try held.address == address("10.1.2.13") && held.reason == .held)
        // It rests, even for somebody else: who names it gets it.
        #expect(try answer("10.1.2.14", nil).get().reason == .requested)
        guard case .failure(.notAdmitted(let error)) = try answer("10.1.2.9", nil) else {
            Issue.record("10.1.2.9 was given")
            return
        }
        #expect(error.message == "10.1.2.9 not in range set 10.1.2.10-10.1.2.20")
    }

    @Test("What a container holds comes before what is reserved for it, and that before what it had")
    func preferences() throws {
        let set = try rangeSet([Row("10.1.2.0/24")])
        let reserved = try [address("fd00::5"), address("10.1.2.1"), address("10.1.2.30"), address("10.1.2.31")]
        let rules = PoolRules(
            excluded: try AddressSet([AddressRun(parsing: "10.1.2.31-10.1.2.40")]),
            reservations: try AddressReservations([AddressReservations.Entry(identity: "db", addresses: reserved)])
        )
        var ledger = MemoryLedger()
        var selection = PoolSelection(from: set, by: rules, for: "db")
        selection.remembered = try [address("10.1.2.40"), address("10.1.2.50")]
        selection.held = try [address("fd00::9"), address("10.1.2.77")]
        #expect(try selection.choose(in: ledger).get().reason == .held)
        selection.held = []
        // Each time the address is given, the next best is chosen; the gateway never is, the exclusion only if reserved.
        for (text, reason) in [
            ("10.1.2.30", PoolChoice.Reason.reserved), ("10.1.2.31", .reserved), ("10.1.2.50", .remembered),
            ("10.1.2.2", .next),
        ] {
            let choice = try selection.choose(in: ledger).get()
            #expect(try choice.address == address(text))
            #expect(choice.reason == reason)
            ledger.lease(choice.address)
        }
    }

    @Test("Two identities cannot be promised one address, one may name it twice")
    func conflicts() throws {
        let shared = try address("10.1.2.3")
        let error = try #require(throws: PoolError.self) {
            try AddressReservations([
                AddressReservations.Entry(identity: "a", addresses: [shared]),
                AddressReservations.Entry(identity: "b", addresses: [shared]),
            ])
        }
        #expect(error.message == "10.1.2.3 is reserved for both \"a\" and \"b\"")
        let twice = try AddressReservations([AddressReservations.Entry(identity: "a", addresses: [shared, shared])])
        #expect(twice.identity(of: shared) == "a")
        #expect(twice.identity(of: try address("10.1.2.4")) == nil)
        #expect(twice.addresses == AddressSet([shared]) && AddressReservations().addresses.isEmpty)
    }

    @Test("Quarantine ends by the clock, except where the oldest rest is what counts")
    func restedSince() {
        #expect(PoolRules(quarantineNanoseconds: 5).restedSince(now: 12) == 7)
        #expect(PoolRules(quarantineNanoseconds: 0).restedSince(now: 12) == 12)
        #expect(PoolRules(quarantineNanoseconds: -3).restedSince(now: 12) == 12)
        #expect(PoolRules(quarantineNanoseconds: .max).restedSince(now: -12) == .min)
        #expect(PoolRules(order: .oldestFreedFirst, quarantineNanoseconds: 0).restedSince(now: 12) == nil)
    }
}
