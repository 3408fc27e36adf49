// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Glibc
import Linux
import TestSupport
import Testing

@testable import LeaseStore

@Suite("What operators keep")
struct KeptAddressesTests {
    private static let owner = LeaseOwner(containerID: "c1", interfaceName: "eth0")
    private static let address = IPAddress(v4: 0x0a01_0203)

    /// `run`: another one stands for another boot.
    private static func ledger(_ root: String, run: String = "run") throws -> LeaseLedger {
        try LeaseLedger(creating: "\(root)/blue", runDirectory: "\(root)/\(run)", waitingAtMost: .seconds(20))
    }

    private static func entry(
        _ run: String,
        _ purpose: KeptAddresses.Entry.Purpose = .reserved,
        key: String = ""
    ) throws -> KeptAddresses.Entry {
        KeptAddresses.Entry(try AddressRun(parsing: run), purpose, key: key, note: "a note")
    }

    private static func content(_ root: String, _ name: String) throws -> String? {
        try readFile("\(root)/blue/\(name)")
    }

    @Test("A later word about an address counts, and what is taken out leaves the rest of its entry")
    func entries() throws {
        var kept = KeptAddresses()
        kept.add(try Self.entry("10.1.0.0-10.1.0.9"))
        kept.add(try Self.entry("10.1.0.4", key: "web"))
        #expect(
            kept.entries.map { "\($0.run) \($0.key)" } == [
                "10.1.0.0-10.1.0.3 ", "10.1.0.4 web", "10.1.0.5-10.1.0.9 ",
            ]
        )
        #expect(
            kept.remove(try AddressRun(parsing: "10.1.0.3-10.1.0.6"), .reserved).map { "\($0)" } == [
                "10.1.0.3", "10.1.0.4", "10.1.0.5-10.1.0.6",
            ]
        )
        #expect(kept.remove(try AddressRun(parsing: "10.1.0.0/16"), .allocated).isEmpty)
        #expect(kept.entries.map { "\($0.run)" } == ["10.1.0.0-10.1.0.2", "10.1.0.7-10.1.0.9"])
        #expect(kept.entry(of: IPAddress(v4: 0x0a01_0007))?.note == "a note")
        #expect(kept.entry(of: IPAddress(v4: 0x0a01_0003)) == nil)
    }

    @Test("The file says what was written, and lines that make no sense are counted")
    func file() throws {
        var kept = KeptAddresses()
        kept.add(try Self.entry("10.1.0.0/30", key: "default/web-0"))
        kept.add(try Self.entry("fd01::7", .allocated, key: "vm eth0"))
        #expect(KeptAddresses(content: kept.content) == kept)
        #expect(
            String(decoding: kept.content, as: UTF8.self) == """
                10.1.0.0-10.1.0.3\treserved\tdefault/web-0\ta note
                fd01::7\tallocated\tvm eth0\ta note

                """
        )
        let damaged = KeptAddresses(content: Array("10.1.0.1\treserved\n\u{0}\n10.1.0.2\treserved\t\t\tx\n".utf8))
        #expect(damaged.damagedLineCount == 2 && damaged.entries.map { "\($0.run)" } == ["10.1.0.2"])
        #expect(damaged.entries[0].note == "\tx")
    }

    @Test("A reservation has a file of nobody, which outlives the index and every boot")
    func reserving() throws {
        try withTemporaryDirectory { root in
            do {
                var ledger = try Self.ledger(root)
                try ledger.keep([try Self.entry("10.1.2.3-10.1.2.4", key: "web")])
                ledger.commit()
            }
            #expect(try Self.content(root, "10.1.2.3") == "@reserved\r\nweb")
            #expect(try listDirectory("\(root)/blue") == ["lock", ".culvert.kept", "10.1.2.3", "10.1.2.4"].sorted())
            for name in ["10.1.2.3", "10.1.2.4"] { try setModificationTime("\(root)/blue/\(name)", seconds: 0) }
            var ledger = try Self.ledger(root, run: "later")
            #expect(try ledger.all().map(\.state) == [.reserved, .reserved])
            let freed = try ledger.reclaim(isUrgent: true, where: { _ in true }) { _ throws(KernelError) in .none }
            #expect(freed.isEmpty)
            #expect(try !ledger.take(Self.address, for: LeaseClaimant(owner: Self.owner)))
            #expect(try ledger.endReservations(try AddressRun(parsing: "10.1.2.0/24")) == 2)
            ledger.commit()
            #expect(try listDirectory("\(root)/blue") == ["lock"])
        }
    }

    @Test("Whom an address is reserved for takes it without a moment of freedom, and gives it back to the reservation")
    func claiming() throws {
        try withTemporaryDirectory { root in
            var ledger = try Self.ledger(root)
            try ledger.keep([try Self.entry("10.1.2.3", key: "web")])
            ledger.claim(AddressSet([Self.address]))
            #expect(try ledger.take(Self.address, for: LeaseClaimant(owner: Self.owner)))
            #expect(try Self.content(root, "10.1.2.3") == "c1\r\neth0")
            #expect(try !ledger.take(Self.address, for: LeaseClaimant(owner: Self.owner)))
            let lease = try #require(try ledger.lease(of: Self.address))
            #expect(lease.owner == Self.owner)
            #expect(try ledger.release(lease))
            #expect(try Self.content(root, "10.1.2.3") == "@reserved\r\nweb")
            #expect(try ledger.lease(of: Self.address)?.state == .reserved)
            #expect(try ledger.take(Self.address, for: LeaseClaimant(owner: Self.owner)))
            try ledger.takeBack(Self.address)
            #expect(try Self.content(root, "10.1.2.3") == "@reserved\r\nweb")
            ledger.commit()
        }
    }

    @Test("What was given by hand is freed by nobody but a release, which ends the entry too")
    func allocating() throws {
        try withTemporaryDirectory { root in
            do {
                var ledger = try Self.ledger(root)
                try ledger.keep([try Self.entry("10.1.2.3", .allocated, key: "c1 eth0")])
                #expect(try ledger.take(Self.address, for: LeaseClaimant(owner: Self.owner)))
                ledger.commit()
            }
            try setModificationTime("\(root)/blue/10.1.2.3", seconds: 0)
            var ledger = try Self.ledger(root, run: "later")
            let freed = try ledger.reclaim(isUrgent: true, where: { _ in true }) { _ throws(KernelError) in .none }
            #expect(freed.isEmpty)
            let lease = try #require(try ledger.lease(of: Self.address))
            #expect(lease.state == .suspect)
            #expect(try ledger.release(lease))
            #expect(try listDirectory("\(root)/blue") == ["lock"])
        }
    }

    @Test("Leases of others are in the way of a reservation, those it is for are not")
    func obstacles() throws {
        try withTemporaryDirectory { root in
            var ledger = try Self.ledger(root)
            let web = LeaseClaimant(owner: Self.owner, workload: Workload(namespace: "default", name: "web-0"))
            #expect(try ledger.take(Self.address, for: web))
            let other = LeaseOwner(containerID: "c2", interfaceName: "eth0")
            #expect(try ledger.take(IPAddress(v4: 0x0a01_0204), for: LeaseClaimant(owner: other)))
            let found = try ledger.obstacles(to: try Self.entry("10.1.2.0/28", key: "default/web-0"), limit: 8)
            #expect(found.map(\.owner) == [other])
            #expect(try ledger.obstacles(to: try Self.entry("10.1.2.0/28"), limit: 8).count == 2)
            try ledger.keep([try Self.entry("10.1.2.3", key: "default/web-0")])
            #expect(try Self.content(root, "10.1.2.3") == "c1\r\neth0")
        }
    }

    @Test("What was cut off between line and file is completed, either way round")
    func completing() throws {
        try withTemporaryDirectory { root in
            do {
                var ledger = try Self.ledger(root)
                try ledger.keep([try Self.entry("10.1.2.3", key: "web")])
                ledger.commit()
            }
            #expect(unlink("\(root)/blue/10.1.2.3") == 0)
            try writeFile("\(root)/blue/10.1.2.9", "@reserved\r\ndb")
            var ledger = try Self.ledger(root)
            #expect(try ledger.completeReservations().map { "\($0)" } == ["10.1.2.9", "10.1.2.3"])
            #expect(try ledger.completeReservations().isEmpty)
            #expect(try Self.content(root, "10.1.2.3") == "@reserved\r\nweb")
            #expect(try ledger.keptAddresses().entry(of: IPAddress(v4: 0x0a01_0209))?.key == "db")
        }
    }

    @Test("No container can be called what stands in a reservation")
    func owners() {
        #expect(!LeaseOwner.reservation(for: "x").isPossible && LeaseOwner.reservation(for: "x").isReservation)
        #expect(LeaseOwner(containerID: "a.b_c-9", interfaceName: "").isPossible)
        for name in ["", "-a", "a/b", "a b", "\u{0}"] {
            #expect(!LeaseOwner(containerID: name, interfaceName: "eth0").isPossible)
        }
    }
}
