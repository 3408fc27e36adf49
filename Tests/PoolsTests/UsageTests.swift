// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import HostLocal
import LeaseStore
import Linux
import Pools
import TestSupport
import Testing

@Suite("The usage of a network")
struct UsageTests {
    private static let ipam = """
        "ranges": [[{"subnet": "10.1.0.0/28"}, {"subnet": "10.2.0.0/29", "gateway": "10.2.0.3"}], [{"subnet": "fd01::/64"}]],
        "exclude": ["10.1.0.10-10.1.0.12"], "reserve": {"a/b": ["10.1.0.12", "10.1.0.13"], "c/d": ["10.1.0.14"]}
        """

    @Test("Counts are the same as those of all leases one by one")
    func counts() throws {
        try Site.with { site in
            try site.configure("1.conflist", "lan", ipam: Self.ipam)
            try site.lease(
                "lan",
                ["10.1.0.2", "10.1.0.3", "10.1.0.5", "10.1.0.11", "10.1.0.13", "10.2.0.3", "fd01::9"]
            )
            var ledger = try site.ledger("lan")
            for text in ["10.1.0.5", "10.1.0.3"] {
                let address = try address(text)
                #expect(try ledger.release(#require(try ledger.lease(of: address))))
            }
            var suspect = try #require(try ledger.lease(of: address("10.1.0.2")))
            suspect.state = .suspect
            try ledger.note(suspect)
            ledger.commit()
            let records = try ledger.all()
            _ = consume ledger

            let network = try #require(site.catalog.networks.first)
            let usage = try network.usage(site.settings)
            let rules = try #require(network.configurations.first).pools.rules
            let states = PoolStates(
                leased: AddressSet(records.filter { $0.hasFile }.map { $0.address }),
                quarantined: AddressSet(records.filter { $0.state.isResting }.map { $0.address }),
                suspect: AddressSet(records.filter { $0.state == .suspect }.map { $0.address }),
                rules: rules
            )
            #expect(usage.pools.count == 3)
            for pool in usage.pools {
                let set = try #require(network.configurations.first).pools.rangeSets[pool.rangeSet]
                #expect(pool.usage == states.usage(of: pool.range, in: set))
            }
            let first = PoolUsage(total: 11, used: 2, reserved: 2, quarantined: 2, suspect: 1)
            #expect(usage.pools.first?.usage == first)
            #expect(usage.strays == 0)
        }
    }

    @Test("What lies in no pool is counted apart")
    func strays() throws {
        try Site.with { site in
            try site.configure("1.conflist", "lan", ipam: #""subnet": "10.1.0.0/24""#)
            try site.lease("lan", ["10.1.0.5", "10.1.0.255", "192.168.0.1", "fd00::1"])
            try site.lease("old", ["10.1.0.5", "fd00::1", "fd00::2"])
            let usages = try site.catalog.networks.map { try $0.usage(site.settings) }
            #expect(usages.map { $0.strays } == [3, 3])
            #expect(usages[0].outside[.v4]?.leased == 2)
            #expect(usages[1].outside[.v6]?.leased == 2)
        }
    }

    @Test("A network that never had a lease is empty, and gets no directory by being looked at")
    func unused() throws {
        try Site.with { site in
            try site.configure("1.conflist", "lan", ipam: Self.ipam)
            let network = try #require(site.catalog.networks.first)
            let usage = try network.usage(site.settings)
            #expect(usage.pools.map { $0.usage.used } == [0, 0, 0])
            #expect(usage.pools.first?.usage == PoolUsage(total: 11, reserved: 3))
            #expect(
                try network.upcoming(2, site.settings).map { $0.choices.map { "\($0.address)" } } == [
                    ["10.1.0.2", "10.1.0.3"], ["fd01::2", "fd01::3"],
                ]
            )
            #expect(try listDirectory("\(site.root)/data").isEmpty)
        }
    }

    @Test("Looking removes nothing, also not what a crash left, and tells nobody that it is gone")
    func debris() throws {
        try Site.with { site in
            try site.lease("old", ["10.1.0.5"])
            try writeFile("\(site.root)/data/old/10.1.0.6", "")
            try writeFile("\(site.root)/data/old/.culvert.new", "c7")
            let network = try #require(site.catalog.networks.first)
            let before = try listDirectory(network.directory).sorted()
            let report = try network.report(on: address("10.1.0.6"), site.settings)
            #expect(report.standing == .blocked)
            #expect(try listDirectory(network.directory).sorted() == before)
            // Who changes something still finds it, and clears it away.
            var ledger = try site.ledger("old")
            #expect(try ledger.lease(of: address("10.1.0.6")) == nil)
        }
    }

    @Test("A directory without a lock gets none by being looked at")
    func lockless() throws {
        try Site.with { site in
            try makeDirectory("\(site.root)/data/copy")
            try writeFile("\(site.root)/data/copy/10.1.0.6", "c1\r\neth0")
            let network = try #require(site.catalog.networks.first)
            #expect(try network.usage(site.settings).strays == 1)
            #expect(try listDirectory(network.directory) == ["10.1.0.6"])
        }
    }

    @Test("A lock that is held all the time is an error that names the holder and the way out")
    func locked() throws {
        try Site.with { site in
            try site.lease("old", ["10.1.0.5"])
            let network = try #require(site.catalog.networks.first)
            let holder = try site.ledger("old")
            let error = #expect(throws: PoolFailure.self) { try network.usage(site.settings) }
            _ = consume holder
            let text = try #require(error).description
            #expect(text.contains("cannot read the leases of network old in \(network.directory)"))
            #expect(text.contains("held by process"))
            #expect(text.contains("CULVERT_LOCK_TIMEOUT"))
        }
    }
}
