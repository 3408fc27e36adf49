// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import TestSupport
import Testing

@testable import LeaseStore

@Suite("The ledger of a network")
struct LeaseLedgerTests {
    private static let owner = LeaseOwner(containerID: "c1", interfaceName: "eth0")
    private static let claimant = LeaseClaimant(owner: owner)
    private static let address = IPAddress(v4: 0x0a01_0203)

    private static func ledger(_ root: String) throws -> LeaseLedger {
        try LeaseLedger(creating: "\(root)/blue", runDirectory: "\(root)/run", waitingAtMost: .seconds(20))
    }

    private static func take(_ address: IPAddress, _ owner: LeaseOwner = owner, in root: String) throws {
        var ledger = try ledger(root)
        #expect(try ledger.take(address, for: LeaseClaimant(owner: owner)))
        ledger.commit()
    }

    /// What an index knows, as text in order.
    private static func known(_ root: String) throws -> [String] {
        var ledger = try ledger(root)
        let known = try ledger.all().filter(\.hasFile).map { "\($0.address) \($0.owner)" }
        ledger.commit()
        return known
    }

    private static func index(_ root: String) throws -> String {
        let name = try #require(try listDirectory("\(root)/run/ipam").first { $0.hasSuffix(".sqlite") })
        return "\(root)/run/ipam/\(name)"
    }

    @Test("What was committed is known without a look at the directory, and what was released is not")
    func story() throws {
        try withTemporaryDirectory { root in
            try Self.take(Self.address, in: root)
            var ledger = try Self.ledger(root)
            let stamp = try DirectoryStamp(of: ledger.files.directory)
            #expect(try ledger.leases(of: LeaseOwner(containerID: "stranger", interfaceName: "eth0")).isEmpty)
            #expect(ledger.isQuick && ledger.log?.header.stamp == stamp)
            let leases = try ledger.leases(of: Self.owner)
            #expect(leases.map(\.address) == [Self.address])
            #expect(!ledger.isQuick && ledger.level == .found && ledger.isLogOfUse)
            #expect(try ledger.release(leases[0]))
            #expect(try !ledger.release(leases[0]))
            #expect(try ledger.leases(of: Self.owner).isEmpty)
            ledger.commit()
            #expect(try listDirectory("\(root)/blue") == ["lock"])
        }
    }

