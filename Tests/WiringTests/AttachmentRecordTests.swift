// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Wiring

@Suite("Attachment records")
struct AttachmentRecordTests {
    private static let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")

    private static func record(_ state: AttachmentRecord.State) -> AttachmentRecord {
        AttachmentRecord(
            key: key,
            state: state,
            namespacePath: "/run/netns/\"b\\lue\"\n",
            namespaceIdentity: "4:4026532008",
            intendedNanoseconds: 1_234_567_890_123_456_789,
            hostInterface: "veth0123abcd",
            configuration: ["name": "blue", "mtu": 1500, "ipam": ["ranges": [[["subnet": "10.1.2.0/24"]]]], "x": nil],
            result: ["ips": [["address": "10.1.2.3/24"]], "ü": "ä", "real": 0.5, "yes": true]
        )
    }

    @Test("A record survives being written and read", arguments: ["intended", "attached", "removing"])
    func roundTrip(state: String) throws {
        let record = Self.record(try #require(AttachmentRecord.State(rawValue: state)))
        #expect(AttachmentRecord(key: Self.key, content: record.content) == record)
    }

    @Test("An intent that knows nothing yet survives too")
    func bare() {
        let record = AttachmentRecord(
            key: Self.key,
            state: .intended,
            namespacePath: "",
            namespaceIdentity: "",
            intendedNanoseconds: 0,
            configuration: nil
        )
        #expect(AttachmentRecord(key: Self.key, content: record.content) == record)
    }

    @Test("The file says whose it is, for those who read it without its name")
    func members() throws {
        let document = try JSONValue(parsing: Self.record(.attached).content)
        let reader = JSONReader(document)
        #expect(try reader.string("network") == "blue")
        #expect(try reader.string("containerID") == "c1")
        #expect(try reader.string("ifname") == "eth0")
        #expect(try reader.string("state") == "attached")
        #expect(try reader.string("netnsIdentity") == "4:4026532008")
    }

    @Test("A record that is cut off anywhere is none")
    func cutOff() {
        let content = Self.record(.attached).content
        for count in 0..<content.count {
            #expect(AttachmentRecord(key: Self.key, content: Array(content.prefix(count))) == nil, "\(count) bytes")
        }
    }

    @Test(
        "Junk is no record",
        arguments: [
            "", "{}", "[]", "null", "17", #"{"state": "attached""#, #"{"state": "Attached"}"#, #"{"state": ""}"#,
            #"{"state": 1}"#, #"{"state": "attached", "netns": 1}"#, "\u{0}", "{\"state\": \"attached\"}\u{0}",
            #"{"state": "attached", "intendedBootNanoseconds": "1"}"#,
            #"{"state": "attached", "intendedBootNanoseconds": 1.0}"#,
            #"{"state": "attached", "hostInterface": ["veth0"]}"#, #"{"state": "attached", "netnsIdentity": 4}"#,
        ]
    )
    func junk(text: String) {
        #expect(AttachmentRecord(key: Self.key, content: Array(text.utf8)) == nil)
    }

    @Test("What an older version did not write is empty, and what a newer one adds does not matter")
    func tolerant() throws {
        let text = #"{"state": "attached", "colour": "green"}"#
        let record = try #require(AttachmentRecord(key: Self.key, content: Array(text.utf8)))
        #expect(record.state == .attached)
        #expect(record.key == Self.key)
        #expect(record.namespacePath == "" && record.namespaceIdentity == "" && record.hostInterface == "")
        #expect(record.intendedNanoseconds == 0)
        #expect(record.configuration == nil && record.result == nil)
    }

    @Test("The key decides whose record it is, not the content")
    func foreignContent() {
        let other = AttachmentKey(network: "red", containerID: "c2", interfaceName: "eth1")
        #expect(AttachmentRecord(key: other, content: Self.record(.attached).content)?.key == other)
    }
}
