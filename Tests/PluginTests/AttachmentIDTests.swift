// SPDX-License-Identifier: Apache-2.0
import CNI
import Plugin
import Testing

@testable import Wiring

@Suite("Whom garbage collection spares")
struct AttachmentIDTests {
    private static func key(_ containerID: String, _ interfaceName: String = "eth0") -> AttachmentKey {
        AttachmentKey(network: "blue", containerID: containerID, interfaceName: interfaceName)
    }

    @Test("An interface covers itself, a container without one all of its interfaces")
    func covers() {
        let one = AttachmentID(containerID: "c1", interfaceName: "eth0")
        #expect(one.covers(Self.key("c1")))
        #expect(!one.covers(Self.key("c1", "eth1")) && !one.covers(Self.key("c2")))
        let all = AttachmentID(containerID: "c1", interfaceName: "")
        #expect(all.covers(Self.key("c1")) && all.covers(Self.key("c1", "eth1")) && !all.covers(Self.key("c2")))
    }

    @Test("Those keep their rules who are listed, and those who have a record")
    func survivors() {
        let listed = [
            AttachmentID(containerID: "c1", interfaceName: "eth0"), AttachmentID(containerID: "c2", interfaceName: ""),
        ]
        let survivors = FilterOwners.Survivors(listed, of: "blue", and: [Self.key("c3")])
        let owners = FilterOwners.network("blue", sparing: survivors)
        for key in [Self.key("c1"), Self.key("c2"), Self.key("c2", "eth5"), Self.key("c3")] {
            #expect(!owners.include(key.ruleComment), "\(key)")
        }
        for key in [Self.key("c1", "eth1"), Self.key("c3", "eth1"), Self.key("c4")] {
            #expect(owners.include(key.ruleComment), "\(key)")
        }
    }

    @Test("Where nobody is listed and nobody has a record, nobody is spared")
    func nobody() {
        let owners = FilterOwners.network("blue", sparing: .init([], of: "blue", and: []))
        #expect(owners.include(Self.key("c1").ruleComment))
    }
}
