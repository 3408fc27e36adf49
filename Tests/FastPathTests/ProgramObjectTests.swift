// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import FastPath

@Suite("The program as the compiler left it")
struct ProgramObjectTests {
    @Test("Every gap is an instruction that loads 64 bits or calls", arguments: ["program", "filter"])
    func gaps(section: String) throws {
        let object = try #require(ProgramObject(shortcutObject, section: section))
        #expect(object.instructions.count.isMultiple(of: 8))
        #expect(object.gaps.contains { $0.name == "ports" } && object.gaps.contains { $0.name == "stations" })
        #expect(object.gaps.allSatisfy { object.instructions[$0.offset] == ($0.isCall ? 0x85 : 0x18) })
    }

    @Test("A gap takes 64 bits, or a map")
    func filling() throws {
        var object = try #require(ProgramObject(shortcutObject, section: "program"))
        let value = try #require(object.gaps.first { $0.name == "at_skb_device" })
        object.fill(value, with: 0x0102_0304_0506_0708)
        #expect(object.instructions[(value.offset + 4)..<(value.offset + 8)] == [8, 7, 6, 5])
        #expect(object.instructions[(value.offset + 12)..<(value.offset + 16)] == [4, 3, 2, 1])
        let map = try #require(object.gaps.first { $0.name == "ports" })
        object.fill(map, withMap: 9)
        #expect(object.instructions[map.offset + 1] >> 4 == 1)
        #expect(object.instructions[map.offset + 4] == 9)
        object.fill(map, withEntryOf: 7)
        #expect(object.instructions[map.offset + 1] >> 4 == 2)
        #expect(object.instructions[map.offset + 4] == 7)
    }

    @Test("There is no program of another name")
    func otherName() {
        #expect(ProgramObject(shortcutObject, section: "license") == nil)
        #expect(ProgramObject(shortcutObject, section: "filters") == nil)
    }

    @Test("The object holds no path of the machine that it was made on")
    func paths() {
        #expect(
            !shortcutObject.contains(UInt8(ascii: "/"))
                || !String(decoding: shortcutObject, as: UTF8.self).contains("/Sources")
        )
    }

    @Test("What is cut off anywhere is no program, or one with all of its gaps inside")
    func cutOff() {
        for length in stride(from: 0, to: shortcutObject.count, by: 7) {
            guard let object = ProgramObject(Array(shortcutObject.prefix(length)), section: "filter") else { continue }
            #expect(object.gaps.allSatisfy { $0.offset + 16 <= object.instructions.count })
        }
    }
}
