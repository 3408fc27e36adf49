// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing
import CNI
import LeaseStore
import TestSupport
import Testing

@testable import HostLocal

@Suite("The choice of addresses")
struct AddressSelectionTests {
    private static let owner = LeaseOwner(containerID: "c1", interfaceName: "eth0")

    private static func address(_ text: String) throws -> IPAddress {
        try #require(IPAddress(text))
    }

    private static func set(_ subnets: String...) throws -> RangeSet {
        try RangeSet(subnets.map { try AddressRange(subnet: #require(CIDR($0))) })
    }

    /// A selection for container c1, where others and c1 itself have addresses already.
    private static func selection(
        taken: [String] = [],
        held: [String] = [],
        requested: [String] = [],
        owner: LeaseOwner = owner
    ) throws -> AddressSelection {
        let other = LeaseOwner(containerID: "c2", interfaceName: "eth0")
        let leases = try withLeases(taken.map { ($0, other) } + held.map { ($0, owner) })
        return try AddressSelection(leases, for: Self.owner, requested: requested.map(address))
    }

    private static func withLeases(_ leases: [(String, LeaseOwner)]) throws -> [LeaseDirectory.Lease] {
        try withTemporaryDirectory { path in
            let directory = try LeaseDirectory(path: path, waitingAtMost: .zero)
            for (text, owner) in leases { #expect(try directory.take(try address(text), for: owner)) }
            return try directory.leases()
        }
    }

    @Test(
        "The next free address is chosen, never the gateway",
        arguments: [
            ([], nil, "10.1.2.2"), (["10.1.2.2"], nil, "10.1.2.3"), ([], "10.1.2.4", "10.1.2.5"),
            (["10.1.2.5", "10.1.2.6"], "10.1.2.4", "10.1.2.2"), ([], "10.1.2.6", "10.1.2.2"),
            ([], "10.9.9.9", "10.1.2.2"),
        ] as [([String], String?, String)]
    )
    func next(taken: [String], last: String?, expected: String) throws {
        var selection = try Self.selection(taken: taken)
        let choice = try selection.choose(
            from: try Self.set("10.1.2.0/29"),
            index: 0,
            after: try last.map(Self.address)
        )
        #expect(choice.address == IPAddress(expected))
        #expect(!choice.isHeld)
        #expect(choice.range.subnet == CIDR("10.1.2.0/29"))
        try selection.finish()
    }

    @Test("What the container has already is chosen again", arguments: ["eth0", ""])
    func idempotent(interface: String) throws {
        let owner = LeaseOwner(containerID: "c1", interfaceName: interface)
        var selection = try Self.selection(taken: ["10.1.2.2"], held: ["10.1.2.5", "10.1.2.4"], owner: owner)
        let choice = try selection.choose(from: try Self.set("10.1.2.0/29"), index: 0, after: nil)
        #expect(choice.address == IPAddress("10.1.2.4"))
        #expect(choice.isHeld)
        // The other one is left over from an ADD that was cut off.
        #expect(selection.superseded(by: [choice]) == [IPAddress("10.1.2.5")])
    }

    @Test("What another interface of the container has is as taken as anybody's")
    func otherInterface() throws {
        let owner = LeaseOwner(containerID: "c1", interfaceName: "eth1")
        var selection = try Self.selection(held: ["10.1.2.2"], owner: owner)
        let choice = try selection.choose(from: try Self.set("10.1.2.0/29"), index: 0, after: nil)
        #expect(choice.address == IPAddress("10.1.2.3"))
        #expect(!choice.isHeld)
    }

    @Test("An address that is asked for comes before anything else, once per set")
    func requested() throws {
        var selection = try Self.selection(held: ["10.1.2.2"], requested: ["fd00::9", "10.1.2.6"])
        let first = try selection.choose(from: try Self.set("10.1.2.0/29"), index: 0, after: nil)
        #expect(first.address == IPAddress("10.1.2.6"))
        #expect(!first.isHeld)
        let second = try selection.choose(from: try Self.set("fd00::/64"), index: 1, after: nil)
        #expect(second.address == IPAddress("fd00::9"))
        try selection.finish()
        #expect(selection.superseded(by: [first, second]) == [IPAddress("10.1.2.2")])
    }

    @Test("An address that is asked for and held already is simply held")
    func requestedAndHeld() throws {
        var selection = try Self.selection(held: ["10.1.2.6"], requested: ["10.1.2.6"])
        let choice = try selection.choose(from: try Self.set("10.1.2.0/29"), index: 0, after: nil)
        #expect(choice.address == IPAddress("10.1.2.6"))
        #expect(choice.isHeld)
        #expect(selection.superseded(by: [choice]) == [])
    }

    @Test(
        "An address that cannot be given is refused in host-local's words",
        arguments: [
            ("10.1.2.1", "requested ip 10.1.2.1 is subnet's gateway"),
            ("10.1.2.5", "requested IP address 10.1.2.5 is not available in range set 10.1.2.1-10.1.2.6"),
        ]
    )
    func refusedRequest(text: String, message: String) throws {
        var selection = try Self.selection(taken: ["10.1.2.5"], requested: [text])
        let set = try Self.set("10.1.2.0/29")
        let error = try #require(throws: CNIError.self) { _ = try selection.choose(from: set, index: 3, after: nil) }
        #expect(error.code == CNIError.Code.addressUnavailable.rawValue)
        #expect(error.message == "failed to allocate for range 3: \(message)")
    }

    @Test(
        "What is asked for and left over is an error",
        arguments: [
            (["10.9.9.9"], "10.9.9.9"), (["10.1.2.4", "10.1.2.5"], "10.1.2.5"),
            (["fd00::1", "10.1.2.4", "::1"], "fd00::1, ::1"),
        ]
    )
    func leftovers(requested: [String], list: String) throws {
        var selection = try Self.selection(requested: requested)
        _ = try selection.choose(from: try Self.set("10.1.2.0/29"), index: 0, after: nil)
        let error = try #require(throws: CNIError.self) { try selection.finish() }
        #expect(error.code == CNIError.Code.addressUnavailable.rawValue)
        #expect(error.message == "failed to allocate all requested IPs: \(list)")
    }

    @Test("A full set is refused in host-local's words, with the whole set")
    func exhausted() throws {
        var selection = try Self.selection(taken: ["10.1.2.2", "10.1.3.2"])
        let set = try Self.set("10.1.2.0/30", "10.1.3.0/30")
        let error = try #require(throws: CNIError.self) { _ = try selection.choose(from: set, index: 1, after: nil) }
        #expect(error.code == CNIError.Code.addressesExhausted.rawValue)
        #expect(
            error.message == "failed to allocate for range 1: no IP addresses available in range set: "
                + "10.1.2.1-10.1.2.2,10.1.3.1-10.1.3.2"
        )
    }

    @Test("An address that turns out to be taken is not chosen twice")
    func exclude() throws {
        var selection = try Self.selection()
        let set = try Self.set("10.1.2.0/29")
        var chosen: [String] = []
        for _ in 0..<3 {
            let choice = try selection.choose(from: set, index: 0, after: nil)
            chosen.append("\(choice.address)")
            selection.exclude(choice.address)
        }
        #expect(chosen == ["10.1.2.2", "10.1.2.3", "10.1.2.4"])
    }

    @Test("What is held in ranges that are not the network's any more is left alone")
    func foreignHeld() throws {
        var selection = try Self.selection(held: ["10.9.9.9"])
        let choice = try selection.choose(from: try Self.set("10.1.2.0/29"), index: 0, after: nil)
        #expect(choice.address == IPAddress("10.1.2.2"))
        #expect(selection.superseded(by: [choice]) == [])
    }
}
