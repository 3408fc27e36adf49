// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import HostDevice

/// A request whose configuration has some members.
private func request(_ members: String, command: String = "ADD") throws -> Request {
    let rest = members.isEmpty ? "" : ", \(members)"
    let text = "{\"cniVersion\": \"1.1.0\", \"name\": \"blue\", \"type\": \"host-device\"\(rest)}"
    let nowhere = "/nonexistent/culvert"
    return try Request(text, ["CNI_COMMAND": command, "CULVERT_RUN_DIR": nowhere])
}

@Suite("Configurations of host-device")
struct HostDeviceTests {
    /// Members, code, words.
    typealias Bad = (members: String, code: Int, words: String)

    @Test(
        "What makes no sense is refused, also where another key counts",
        arguments: [
            ("", 7, "specify either"), (#""device": """#, 7, "specify either"),
            (#""device": null"#, 7, "specify either"),
            (#""capabilities": {"deviceID": true}"#, 7, "specify either"),
            (#""device": 5"#, 6, "a string"), (#""device": "a b""#, 6, "the name of a link"),
            (#""device": "sixteen-letters-x""#, 6, "the name of a link"), (#""device": "..""#, 6, "the name of a link"),
            (#""hwaddr": "02:00:00:00:00""#, 6, "a MAC address"), (#""hwaddr": 5"#, 6, "a string"),
            (#""kernelpath": "devices/x""#, 6, "begins with /sys/devices/"),
            (#""kernelpath": "/sys/devices""#, 6, "begins with /sys/devices/"),
            (#""kernelpath": "/sys/devices/a/../../class""#, 6, "begins with /sys/devices/"),
            (#""pciBusID": "03:00.1""#, 6, "a PCI address"), (#""pciBusID": "0000:03:00.8""#, 6, "a PCI address"),
            (#""pciBusID": "0000:03:00-1""#, 6, "a PCI address"), (#""pciBusID": "000:03:00.1""#, 6, "a PCI address"),
            (#""pciBusID": "000000000:03:00.1""#, 6, "a PCI address"), (#""pciBusID": "0000:03:0x.1""#, 6, "a PCI"),
            (#""device": "ens1", "pciBusID": "x""#, 6, "pciBusID"), (#""device": "ens1", "hwaddr": "x""#, 6, "hwaddr"),
            (#""runtimeConfig": {"deviceID": "a/b"}"#, 6, "runtimeConfig.deviceID"),
            (#""runtimeConfig": {"deviceID": ".."}"#, 6, "runtimeConfig.deviceID"),
            (#""device": "ens1", "dpdkMode": 1"#, 6, "dpdkMode"), (#""device": "ens1", "dns": 5"#, 6, "dns"),
            (#""device": "ens1", "capabilities": []"#, 6, "capabilities"),
        ]
    )
    func refused(bad: Bad) throws {
        do {
            _ = try HostDeviceLink(request(bad.members))
            Issue.record("accepted")
        } catch {
            let error = try #require(error as? CNIError)
            #expect(error.code == bad.code && "\(error.message) \(error.details)".contains(bad.words), "\(error)")
        }
    }

    private static let all =
        #""device": "ens1", "hwaddr": "02:00:00:00:00:05", "kernelpath": "/sys/devices/a/", "pciBusID": "0000:03:00.1""#

    @Test(
        "The first key that says something counts, in any case",
        arguments: [
            (all, DeviceChoice.name("ens1")),
            (#""HWAddr": "02-00-00-00-00-05", "device": "", "kernelPath": "/sys/devices/a""#, .address(.five)),
            (#""KERNELPATH": "/sys/devices/a//", "pciBusID": "0000:03:00.1""#, .path("/sys/devices/a")),
            (#""PCIBusID": "0000:AF:0B.7""#, .pci("0000:af:0b.7")),
            (#""pciBusID": "10000:e1:00.0""#, .pci("10000:e1:00.0")),
            (
                #""pciBusID": "0000:03:00.1", "runtimeConfig": {"deviceID": "0000:04:00.0"}"#,
                .pci("0000:04:00.0")
            ),
            (#""pciBusID": "0000:03:00.1", "runtimeConfig": {"DeviceID": ""}"#, .pci("0000:03:00.1")),
            (#""runtimeConfig": {"deviceID": "mlx5_core.sf.4"}"#, .auxiliary("mlx5_core.sf.4")),
            (#""device": "ens1", "runtimeConfig": {"deviceID": "mlx5_core.sf.4"}"#, .name("ens1")),
        ]
    )
    func choice(members: String, choice: DeviceChoice) throws {
        #expect(try HostDeviceLink(request(members)).choice == choice)
    }

    @Test("What the runtime chooses is unknown to those whom it does not tell", arguments: ["STATUS", "CHECK", "GC"])
    func assigned(command: String) throws {
        let capability = #""capabilities": {"deviceID": true}"#
        #expect(try HostDeviceLink(request(capability, command: command)).choice == nil)
        let configured = #"\#(capability), "pciBusID": "0000:03:00.1""#
        #expect(try HostDeviceLink(request(configured, command: command)).choice == nil)
        let named = #"\#(capability), "device": "ens1""#
        #expect(try HostDeviceLink(request(named, command: command)).choice == .name("ens1"))
    }

    @Test("A device that a process has has no link; dpdkMode says it of any")
    func userspace() throws {
        #expect(try HostDeviceLink(request(Self.all)).hasLink)
        #expect(try !HostDeviceLink(request(#"\#(Self.all), "DPDKMode": true"#)).hasLink)
        #expect(try HostDeviceLink(request(#"\#(Self.all), "dpdkMode": false"#)).hasLink)
        #expect(try HostDeviceLink(request(Self.all)).pciAddress == "0000:03:00.1")
    }
}

extension MACAddress {
    fileprivate static let five = MACAddress(value: 0x0200_0000_0005)
}
