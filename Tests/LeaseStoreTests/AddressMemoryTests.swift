// SPDX-License-Identifier: Apache-2.0
import Addressing
import LeaseStore
import Linux
import TestSupport
import Testing

@Suite("The memory of addresses")
struct AddressMemoryTests {
    private static let addresses = [IPAddress(v4: 0x0a01_0203), IPAddress(v6: 0xfd00 << 112 | 5)]

    private static func folder(_ root: String) throws -> String {
        "\(root)/ipam/\(try #require(try listDirectory("\(root)/ipam").first))"
    }

    @Test("Each identity has its own addresses, in their order, the latest ones, for one lease directory")
    func story() throws {
        try withTemporaryDirectory { root in
            let memory = AddressMemory(root: root, leases: "/a")
            #expect(memory.addresses(of: "default/web-0") == [])
            try memory.remember([Self.addresses[1]], for: "default/web-0")
            try memory.remember(Self.addresses, for: "default/web-0")
            try memory.remember([Self.addresses[1]], for: "../../etc/passwd")
            #expect(memory.addresses(of: "default/web-0") == Self.addresses)
            #expect(memory.addresses(of: "../../etc/passwd") == [Self.addresses[1]])
            #expect(AddressMemory(root: root, leases: "/b").addresses(of: "default/web-0") == [])
            #expect(try listDirectory(try Self.folder(root)).count == 2)
        }
    }

    @Test(
        "What was cut off or written by somebody else is no memory",
        arguments: ["", "default/web", "other\n10.1.2.3"]
    )
    func damaged(content: String) throws {
        try withTemporaryDirectory { root in
            let memory = AddressMemory(root: root, leases: "/a")
            try memory.remember(Self.addresses, for: "default/web-0")
            let folder = try Self.folder(root)
            try writeFile("\(folder)/\(try #require(try listDirectory(folder).first))", content)
            #expect(memory.addresses(of: "default/web-0") == [])
        }
    }

    @Test("Who was not seen for long is forgotten, and who was seen again is not")
    func forgetting() throws {
        try withTemporaryDirectory { root in
            let memory = AddressMemory(root: root, leases: "/a")
            try memory.forget(unseenFor: .zero)
            for identity in ["a", "b"] { try memory.remember(Self.addresses, for: identity) }
            let folder = try Self.folder(root)
            for name in try listDirectory(folder) { try setModificationTime("\(folder)/\(name)", seconds: 1_000_000) }
            try memory.refresh("b")
            try memory.forget(unseenFor: .seconds(86_400))
            #expect(memory.addresses(of: "a") == [])
            #expect(memory.addresses(of: "b") == Self.addresses)
        }
    }
}
