// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Glibc
import Linux
import TestSupport
import Testing

@testable import LeaseStore

@Suite("A survey of a lease directory")
struct LeaseSurveyTests {
    private static func fill(_ root: String, _ count: Int) throws {
        var ledger = try LeaseLedger(creating: "\(root)/blue", runDirectory: "\(root)/run", waitingAtMost: .seconds(20))
        for number in 1...count {
            let claimant = LeaseClaimant(owner: LeaseOwner(containerID: "c\(number)", interfaceName: "eth0"))
            #expect(try ledger.take(IPAddress(v4: 0x0a01_0000 + UInt32(number)), for: claimant))
        }
        ledger.commit()
    }

    private static func survey(_ root: String) throws -> LeaseSurvey {
        try LeaseSurvey(path: "\(root)/blue", runDirectory: "\(root)/run", waitingAtMost: .seconds(20))
    }

    @Test("A directory that is in order has leases and nothing else", arguments: [1, 300])
    func clean(count: Int) throws {
        try withTemporaryDirectory { root in
            try Self.fill(root, count)
            let survey = try Self.survey(root)
            #expect(survey.places.compactMap(\.lease).map(\.owner.containerID) == (1...count).map { "c\($0)" })
            #expect(survey.places.allSatisfy { $0.isSpelledRight && $0.lease?.generation != 0 })
            #expect(survey.misindexed.isEmpty && survey.leftovers.isEmpty && survey.hints.isEmpty)
        }
    }

    @Test("Everything that is wrong is seen, and stays as it is")
    func wrong() throws {
        try withTemporaryDirectory { root in
            try Self.fill(root, 3)
            try writeFile("\(root)/blue/10.1.0.9", "")
            try writeFile("\(root)/blue/fd01:0:0::9", "c9\r\neth0")
            try makeDirectory("\(root)/blue/10.1.0.8")
            try writeFile("\(root)/blue/.culvert.new", "c")
            try writeFile("\(root)/blue/last_reserved_ip.0", "nonsense")
            try writeFile("\(root)/blue/last_reserved_ip.1", "fd01::1")
            let before = try listDirectory("\(root)/blue")
            let survey = try Self.survey(root)
            #expect(try listDirectory("\(root)/blue") == before)
            #expect(survey.places.filter { $0.content == .debris }.map(\.name) == ["10.1.0.9"])
            #expect(survey.places.filter { $0.content == .foreign }.map(\.name) == ["10.1.0.8"])
            #expect(survey.places.filter { !$0.isSpelledRight }.map(\.name) == ["fd01:0:0::9"])
            #expect(survey.leftovers == [".culvert.new"])
            #expect(survey.hints.map(\.rangeSet) == [0, 1])
            #expect(survey.hints.map { $0.address.map { "\($0)" } } == [nil, "fd01::1"])
            // Names have changed, so nobody believes the index before it is compared.
            #expect(survey.misindexed.isEmpty)
        }
    }

    @Test("An index that is believed and wrong is noticed, and what is reviewed is right again")
    func misindexed() throws {
        try withTemporaryDirectory { root in
            try Self.fill(root, 300)
            // Written over in place: the names are the same.
            try Descriptor(opening: "\(root)/blue/10.1.0.7", O_WRONLY | O_TRUNC).writeAll(Array("x\r\neth0".utf8), "")
            try Descriptor(opening: "\(root)/blue/10.1.0.8", O_WRONLY | O_TRUNC).writeAll([], "")
            let survey = try Self.survey(root)
            #expect(survey.misindexed.map { "\($0)" } == ["10.1.0.7", "10.1.0.8"])
            do {
                var ledger = try LeaseLedger(
                    path: "\(root)/blue",
                    runDirectory: "\(root)/run",
                    waitingAtMost: .seconds(20)
                )
                try ledger.review(survey.misindexed)
                #expect(try ledger.lease(of: IPAddress(v4: 0x0a01_0007))?.owner.containerID == "x")
                #expect(try ledger.lease(of: IPAddress(v4: 0x0a01_0008)) == nil)
                ledger.commit()
            }
            #expect(try Self.survey(root).misindexed.isEmpty)
            #expect(try !listDirectory("\(root)/blue").contains("10.1.0.8"))
        }
    }
}
