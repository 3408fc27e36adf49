// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import TestSupport
import Testing

@testable import LeaseStore

@Suite("The life of a lease")
struct LeaseLifeTests {
    private static let owner = LeaseOwner(containerID: "c1", interfaceName: "eth0")
    private static let address = IPAddress(v4: 0x0a01_0203)

    private static func ledger(_ root: String) throws -> LeaseLedger {
        try LeaseLedger(creating: "\(root)/blue", runDirectory: "\(root)/run", waitingAtMost: .seconds(20))
    }

    /// A claimant in what stands for a network namespace: a file is told from others in the same way.
    private static func claimant(in path: String) throws -> LeaseClaimant {
        try writeFile(path, "")
        return LeaseClaimant(
            owner: owner,
            namespacePath: path,
            namespaceIdentity: try #require(try FileStatus.of(path)).identity,
            workload: Workload(namespace: "default", name: "web-0", uid: "17")
        )
    }

    private static func reclaim(
        _ ledger: inout LeaseLedger,
        urgently: Bool = false,
        _ evidence: LeaseEvidence = .none
    ) throws -> [String] {
        try ledger.reclaim(isUrgent: urgently, where: { _ in true }) { _ throws(KernelError) in evidence }
            .map { "\($0.address)" }
    }

    @Test("The index remembers what the file does not say")
    func memory() throws {
        try withTemporaryDirectory { root in
            let claimant = try Self.claimant(in: "\(root)/netns")
            let began = Machine.wallNanoseconds
            do {
                var ledger = try Self.ledger(root)
                #expect(try ledger.take(Self.address, for: claimant))
                ledger.commit()
            }
            var ledger = try Self.ledger(root)
            let lease = try #require(try ledger.lease(of: Self.address))
            #expect(lease.owner == Self.owner && lease.workload == claimant.workload)
            #expect(lease.namespacePath == claimant.namespacePath)
            #expect(lease.namespaceIdentity == claimant.namespaceIdentity)
            #expect(lease.createdNanoseconds >= began && lease.generation >= began)
            #expect(lease.state == .provisional && lease.instance == .generation(lease.generation))
            #expect(try ledger.confirm(lease))
            #expect(try ledger.lease(of: Self.address)?.state == .active)
        }
    }

    @Test("A lease that was taken again is another one, which the name of the first does not free")
    func instances() throws {
        try withTemporaryDirectory { root in
            let claimant = try Self.claimant(in: "\(root)/netns")
            var ledger = try Self.ledger(root)
            #expect(try ledger.take(Self.address, for: claimant))
            let first = try #require(try ledger.lease(of: Self.address))
            try ledger.renew(first, for: claimant)
            #expect(try !ledger.release(first))
            let second = try #require(try ledger.lease(of: Self.address))
            #expect(try ledger.release(second))
            #expect(try ledger.take(Self.address, for: claimant))
            #expect(try !ledger.release(second))
            #expect(try listDirectory("\(root)/blue") == ["10.1.2.3", "lock"])
        }
    }

    @Test("A file that somebody wrote over is not removed in the name of its first owner")
    func overwritten() throws {
        try withTemporaryDirectory { root in
            var ledger = try Self.ledger(root)
            #expect(try ledger.take(Self.address, for: LeaseClaimant(owner: Self.owner)))
            let lease = try #require(try ledger.lease(of: Self.address))
            try writeFile("\(root)/blue/10.1.2.3", "c2\r\neth0")
            #expect(try !ledger.confirm(lease))
            #expect(try !ledger.release(lease))
            #expect(try ledger.lease(of: Self.address)?.owner == LeaseOwner(containerID: "c2", interfaceName: "eth0"))
            #expect(try ledger.leases(of: Self.owner).isEmpty)
        }
    }

    @Test("What is no lease keeps its address, belongs to nobody, and stays")
    func foreignThings() throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/blue")
            try makeDirectory("\(root)/blue/10.1.2.4")
            try makeSymbolicLink("\(root)/blue/10.1.2.5", to: "/nowhere")
            try writeFile("\(root)/blue/10.1.2.6", "")
            var ledger = try Self.ledger(root)
            #expect(try ledger.all().map { "\($0.address) \($0.hasOwner)" } == ["10.1.2.4 false", "10.1.2.5 false"])
            for number in [4, 5] as [UInt32] {
                #expect(try !ledger.take(IPAddress(v4: 0x0a01_0200 + number), for: LeaseClaimant(owner: Self.owner)))
            }
            #expect(try Self.reclaim(&ledger, urgently: true) == [])
            ledger.commit()
            #expect(try listDirectory("\(root)/blue") == ["10.1.2.4", "10.1.2.5", "lock"])
        }
    }

    @Test("A container that lives keeps its address, whatever the hurry")
    func alive() throws {
        try withTemporaryDirectory { root in
            var ledger = try Self.ledger(root)
            #expect(try ledger.take(Self.address, for: try Self.claimant(in: "\(root)/netns")))
            #expect(try Self.reclaim(&ledger, urgently: true) == [])
            #expect(unlink("\(root)/netns") == 0)
            #expect(try Self.reclaim(&ledger, urgently: true, .alive) == [])
            #expect(try Self.reclaim(&ledger, urgently: true) == ["10.1.2.3"])
        }
    }

    @Test("An ADD that was never finished is not waited for; one that was is suspect first")
    func grace() throws {
        try withTemporaryDirectory { root in
            for isFinished in [false, true] {
                var ledger = try Self.ledger(root)
                #expect(try ledger.take(Self.address, for: try Self.claimant(in: "\(root)/netns")))
                if isFinished { #expect(try ledger.confirm(try #require(try ledger.lease(of: Self.address)))) }
                #expect(unlink("\(root)/netns") == 0)
                #expect(try Self.reclaim(&ledger) == (isFinished ? [] : ["10.1.2.3"]))
                guard isFinished else { continue }
                var suspect = try #require(try ledger.lease(of: Self.address))
                #expect(suspect.state == .suspect)
                suspect.sinceNanoseconds -= 61_000_000_000
                try ledger.note(suspect)
                #expect(try Self.reclaim(&ledger) == ["10.1.2.3"])
            }
        }
    }

    @Test("A file older than this boot is dead unless somebody knows its owner; a younger one is adopted")
    func reboot() throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/blue")
            for (number, content) in [(3, "c1\r\neth0"), (4, "c2"), (5, "c3\r\neth0")] {
                try writeFile("\(root)/blue/10.1.2.\(number)", content)
            }
            for number in [3, 4] { try setModificationTime("\(root)/blue/10.1.2.\(number)", seconds: 1_000_000) }
            var ledger = try Self.ledger(root)
            #expect(try ledger.all().map(\.state) == [.suspect, .suspect, .active])
            #expect(try Self.reclaim(&ledger, urgently: true, .alive) == [])
            #expect(try Self.reclaim(&ledger) == ["10.1.2.3", "10.1.2.4"])
            #expect(try Self.reclaim(&ledger, urgently: true) == [])
            ledger.commit()
            #expect(try listDirectory("\(root)/blue") == ["10.1.2.5", "lock"])
        }
    }
}
