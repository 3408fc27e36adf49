// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Wiring

private func key(_ network: String, _ containerID: String, _ interfaceName: String = "eth0") -> AttachmentKey {
    AttachmentKey(network: network, containerID: containerID, interfaceName: interfaceName)
}

@Suite("What rules are known by")
struct RuleCommentTests {
    private static let podman = key("podman", "0123456789abcdef")

    @Test("The comment is the reference's, digit for digit")
    func vector() {
        #expect(AttachmentKey.ruleOwners(of: "podman") == "1d8721804f16f412")
        #expect(Self.podman.ruleOwner == "1d8721804f16f412-dfbd22ab690d72bc")
        #expect(
            Self.podman.ruleComment
                == "1d8721804f16f412-dfbd22ab690d72bc, net: podman, if: eth0, id: 0123456789abcdef"
        )
    }

    @Test("A long comment is cut where nft's end, a shorter one is whole", arguments: 40..<110)
    func cut(length: Int) {
        let id = String(repeating: "a", count: length)
        let whole = "\(key("blue", id).ruleOwner), net: blue, if: eth0, id: \(id)"
        #expect(key("blue", id).ruleComment == whole.prefix(128))
        #expect(key("blue", id).ruleComment.utf8.count == min(128, 60 + length))
    }

    @Test("Other attachments have other owners, those of one network the same beginning")
    func different() {
        let keys = [key("blue", "c1"), key("blue", "c2"), key("blue", "c1", "eth1"), key("red", "c1")]
        #expect(Set(keys.map(\.ruleOwner)).count == keys.count)
        #expect(Set(keys.prefix(3).map { $0.ruleOwner.prefix(16) }).count == 1)
    }

    @Test(
        "The container's id is what stands behind its mark, as much of it as there is",
        arguments: [
            ("x, net: blue, if: eth0, id: c1", "c1"), ("x, net: blue, if: eth0, id: ", ""), (", id: c1", "c1"),
            ("x, net: blue, if: eth0, id:", nil), ("x, net: blue", nil), ("", nil), ("id: c1", nil), (",", nil),
        ] as [(String, String?)]
    )
    func containerID(comment: String, expected: String?) {
        #expect(AttachmentKey.containerID(inRuleComment: comment) == expected)
    }
}

@Suite("Whose rules are meant")
struct FilterOwnerTests {
    private static func survivors(_ keys: AttachmentKey..., containers: [String] = []) -> FilterOwners.Survivors {
        var survivors = FilterOwners.Survivors()
        for key in keys { survivors.insert(key) }
        for container in containers { survivors.insert(containerID: container) }
        return survivors
    }

    @Test("One attachment is meant by its own comments, both of them, and by no other's")
    func attachment() {
        let owner = FilterOwners.attachment(key("blue", "c1"))
        #expect(owner.include(key("blue", "c1").ruleComment))
        #expect(owner.include("macspoofchk-c1-eth0"))
        for other in [key("blue", "c2"), key("blue", "c1", "eth1"), key("red", "c1")] {
            #expect(!owner.include(other.ruleComment))
        }
        for other in ["macspoofchk-c1-eth01", "macspoofchk-c1-eth", "macspoofchk-c12-eth0", "", "by hand"] {
            #expect(!owner.include(other), "\(other)")
        }
        #expect(!owner.include(nil))
    }

    @Test("Of a network everybody is meant but the survivors")
    func network() {
        let owners = FilterOwners.network("blue", sparing: Self.survivors(key("blue", "c1"), key("blue", "c2", "eth1")))
        #expect(!owners.include(key("blue", "c1").ruleComment))
        #expect(owners.include(key("blue", "c1", "eth1").ruleComment))
        #expect(!owners.include(key("blue", "c2", "eth1").ruleComment))
        #expect(owners.include(key("blue", "c2").ruleComment))
        #expect(!owners.include(key("red", "c3").ruleComment))
        // Of which network it is nobody can tell.
        #expect(!owners.include("macspoofchk-c3-eth0"))
        #expect(!owners.include(AttachmentKey.ruleOwners(of: "blue")))
        #expect(!owners.include(nil))
    }

    @Test("A container that is spared as a whole keeps all its interfaces")
    func container() {
        let owners = FilterOwners.network("blue", sparing: Self.survivors(containers: ["c1"]))
        #expect(!owners.include(key("blue", "c1").ruleComment))
        #expect(!owners.include(key("blue", "c1", "eth9").ruleComment))
        #expect(owners.include(key("blue", "c").ruleComment))
        #expect(owners.include(key("blue", "c12").ruleComment))
    }

    @Test("Of a cut comment the beginning of the id spares, and without any of it all are spared", arguments: 0..<90)
    func cut(length: Int) {
        let network = String(repeating: "n", count: length)
        let id = String(repeating: "0123456789abcdef", count: 4)
        let other = "x" + id.dropFirst()
        let owners = FilterOwners.network(network, sparing: Self.survivors(containers: [id]))
        #expect(!owners.include(key(network, id).ruleComment))
        // 56 octets besides the names: from 72 on nothing of the id is left.
        #expect(owners.include(key(network, other).ruleComment) == (length < 72), "\(length)")
        #expect(FilterOwners.network(network, sparing: Self.survivors()).include(key(network, id).ruleComment))
    }
}
