// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import Glibc
import LeaseStore
import Linux
import Plugin
import Pools
import TestSupport
import Testing

@Suite("What operators change")
struct PoolChangesTests {
    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("Who lives keeps his address, and so does whom nobody can judge, unless it is forced")
    func releasing() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            try blue.lease("10.1.2.3", "alive", in: "\(root)/n1")
            try blue.lease("10.1.2.4", "dead", in: "\(root)/n2")
            #expect(unlink("\(root)/n2") == 0)
            try blue.file("10.1.2.5", "stranger\r\neth0")
            try blue.network.reserve(try AddressRun(parsing: "10.1.2.6"), for: "", note: "", blue.settings)
            try makeDirectory("\(root)/blue/10.1.2.7")
            let wishes = try (3...8).map { ReleaseWish(try Self.address("10.1.2.\($0)")) }
            let first = try blue.network.release(wishes, isForced: false, blue.settings)
            let kinds = first.map { outcome in
                switch outcome {
                case .released: "released"
                case .free: "free"
                case .refused: "refused"
                }
            }
            #expect(kinds == ["refused", "released", "refused", "refused", "refused", "free"])
            let second = try blue.network.release(wishes, isForced: true, blue.settings)
            #expect(second[0] == .released(LeaseOwner(containerID: "alive", interfaceName: "eth0")))
            #expect(second[1] == .free)
            #expect(second[2] == .released(LeaseOwner(containerID: "stranger", interfaceName: "eth0")))
            #expect(try listDirectory("\(root)/blue").filter { $0.hasPrefix("10.") } == ["10.1.2.6", "10.1.2.7"])
        }
    }

    @Test("What was allocated is held, and released by hand only")
    func allocating() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            let owner = LeaseOwner(containerID: "vm1", interfaceName: "eth0")
            for isHeld in [false, true] {
                let given = try blue.network.allocate(for: owner, requested: nil, note: "", blue.settings)
                #expect(given.map { "\($0.address) \($0.isHeld)" } == ["10.1.2.2 \(isHeld)", "fd01::2 \(isHeld)"])
            }
            for name in ["10.1.2.2", "fd01::2"] { try blue.age(name) }
            #expect(try blue.problems() == [])
            #expect(try blue.network.collectGarbage(try blue.facts(), blue.settings) == [])
            let wish = ReleaseWish(try Self.address("10.1.2.2"))
            #expect(try blue.network.release([wish], isForced: false, blue.settings) == [.released(owner)])
            #expect(try blue.content(".culvert.kept") == "fd01::2\tallocated\tvm1 eth0\t\n")
        }
    }

    @Test(
        "What cannot be allocated is refused with its reason, and leaves nothing",
        arguments: [
            ("10.1.2.3", "10.1.2.3 is taken: c1 eth0 has it"), ("10.1.2.9", "10.1.2.9 is in ipam.exclude"),
            ("10.1.2.1", "10.1.2.1"), ("10.1.2.7", "10.1.2.7 is reserved"), ("10.8.0.1", "10.8.0.1 is in no pool"),
            ("10.1.2.8", "10.1.2.8 is reserved for web"),
        ]
    )
    func refusals(text: String, reason: String) throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            try blue.lease("10.1.2.3", "c1", in: "\(root)/n1")
            for (address, key) in [("10.1.2.7", ""), ("10.1.2.8", "web")] {
                try blue.network.reserve(try AddressRun(parsing: address), for: key, note: "", blue.settings)
            }
            let before = try listDirectory("\(root)/blue")
            let owner = LeaseOwner(containerID: "vm1", interfaceName: "eth0")
            let requested = try Self.address(text)
            let failure = try #require(throws: PoolFailure.self) {
                _ = try blue.network.allocate(for: owner, requested: requested, note: "", blue.settings)
            }
            #expect(failure.message.contains(reason))
            #expect(try listDirectory("\(root)/blue") == before)
        }
    }

    @Test("Reservations that contradict something are refused, and leave nothing")
    func reserving() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root, #", "reserve": {"db": ["10.1.2.40"]}"#)
            try blue.lease("10.1.2.3", "c1", in: "\(root)/n1")
            try blue.network.reserve(try AddressRun(parsing: "10.1.2.16/30"), for: "web", note: "", blue.settings)
            let before = try listDirectory("\(root)/blue")
            for (text, key) in [
                ("10.1.2.0-10.1.2.5", ""), ("10.1.2.17", "other"), ("10.1.2.40", "web"), ("10.3.0.0/28", ""),
                ("fd01::/64", ""), ("10.1.2.0-10.1.3.0", "web"), ("10.1.2.50", "a\nb"),
            ] {
                let run = try AddressRun(parsing: text)
                #expect(throws: PoolFailure.self) {
                    try blue.network.reserve(run, for: key, note: "", blue.settings)
                }
            }
            #expect(try listDirectory("\(root)/blue") == before)
            try blue.network.reserve(try AddressRun(parsing: "10.1.2.3"), for: "c1", note: "", blue.settings)
            try blue.network.reserve(try AddressRun(parsing: "10.1.2.17"), for: "web", note: "again", blue.settings)
            #expect(try blue.network.unreserve(try AddressRun(parsing: "10.1.2.0/24"), blue.settings) == 5)
            #expect(try blue.network.unreserve(try AddressRun(parsing: "10.1.2.0/24"), blue.settings) == 0)
            #expect(try listDirectory("\(root)/blue").filter { $0.hasPrefix("10.") } == ["10.1.2.3"])
        }
    }

    @Test("A collection does what it said it would, and a second one nothing")
    func collecting() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            try blue.lease("10.1.2.3", "alive", in: "\(root)/n1")
            try blue.lease("10.1.2.4", "dead", in: "\(root)/n2")
            #expect(unlink("\(root)/n2") == 0)
            for (name, text) in [
                ("10.1.2.5", "old\r\neth0"), ("10.1.2.6", ""), (".culvert.new", ""), ("last_reserved_ip.0", "x"),
                (".culvert.kept", "10.1.2.30\treserved\tweb\t\n10.1.2.31\tallocated\tvm eth0\t\n"),
                ("10.1.2.32", "@reserved\r\ndb"),
            ] { try blue.file(name, text) }
            try blue.age("10.1.2.5")
            let facts = try blue.facts()
            #expect(
                facts.garbage.map { "\($0.kind.rawValue) \($0.address.map { "\($0)" } ?? "-")" } == [
                    "free 10.1.2.4", "free 10.1.2.5", "remove 10.1.2.6", "remove -", "remove -",
                    "complete 10.1.2.30", "complete 10.1.2.31", "complete 10.1.2.32",
                ]
            )
            // Whoever comes to life between the two is spared.
            try writeFile("\(root)/blue/10.1.2.5", "young\r\neth0")
            let done = try blue.network.collectGarbage(facts, blue.settings)
            #expect(done.filter { $0.kind == .free }.map { "\($0.address.map { "\($0)" } ?? "")" } == ["10.1.2.4"])
            #expect(try blue.problems() == [])
            #expect(try blue.network.collectGarbage(try blue.facts(), blue.settings) == [])
            #expect(
                try listDirectory("\(root)/blue").filter { $0.hasPrefix("10.") } == [
                    "10.1.2.3", "10.1.2.30", "10.1.2.32", "10.1.2.5",
                ]
            )
        }
    }

    @Test("An index that lies is made anew by a collection")
    func reindexing() throws {
        try withTemporaryDirectory { root in
            let blue = try TestNetwork(root)
            for number in 3...9 where number != 9 { try blue.lease("10.1.2.\(number)", "c\(number)", in: "\(root)/n") }
            try Descriptor(opening: "\(root)/blue/10.1.2.4", O_WRONLY | O_TRUNC).writeAll(Array("z\r\neth0".utf8), "")
            #expect(try blue.problems() == ["index 10.1.2.4"])
            #expect(try blue.network.collectGarbage(try blue.facts(), blue.settings).map(\.kind) == [.reindex])
            #expect(try blue.problems() == [])
            let lease = try blue.facts().survey.places.first { $0.name == "10.1.2.4" }?.lease
            #expect(lease?.owner.containerID == "z")
        }
    }
}
