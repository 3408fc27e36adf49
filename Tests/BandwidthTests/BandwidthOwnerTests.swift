// SPDX-License-Identifier: Apache-2.0
import CNI
import Testing
import Wiring

@testable import Bandwidth

@Suite("Names and notes of blocks")
struct BandwidthOwnerTests {
    private static let key = AttachmentKey(network: "podman", containerID: "0123456789abcdef", interfaceName: "eth0")

    @Test("The first name for what the container sends is the reference's")
    func referenceName() {
        #expect(Self.key.blockNames(.egress).first == "bwp10b6f28dc236")
    }

    @Test("All other names depend on the interface, and all are as long as a link's may be")
    func names() {
        let other = AttachmentKey(network: "podman", containerID: "0123456789abcdef", interfaceName: "eth1")
        let names = [Self.key, other].flatMap { $0.blockNames(.egress) + $0.blockNames(.ingress) }
        #expect(names.allSatisfy { $0.utf8.count == 15 && $0.hasPrefix("bwp") })
        // Of six only the reference's is shared.
        #expect(Set(names).count == 5)
    }

    @Test("A note tells whose a block is")
    func note() throws {
        #expect(Self.key.blockNote == "culvert bandwidth podman/0123456789abcdef:eth0")
        let note = try #require(BlockNote(Self.key.blockNote))
        #expect(note == BlockNote(Self.key))
        #expect(note.isOf(network: "podman"))
        #expect(!note.isOf(network: "pod"))
        #expect(note.key(in: "podman") == Self.key)
        for (id, name, isCovered) in [
            ("0123456789abcdef", "eth0", true), ("0123456789abcdef", "", true), ("0123456789abcdef", "eth1", false),
            ("0123456789abcde", "eth0", false), ("", "", false),
        ] {
            #expect(note.isCovered(by: AttachmentID(containerID: id, interfaceName: name)) == isCovered)
        }
    }

    @Test("Names that are too long for a link are told by a digest")
    func longNames() throws {
        let key = AttachmentKey(
            network: String(repeating: "n", count: 200),
            containerID: String(repeating: "c", count: 200),
            interfaceName: "abcdefghijklmno"
        )
        #expect(key.blockNote.utf8.count <= 255)
        let note = try #require(BlockNote(key.blockNote))
        #expect(note.isOf(network: key.network))
        #expect(!note.isOf(network: key.network + "n"))
        #expect(note.isCovered(by: AttachmentID(containerID: key.containerID, interfaceName: "")))
        #expect(note.key(in: key.network) == nil)
        let longest = AttachmentKey(
            network: String(repeating: "n", count: 90),
            containerID: String(repeating: "c", count: 128),
            interfaceName: "abcdefghijklmno"
        )
        #expect(longest.blockNote.utf8.count <= 255)
        #expect(BlockNote(longest.blockNote)?.key(in: longest.network) == longest)
    }

    @Test(
        "What somebody else wrote is no note",
        arguments: [
            "", "culvert bandwidth ", "culvert bandwidth a", "culvert bandwidth a:b/c", "culvert a/b:c", "eth0",
        ]
    )
    func foreign(alias: String) {
        #expect(BlockNote(alias) == nil)
    }
}
