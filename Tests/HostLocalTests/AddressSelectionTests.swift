// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Testing

@testable import AddressPools
@testable import HostLocal

@Suite("What a container wants of a network")
struct AddressSelectionTests {
    private static func address(_ text: String) throws -> IPAddress {
        try #require(IPAddress(text))
    }

    private static func set(_ subnets: String...) throws -> RangeSet {
        try RangeSet(subnets.map { try AddressRange(subnet: #require(CIDR($0))) })
    }

    private static func choice(_ text: String, from set: RangeSet) throws -> PoolChoice {
        let address = try address(text)
        return PoolChoice(address: address, range: try #require(set.range(containing: address)), reason: .next)
    }

    private static func selection(requested: [String] = [], held: [String] = []) throws -> AddressSelection {
        AddressSelection(requested: try requested.map(address), held: try held.map(address))
    }

    @Test("Each set is asked for what was requested of it, once, and for what is held")
    func requested() throws {
        var selection = try Self.selection(requested: ["fd00::9", "10.1.2.6", "10.1.2.5"], held: ["10.1.2.2"])
        let wishes = try [Self.set("10.1.2.0/29"), Self.set("10.1.3.0/29"), Self.set("fd00::/64")].map {
            selection.next(from: $0)
        }
        #expect(wishes.map(\.requested) == [IPAddress("10.1.2.6"), nil, IPAddress("fd00::9")])
        #expect(wishes.allSatisfy { $0.held == [IPAddress(v4: 0x0a01_0202)] })
        #expect(throws: CNIError.self) { try selection.finish() }
    }

    @Test("What is held in the sets of the network and was not chosen is superseded; what is elsewhere is left alone")
    func superseded() throws {
        let set = try Self.set("10.1.2.0/29")
        let selection = try Self.selection(held: ["10.1.2.5", "10.1.2.4", "10.9.9.9"])
        #expect(selection.superseded(by: [try Self.choice("10.1.2.4", from: set)]) == [IPAddress("10.1.2.5")])
        #expect(selection.superseded(by: []) == [])
    }

    @Test(
        "An address that cannot be given is refused in host-local's words",
        arguments: [
            (.leased(IPAddress(v4: 0x0a01_0205)), "another container has it; see the network's lease directory"),
            (.excluded(IPAddress(v4: 0x0a01_0205)), "ipam.exclude keeps it from being given"),
            (
                .reserved(IPAddress(v4: 0x0a01_0205), identity: "default/web-0"),
                "it is reserved for \"default/web-0\""
            ),
        ] as [(PoolRefusal, String)]
    )
    func refusedRequest(refusal: PoolRefusal, details: String) throws {
        let error = try #require(refusal.error(for: try Self.set("10.1.2.0/29"), index: 3))
        #expect(error.code == CNIError.Code.addressUnavailable.rawValue)
        #expect(
            error.message == "failed to allocate for range 3: requested IP address 10.1.2.5 is not available in range "
                + "set 10.1.2.1-10.1.2.6"
        )
        #expect(error.details == details)
    }

    @Test("A gateway is refused in host-local's words, and a full set is not about the request")
    func otherRefusals() throws {
        let set = try Self.set("10.1.2.0/29")
        let error = try #require(throws: PoolError.self) { _ = try set.admit(try Self.address("10.1.2.1")) }
        let refusal = try #require(PoolRefusal.notAdmitted(error).error(for: set, index: 0))
        #expect(refusal.message == "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway")
        #expect(PoolRefusal.exhausted.error(for: set, index: 0) == nil)
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
        _ = selection.next(from: try Self.set("10.1.2.0/29"))
        let error = try #require(throws: CNIError.self) { try selection.finish() }
        #expect(error.code == CNIError.Code.addressUnavailable.rawValue)
        #expect(error.message == "failed to allocate all requested IPs: \(list)")
    }
}
