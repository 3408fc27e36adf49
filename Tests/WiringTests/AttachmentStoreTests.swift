// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import Wiring

@Suite("Names of attachment records")
struct AttachmentStoreTests {
    private static let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0.5")

    @Test("A record is named after its container and interface, in the directory of its network")
    func names() {
        let store = AttachmentStore(root: "/run/culvert")
        #expect(store.path(of: "blue") == "/run/culvert/attachments/blue")
        #expect(AttachmentStore.fileName(of: Self.key) == "c1:eth0.5.json")
        #expect(AttachmentStore.temporaryName(of: "c1:eth0.5.json") == "c1:eth0.5.json.tmp")
    }

    @Test("A plugin further down the chain adds its name")
    func pluginNames() {
        #expect(AttachmentStore.fileName(of: Self.key, plugin: "portmap") == "c1:eth0.5:portmap.json")
        #expect(AttachmentStore.fileName(of: Self.key, plugin: "") == AttachmentStore.fileName(of: Self.key))
    }

    @Test(
        "Who may not write records hears where they are kept, and what names another place",
        arguments: [Errno.permissionDenied, .readOnlyFileSystem]
    )
    func explanations(errno: Errno) {
        let refusal = AttachmentStore(root: "/run/culvert").explaining(
            KernelError("create directory /run/culvert", errno)
        )
        #expect(refusal.operation == "create directory /run/culvert")
        #expect(refusal.errno == errno)
        #expect(
            refusal.explanation
                == "records are kept below /run/culvert; CULVERT_RUN_DIR names another directory for them"
        )
    }

    @Test("Other refusals say what they say")
    func unexplained() {
        let refusal = KernelError("open file", .tooManyOpenFiles)
        #expect(AttachmentStore(root: "/run/culvert").explaining(refusal) == refusal)
    }
}
