// SPDX-License-Identifier: Apache-2.0
import Addressing
import JSON
import Testing

@testable import Wiring

private let device = LentDevice(
    name: "ens1",
    alias: "to the \"neighbour\"",
    kind: "",
    address: MACAddress("02:00:00:00:00:05"),
    mtu: 9000,
    isUp: true,
    place: "/sys/bus/pci/devices/0000:03:00.1"
)

@Suite("Lent devices")
struct LentDeviceTests {
    private static let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")

    private static func record(_ device: LentDevice?) -> AttachmentRecord {
        AttachmentRecord(
            key: key,
            state: .attached,
            namespacePath: "/run/netns/c1",
            namespaceIdentity: "4:4026532008",
            intendedNanoseconds: 1,
            device: device,
            configuration: ["name": "blue"]
        )
    }

    @Test("A record keeps all that a device is on the host")
    func roundTrip() {
        let bare = LentDevice(name: "ib0", alias: "", kind: "ipoib", address: nil, mtu: 2044, isUp: false)
        for device in [device, bare] {
            #expect(AttachmentRecord(key: Self.key, content: Self.record(device).content)?.device == device)
        }
    }

    @Test("A record that is cut off anywhere is none")
    func cutOff() {
        let content = Self.record(device).content
        for count in 0..<content.count {
            #expect(AttachmentRecord(key: Self.key, content: Array(content.prefix(count))) == nil, "\(count) bytes")
        }
    }

    @Test("A record without a device says nothing of one")
    func without() throws {
        let content = Self.record(nil).content
        #expect(!String(decoding: content, as: UTF8.self).contains("device"))
        #expect(AttachmentRecord(key: Self.key, content: content)?.device == nil)
    }

    @Test(
        "A device that makes no sense makes no record",
        arguments: [
            #""ens1""#, #"{"name": 5}"#, #"{"name": "a", "mtu": -1}"#, #"{"name": "a", "mtu": "1500"}"#,
            #"{"name": "a", "up": 1}"#, #"{"name": "a", "alias": []}"#,
        ]
    )
    func junk(text: String) {
        let content = Array(#"{"state": "attached", "device": \#(text)}"#.utf8)
        #expect(AttachmentRecord(key: Self.key, content: content) == nil)
    }

    @Test("A move is taken back by moving the device home")
    func inverse() {
        let move = DeviceMove(device, index: 3, currentName: "ens1", name: "eth0")
        #expect(Change.move(move).inverse == .moveHome(move))
        #expect(Change.moveHome(move).inverse == nil)
        #expect(Change.move(move).subject == "link ens1 in the container")
        #expect(Change.move(move).kindInside == nil)
    }

    @Test("Asked for by another place, it is the same device")
    func place() {
        let other = LentDevice(device, place: "")
        #expect(other != device && LentDevice(other, place: device.place) == device)
    }
}
