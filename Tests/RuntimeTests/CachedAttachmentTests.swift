// SPDX-License-Identifier: Apache-2.0
import CNI
import JSON
import Runtime
import Testing

@Suite("Cached attachments")
struct CachedAttachmentTests {
    private static let entry: CachedAttachment = CachedAttachment(
        network: "lan",
        attachment: Attachment(
            containerID: "c1",
            namespacePath: "/run/netns/blue",
            interfaceName: "net1",
            arguments: RuntimeArguments(pairs: [("A", "b"), ("C", "d")]),
            capabilityArguments: ["other": 1, "ips": ["10.77.0.9"]]
        ),
        configuration: Array(#"{"name":"lan"}"#.utf8),
        result: ["ips": [["interface": 2, "address": "10.77.0.9/24"]], "cniVersion": "0.4.0", "dns": [:]]
    )

    /// As libcni 1.2 and newer write it; the path of the namespace is missing from older ones.
    private static let text =
        #"{"kind":"cniCacheV1","containerId":"c1","config":"eyJuYW1lIjoibGFuIn0=","ifName":"net1","#
        + #""networkName":"lan","netns":"/run/netns/blue","cniArgs":[["A","b"],["C","d"]],"#
        + #""capabilityArgs":{"ips":["10.77.0.9"],"other":1},"#
        + #""result":{"cniVersion":"0.4.0","dns":{},"ips":[{"address":"10.77.0.9/24","interface":2}]}}"#

    @Test("The text is the original's, byte for byte")
    func writing() {
        #expect(String(decoding: Self.entry.text, as: UTF8.self) == Self.text)
    }

    @Test("The text is read back")
    func reading() throws {
        let read = try CachedAttachment(parsing: Array(Self.text.utf8))
        #expect(read.network == "lan")
        #expect(read.configuration == Self.entry.configuration)
        #expect(read.attachment.containerID == "c1")
        #expect(read.attachment.interfaceName == "net1")
        #expect(read.attachment.namespacePath == "/run/netns/blue")
        #expect(read.attachment.arguments?.text == "A=b;C=d")
        #expect(read.text == Array(Self.text.utf8))
    }

    @Test("What says nothing is left out")
    func brevity() throws {
        let attachment = Attachment(containerID: "c1", namespacePath: "", interfaceName: "eth0")
        let entry = CachedAttachment(network: "lan", attachment: attachment, configuration: [], result: nil)
        let text = #"{"kind":"cniCacheV1","containerId":"c1","config":"","ifName":"eth0","networkName":"lan"}"#
        #expect(String(decoding: entry.text, as: UTF8.self) == text)
        #expect(try CachedAttachment(parsing: entry.text).result == nil)
    }

    @Test("A bare result is read as the memory of whom it is asked for")
    func bareResult() throws {
        let attachment = Attachment(containerID: "c1", namespacePath: "/n", interfaceName: "eth0")
        let text = Array(#"{"cniVersion":"0.4.0"}"#.utf8)
        let entry = try CachedAttachment(parsing: text, network: "lan", attachment: attachment)
        #expect(entry.result == ["cniVersion": "0.4.0"])
        #expect(entry.attachment == attachment)
        #expect(throws: CNIError.self) { try CachedAttachment(parsing: text) }
    }

    @Test(
        "What another program or a torn write left is refused",
        arguments: [
            "", "[]", #"{"kind":"cniCacheV2"}"#, #"{"kind":"cniCacheV1","config":"!"}"#, #"{"kind":"cniCacheV1","#,
            #"{"kind":"cniCacheV1","cniArgs":[["a"]]}"#,
        ]
    )
    func refusals(text: String) {
        let error = #expect(throws: CNIError.self) { try CachedAttachment(parsing: Array(text.utf8)) }
        #expect(error?.code == 6)
    }
}