    @Test("Who dies before the index is told costs nobody anything", arguments: [true, false])
    func uncommitted(hadIndex: Bool) throws {
        try withTemporaryDirectory { root in
            if hadIndex { try Self.take(IPAddress(v4: 0x0a01_0209), in: root) }
            do {
                var ledger = try Self.ledger(root)
                #expect(try ledger.take(Self.address, for: Self.claimant))
            }
            #expect(try Self.known(root).first == "10.1.2.3 c1 eth0")
            do {
                var ledger = try Self.ledger(root)
                for lease in try ledger.leases(of: Self.owner) { #expect(try ledger.release(lease)) }
            }
            #expect(try Self.known(root).isEmpty)
        }
    }

    @Test("What others add, remove and replace is seen at once, however shortly after us")
    func foreign() throws {
        try withTemporaryDirectory { root in
            for number in 1...200 {
                let mine = IPAddress(v4: 0x0a01_0000 + UInt32(number))
                try Self.take(mine, in: root)
                try writeFile("\(root)/blue/10.2.0.\(number % 250)", "c2\r\neth\(number)")
                #expect(try Self.known(root).contains("10.2.0.\(number % 250) c2 eth\(number)"))
                #expect(unlink("\(root)/blue/\(mine)") == 0)
                #expect(try !Self.known(root).contains("\(mine) c1 eth0"))
            }
            try Self.take(Self.address, in: root)
            #expect(unlink("\(root)/blue/\(Self.address)") == 0)
            try writeFile("\(root)/blue/\(Self.address)", "c3\r\neth0")
            #expect(try Self.known(root).contains("10.1.2.3 c3 eth0"))
        }
    }

    @Test("An index that is no use is replaced", arguments: [0, 1, 15, 100, 4095, 4096, 5000, 8192, 12288])
    func truncated(length: Int) throws {
        try withTemporaryDirectory { root in
            for number in 1...100 { try Self.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), in: root) }
            let before = try Self.known(root)
            #expect(truncate(try Self.index(root), length) == 0)
            #expect(try Self.known(root) == before)
            #expect(try Self.known(root) == before)
        }
    }

    @Test("Noise in the index never fails anybody, and never gives an address twice", arguments: 0..<60)
    func noise(seed: UInt64) throws {
        try withTemporaryDirectory { root in
            var generator = SplitMix(state: seed)
            for number in 1...60 { try Self.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), in: root) }
            let path = try Self.index(root)
            var content = try Descriptor(opening: path, O_RDONLY).readAll(path)
            for _ in 0..<(1 << Int.random(in: 0..<10, using: &generator)) {
                content[Int.random(in: content.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            try Descriptor(opening: path, O_WRONLY | O_TRUNC).writeAll(content, path)
            do {
                var ledger = try Self.ledger(root)
                for number in 1...60 {
                    #expect(try !ledger.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), for: Self.claimant))
                }
                #expect(try ledger.take(IPAddress(v4: 0x0a02_0001), for: Self.claimant))
                _ = try ledger.all()
                ledger.commit()
            }
            #expect(try listDirectory("\(root)/blue").count == 62)
            // Whoever changes the directory has it compared, which ends what noise is left.
            try writeFile("\(root)/blue/10.3.0.1", "c9\r\neth0")
            #expect(try Self.known(root).count >= 1)
        }
    }

    @Test("Noise in the log, or half of it, never fails anybody, and never gives an address twice", arguments: 0..<60)
    func noiseInLog(seed: UInt64) throws {
        try withTemporaryDirectory { root in
            var generator = SplitMix(state: seed)
            for number in 1...20 { try Self.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), in: root) }
            let before = try listDirectory("\(root)/blue")
            let path = String(try Self.index(root).dropLast(6)) + "log"
            var content = try Descriptor(opening: path, O_RDONLY).readAll(path)
            if seed % 3 == 0 {
                content.removeLast(Int.random(in: 1...content.count, using: &generator))
            } else {
                for _ in 0..<(1 << Int.random(in: 0..<10, using: &generator)) {
                    content[Int.random(in: content.indices, using: &generator)] = .random(
                        in: 0...255,
                        using: &generator
                    )
                }
            }
            try Descriptor(opening: path, O_WRONLY | O_TRUNC).writeAll(content, path)
            do {
                var ledger = try Self.ledger(root)
                #expect(try ledger.leases(of: Self.owner).count == 20)
                for number in 1...20 {
                    #expect(try !ledger.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), for: Self.claimant))
                }
                ledger.commit()
            }
            #expect(try listDirectory("\(root)/blue") == before)
            #expect(try Self.known(root).count == 20)
        }
    }

    @Test("Many more changes than the log holds end in the database, and what it holds is found there")
    func longLog() throws {
        try withTemporaryDirectory { root in
            for number in 1...600 {
                let owner = LeaseOwner(containerID: "c\(number)", interfaceName: "eth0")
                try Self.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), owner, in: root)
            }
            for number in 1...600 {
                let owner = LeaseOwner(containerID: "c\(number)", interfaceName: "eth0")
                var ledger = try Self.ledger(root)
                let leases = try ledger.leases(of: owner)
                #expect(leases.map(\.address) == [IPAddress(v4: 0x0a01_0000 + UInt32(number))])
                for lease in leases { #expect(try ledger.release(lease)) }
                ledger.commit()
                #expect(ledger.level == .found)
            }
            #expect(try listDirectory("\(root)/blue") == ["lock"])
            #expect(try Self.known(root) == [])
        }
    }

    @Test("An index of another version, of another directory or of no form at all is replaced")
    func otherIndex() throws {
        try withTemporaryDirectory { root in
            try Self.take(Self.address, in: root)
            let path = try Self.index(root)
            for statement in [
                "UPDATE meta SET version = 99", "UPDATE meta SET path = '/elsewhere'", "DROP TABLE run",
                "DROP TABLE meta", "UPDATE lease SET address = x'0102'", "UPDATE run SET last = x'0400000000'",
            ] {
                try IndexDatabase(path: path).run("\(statement); COMMIT")
                #expect(try Self.known(root) == ["10.1.2.3 c1 eth0"])
                var ledger = try Self.ledger(root)
                #expect(try !ledger.take(Self.address, for: Self.claimant))
                ledger.commit()
            }
            try writeFile(path, "no database")
            #expect(try Self.known(root) == ["10.1.2.3 c1 eth0"])
        }
    }

    @Test("Without a place for the index everything works all the same")
    func noPlace() throws {
        try withTemporaryDirectory { root in
            try writeFile("\(root)/run", "in the way")
            try Self.take(Self.address, in: root)
            #expect(try Self.known(root) == ["10.1.2.3 c1 eth0"])
            var ledger = try Self.ledger(root)
            #expect(ledger.level == .found)
            let leases = try ledger.leases(of: Self.owner)
            #expect(ledger.level == .inMemory)
            #expect(try ledger.release(try #require(leases.first)))
            ledger.commit()
            #expect(try readFile("\(root)/run") == "in the way")
        }
    }

    @Test("A stamp that was set back, or forward, is another stamp", arguments: [1, 4_000_000_000])
    func clock(seconds: Int) throws {
        try withTemporaryDirectory { root in
            try Self.take(Self.address, in: root)
            try setModificationTime("\(root)/blue", seconds: seconds)
            #expect(try Self.known(root) == ["10.1.2.3 c1 eth0"])
            #expect(unlink("\(root)/blue/\(Self.address)") == 0)
            try setModificationTime("\(root)/blue", seconds: seconds)
            #expect(try Self.known(root) == [])
        }
    }

    @Test("No two leases have the same number, also when the clock was set back")
    func generations() throws {
        try withTemporaryDirectory { root in
            let future = Machine.wallNanoseconds + 3600_000_000_000
            do {
                var ledger = try Self.ledger(root)
                _ = try ledger.all()
                ledger.meta.generation = future
                #expect(try ledger.take(Self.address, for: Self.claimant))
                ledger.commit()
            }
            var ledger = try Self.ledger(root)
            #expect(try ledger.take(IPAddress(v4: 0x0a01_0204), for: Self.claimant))
            #expect(try ledger.all().map(\.generation) == [future + 1, future + 2])
        }
    }
}

/// Vigna's SplitMix64: the same numbers for the same seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
