// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import FastPath

@Suite("VLANs that programs keep")
struct FastPathGuardTests {
    @Test("An entry is laid out as the programs read it")
    func layout() {
        let octets = FastPathGuard(native: 258, members: [1...1, 258...258, 4094...4094], untagged: [258...258]).octets
        #expect(octets.count == FastPathGuard.size)
        // 64 words for the members, 64 for those without a tag, the native one, padding.
        var expected = [UInt8](repeating: 0, count: 1032)
        expected[0] = 1 << 1
        expected[258 / 8] = 1 << 2
        expected[4094 / 8] = 1 << 6
        expected[512 + 258 / 8] = 1 << 2
        expected[1024] = 2
        expected[1025] = 1
        #expect(octets == expected)
    }

    @Test("What was written is read again; an entry of another size is none")
    func reading() throws {
        let own = FastPathGuard(native: 7, members: [1...1, 7...7, 63...65, 4094...4094], untagged: [1...1, 7...7])
        let read = try #require(FastPathGuard(octets: own.octets))
        #expect(read == own)
        #expect(read.memberVLANs == [1, 7, 63, 64, 65, 4094])
        #expect(read.untaggedVLANs == [1, 7])
        #expect(FastPathGuard(octets: Array(own.octets.dropLast())) == nil)
    }

    @Test("What is no VLAN is in no entry, and the default one is in that of who knows of none")
    func limits() {
        #expect(
            FastPathGuard(native: 0, members: [0...4095], untagged: [4095...4095])
                == FastPathGuard(native: 0, members: [1...4094], untagged: [])
        )
        #expect(FastPathGuard.defaultVLAN == FastPathGuard(native: 1, members: [1...1], untagged: [1...1]))
    }

    @Test("Both programs are in the object", arguments: ["entry", "exit"])
    func programs(name: String) throws {
        let object = try #require(ProgramObject(shortcutObject, section: name))
        #expect(object.gaps.contains { $0.name == "guards" && !$0.isCall })
        // The one that has the shortcut in it has to know the other.
        #expect(object.gaps.contains { $0.name == "number_of_exit" } == (name == "entry"))
    }
}
