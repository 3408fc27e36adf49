// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Runtime

@Suite("Attachments")
struct AttachmentTests {
    @Test("The container's id is the one that the original makes up")
    func containerID() {
        let id = Attachment.containerID(forNamespace: "/var/run/netns/test")
        #expect(id == "cnitool-7b8a61d5d8e94d07cbe4")
    }

    @Test(
        "Paths of namespaces are made absolute without asking the file system",
        arguments: [
            ("/run/netns/blue", "/run/netns/blue"), ("blue", "/run/netns/blue"), ("./blue", "/run/netns/blue"),
            ("../netns//blue/", "/run/netns/blue"), ("/run/./netns/../netns/blue", "/run/netns/blue"),
            ("/../../x", "/x"), ("..", "/run"), (".", "/run/netns"),
        ]
    )
    func absolutePath(path: String, absolute: String) {
        #expect(Attachment.absolutePath(of: path, in: "/run/netns") == absolute)
    }

    @Test("What is said again wins over what is remembered")
    func completion() throws {
        let remembered = Attachment(
            containerID: "c",
            namespacePath: "/n",
            interfaceName: "eth0",
            arguments: try RuntimeArguments(parsing: "A=b"),
            capabilityArguments: ["ips": []]
        )
        let bare = Attachment(containerID: "c", namespacePath: "", interfaceName: "eth0")
        #expect(bare.completed(by: remembered) == remembered)
        var said = remembered
        said.namespacePath = "/other"
        said.arguments = try RuntimeArguments(parsing: "A=c")
        said.capabilityArguments = [:]
        #expect(said.completed(by: remembered) == said)
    }
}
