// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing
import Wiring

private func key(_ network: String, _ containerID: String, _ interface: String) -> AttachmentKey {
    AttachmentKey(network: network, containerID: containerID, interfaceName: interface)
}

@Suite("Attachment keys")
struct AttachmentKeyTests {
    // Computed with another implementation: what one version made, every later one must find.
    @Test(
        "The host's end follows from the attachment, the same for all time",
        arguments: [
            (key("blue", "c1", "eth0"), 0, "vethce07ac02", "de:a6:58:6d:de:44"),
            (key("blue", "c1", "eth0"), 1, "veth21e67e99", "fa:d7:8d:a4:39:cc"),
            (key("blue", "c1", "eth0"), 3, "veth9f0981bb", "d6:23:c0:7a:bf:8e"),
            (key("podman", "0123456789abcdef", "eth0"), 0, "vethea183914", "fa:64:f8:85:4a:36"),
        ]
    )
    func stable(key: AttachmentKey, attempt: Int, name: String, address: String) {
        let end = key.hostEnd(attempt: attempt)
        #expect(end.name == name)
        #expect("\(end.address)" == address)
    }

    @Test("Neighbours in every part, and parts that run into each other, have names and addresses of their own")
    func distinct() {
        let keys = [
            key("blue", "c1", "eth0"), key("blue", "c1", "eth1"), key("blue", "c2", "eth0"),
            key("red", "c1", "eth0"), key("bluec", "1", "eth0"), key("blue", "c1e", "th0"),
            key("", "bluec1", "eth0"), key("blue", "c1", "eth00"),
        ]
        let ends = keys.flatMap { key in (0..<AttachmentKey.hostEndAttempts).map { key.hostEnd(attempt: $0) } }
        #expect(Set(ends.map(\.name)).count == keys.count * AttachmentKey.hostEndAttempts)
        #expect(Set(ends.map(\.address)).count == keys.count * AttachmentKey.hostEndAttempts)
    }

    @Test(
        "Every name is one the kernel takes, every address one of a single station and nobody's brand",
        arguments: 0..<200
    )
    func valid(number: Int) throws {
        let end = key("net\(number)", "c\(number)", "eth0").hostEnd(attempt: 0)
        #expect(end.name.utf8.count == 12)
        #expect(end.name.wholeMatch(of: #/veth[0-9a-f]{8}/#) != nil)
        #expect(!end.address.isMulticast)
        #expect(try #require(end.address.octets.first) & 0b10 != 0)
    }

    @Test("The comment of a rule has at most 128 octets of ASCII without quotes, whatever letters the cut falls into")
    func comments() {
        for length in 1...100 {
            for name in ["eth0", "üüüüüüü", "e\"h", "🦆🦆🦆"] {
                let long = key(String(repeating: "n", count: length), String(repeating: "c", count: 64), name)
                let comment = long.ruleComment
                #expect(comment.utf8.count <= 128)
                #expect(comment.utf8.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "\"") })
                #expect(comment.hasPrefix("\(long.ruleOwner), net: n"))
            }
        }
        #expect(key("blue", "c1", "eth0").ruleComment.hasSuffix(", net: blue, if: eth0, id: c1"))
    }

    @Test("A key is printed with all its parts")
    func description() {
        #expect("\(key("blue", "c1", "eth0"))" == "blue/c1:eth0")
    }
}
