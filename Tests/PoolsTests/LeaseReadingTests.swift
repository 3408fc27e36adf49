// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import HostLocal
import LeaseStore
import Pools
import TestSupport
import Testing

@Suite("Reading the leases of a network")
struct LeaseReadingTests {
    private static func addresses(_ count: Int) -> [String] {
        (0..<count).map { "\(IPAddress(v4: 0x0a01_0000 + UInt32($0)))" }
    }

    @Test("Every lease comes once and in order, however many batches it takes", arguments: [0, 1, 256, 257, 900])
    func batches(count: Int) throws {
        try Site.with { site in
            let addresses = Self.addresses(count)
            try site.lease("old", addresses)
            let network = try #require(site.catalog.networks.first)
            var seen: [String] = []
            try network.forEachLease(site.settings) { record in
                seen.append("\(record.address)")
                return true
            }
            #expect(seen == addresses)
        }
    }

    @Test("Only what lies in the bounds comes, and nothing more once nobody wants it")
    func bounds() throws {
        try Site.with { site in
            try site.lease("old", Self.addresses(20) + ["::", "::1", "fd00::1"])
            let network = try #require(site.catalog.networks.first)
            func listed(_ text: String, atMost limit: Int = .max) throws -> [String] {
                var seen: [String] = []
                try network.forEachLease(site.settings, in: try AddressRun(parsing: text)) { record in
                    seen.append("\(record.address)")
                    return seen.count < limit
                }
                return seen
            }
            #expect(try listed("10.1.0.3-10.1.0.5") == ["10.1.0.3", "10.1.0.4", "10.1.0.5"])
            #expect(try listed("10.1.0.3-10.1.0.5", atMost: 2) == ["10.1.0.3", "10.1.0.4"])
            #expect(try listed("::/64") == ["::", "::1"])
            #expect(try listed("10.9.0.0/16").isEmpty)
        }
    }

    @Test("A container is found by the beginning of its id, and no other is")
    func containers() throws {
        try Site.with { site in
            try site.lease("old", Self.addresses(12))
            let network = try #require(site.catalog.networks.first)
            let found = try network.reports(onContainer: "c1", site.settings)
            #expect(found.map { "\($0.address)" } == ["10.1.0.0", "10.1.0.9", "10.1.0.10", "10.1.0.11"])
            #expect(try network.reports(onContainer: "c2", site.settings).count == 1)
            #expect(try network.reports(onContainer: "d", site.settings).isEmpty)
        }
    }

    @Test(
        "What is said to come next does come, and saying so changes nothing",
        arguments: [#""policy": "next-after-last""#, #""policy": "oldest-freed-first""#]
    )
    func upcoming(policy: String) throws {
        try Site.with { site in
            try site.configure(
                "1.conflist",
                "lan",
                ipam: #""subnet": "10.1.0.0/28", "exclude": ["10.1.0.7"], \#(policy)"#
            )
            try site.lease("lan", ["10.1.0.3", "10.1.0.4", "10.1.0.9"])
            let network = try #require(site.catalog.networks.first)
            var ledger = try site.ledger("lan")
            try ledger.release(#require(try ledger.lease(of: address("10.1.0.4"))))
            try ledger.setLastReserved(try address("10.1.0.9"), rangeSet: 0)
            ledger.commit()
            let before = try ledger.all()
            _ = consume ledger

            let upcoming = try #require(try network.upcoming(50, site.settings).first)
            #expect(upcoming.choices.map { $0.address.octets[3] } == [10, 11, 12, 13, 14, 2, 5, 6, 8, 4])
            #expect(upcoming.choices.last?.reason == .rested)

            var after = try site.ledger("lan")
            #expect(try after.all() == before)
            let pools = try #require(network.configurations.first).pools
            for expected in upcoming.choices.prefix(9) {
                let set = pools.rangeSets[0]
                let answer = try after.choose(
                    PoolSelection(from: set, by: pools.rules),
                    from: set,
                    by: pools.rules,
                    rangeSet: 0
                )
                guard case .success(let choice) = answer else { throw PoolFailure("exhausted") }
                #expect(choice.address == expected.address)
                let owner = LeaseOwner(containerID: "n", interfaceName: "eth0")
                #expect(try after.take(choice.address, for: LeaseClaimant(owner: owner)))
                try after.setLastReserved(choice.address, rangeSet: 0)
            }
        }
    }
}
