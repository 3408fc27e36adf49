// SPDX-License-Identifier: Apache-2.0
import Addressing
import LeaseStore
import Pools
import TestSupport
import Testing

@Suite("The watch over leases")
struct LeaseWatchTests {
    /// What is told until so many changes have come.
    private static func changes(_ count: Int, _ watch: inout LeaseWatch) throws -> [String] {
        var told: [String] = []
        while told.count < count {
            for change in try watch.next(warn: { told.append($0) }) {
                told.append("\(change.kind) \(change.network) \(change.address) \(change.owner?.description ?? "?")")
            }
        }
        return told
    }

    @Test("Leases of before, of meanwhile and of a new network are told once each, with whose they are")
    func story() throws {
        try Site.with { site in
            try site.lease("old", ["10.1.0.5"])
            var watch = try LeaseWatch(site.catalog.networks, dataDirectories: ["\(site.root)/data"], site.settings)
            var ledger = try site.ledger("old")
            try ledger.release(#require(try ledger.lease(of: address("10.1.0.5"))))
            ledger.commit()
            _ = consume ledger
            // As Go writes it: made first, filled later.
            try writeFile("\(site.root)/data/old/10.1.0.6", "c6\r\neth0")
            #expect(
                try Self.changes(2, &watch) == ["released old 10.1.0.5 c1 eth0", "leased old 10.1.0.6 c6 eth0"]
            )
            try site.lease("new", ["fd00::1", "fd00::2"])
            #expect(
                try Self.changes(2, &watch) == ["leased new fd00::1 c1 eth0", "leased new fd00::2 c2 eth0"]
            )
        }
    }

    @Test("Where nothing is there is nothing to watch, and the error says where")
    func nothing() throws {
        try withTemporaryDirectory { root in
            let network = PoolNetwork(name: "lan", directory: "\(root)/no/lan", configurations: [])
            let settings = Site(root: root).settings
            let error = #expect(throws: PoolFailure.self) {
                _ = try LeaseWatch([network], dataDirectories: [], settings)
            }
            #expect(error?.message.contains("\(root)/no") == true)
        }
    }
}
