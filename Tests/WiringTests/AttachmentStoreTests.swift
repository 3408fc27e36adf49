// SPDX-License-Identifier: Apache-2.0
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
}
