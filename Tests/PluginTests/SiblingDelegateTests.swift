// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@Suite("Delegation within the binary")
struct SiblingDelegateTests {
    /// A plugin that has an address for ADD and refuses everything else with the command's name.
    private static let sibling = Program(name: "fake", about: "fake: for tests") { verb throws(CNIError) in
        guard case .add = verb else { throw CNIError(.internal, "sibling \("\(verb)".prefix { $0 != "(" })") }
        let address = CIDR.host(IPAddress(v4: 0x0a01_0203))
        return .result(AddResult(ips: [AddResult.IPConfiguration(address: address)]))
    }

    /// Finds the plugin `fake` where a link leads to some file.
    private static func find<Value>(
        _ target: String,
        _ siblings: [Program],
        _ body: (AddressDelegate) throws -> Value
    ) throws -> Value {
        try withTemporaryDirectory { directory in
            try makeSymbolicLink("\(directory)/fake", to: target)
            let configuration = #"{"name": "blue", "ipam": {"type": "fake"}}"#
            let request = try Request(configuration, ["CNI_PATH": directory], siblings: siblings)
            return try body(try #require(try AddressDelegate(for: request)))
        }
    }

    @Test("A name that leads to this very binary is called in process")
    func sibling() throws {
        let result = try Self.find("/proc/self/exe", [Self.sibling]) { try $0.add() }
        #expect(result.ips.map { "\($0.address)" } == ["10.1.2.3/32"])
        let error = try Self.find("/proc/self/exe", [Self.sibling]) { delegate in
            try #require(throws: CNIError.self) { try delegate.status() }
        }
        #expect(error.message == "sibling status")
    }

    @Test("A name that leads elsewhere is executed, though we have a plugin of that name")
    func stranger() throws {
        let error = try OwnThread {
            try Self.find("/bin/false", [Self.sibling]) { delegate in
                do throws(CNIError) {
                    _ = try delegate.status()
                    return CNIError?.none
                } catch {
                    return error
                }
            }
        }.join()
        #expect(error?.message == "IPAM plugin fake failed STATUS with exit status 1")
    }
}
