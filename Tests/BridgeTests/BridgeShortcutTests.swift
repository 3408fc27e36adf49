// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Forwarding
import Linux
import Netlink
import Testing
import Wiring

@testable import Bridge

private let mac = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 2]) ?? .zero

@Suite("What a bridge's network says of the shortcut")
struct BridgeShortcutTests {
    private static func plan(_ members: String, _ ips: [String]) throws -> [Change] {
        let configuration = try configuration(members)
        let plan = BridgePlan(
            key: AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0"),
            configuration: configuration,
            pair: VethPair(
                host: VethPair.End(name: "veth0", address: .zero),
                container: VethPair.End(name: "eth0", address: mac),
                mtu: 0
            ),
            sandbox: "/run/netns/c1",
            bridgeAddress: .zero,
            vlanAddresses: (.zero, .zero)
        )
        return plan.connection(ips.isEmpty ? nil : BridgeAddressing(try leased(ips), configuration))
    }

    private static func shortcut(_ members: String, _ ips: [String] = []) throws -> Shortcut? {
        for case .shortcut(let shortcut) in try plan(members, ips) { return shortcut }
        return nil
    }

    @Test(
        "It is asked for by one word, and by no other",
        arguments: [
            ("", false), (#""fastPath": null"#, false), (#""fastPath": """#, false), (#""fastPath": "off""#, false),
            (#""fastPath": "ebpf""#, true), (#""FASTPATH": "ebpf""#, true),
        ]
    )
    func words(members: String, expected: Bool) throws {
        #expect(try configuration(members).hasShortcut == expected)
        #expect(try (Self.shortcut(members) != nil) == expected)
    }

    @Test("Any other word is refused, and named", arguments: ["EBPF", "xdp", "on", "true", " ebpf"])
    func otherWords(word: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration("\"fastPath\": \"\(word)\"") }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message == "fastPath: there is no \"\(word)\"")
    }

    @Test("What is no word is refused with its place", arguments: ["true", "1", "[]", "{}"])
    func types(value: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration("\"fastPath\": \(value)") }
        #expect(error.code == CNIError.Code.decoding.rawValue)
        #expect(error.details.hasPrefix("fastPath: expected a string"))
    }

    @Test("A bridge that is to see every frame has none")
    func promiscuous() throws {
        let error = try #require(throws: CNIError.self) {
            _ = try configuration(#""fastPath": "ebpf", "promiscMode": true"#)
        }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.details.contains("promiscMode") && error.details.contains("fastPath"))
        #expect(try !configuration(#""fastPath": "off", "promiscMode": true"#).hasShortcut)
    }

    @Test("It comes behind the rules and before the port's operation")
    func order() throws {
        let members = #""fastPath": "ebpf", "ipMasq": true, "isGateway": true"#
        let steps = try Self.plan(members, ["10.1.2.3/24"]).map { "\($0)".prefix { $0 != "(" }.description }
        #expect(steps.suffix(3) == ["filter", "shortcut", "operational"])
    }

    @Test("It knows what the port is, and the addresses only where they are watched")
    func interface() throws {
        let plain = try #require(try Self.shortcut(#""fastPath": "ebpf""#, ["10.1.2.3/24"]))
        #expect(plain.interface.name == "veth0" && plain.bridge == "cni0" && plain.address == mac)
        #expect(plain.interface.allowedAddresses == nil && !plain.knowsVLANs && plain.obstacle == nil)
        let watched = try #require(
            try Self.shortcut(#""fastPath": "ebpf", "ipspoofchk": true, "portIsolation": true"#, ["10.1.2.3/24"])
        )
        #expect(watched.interface.isIsolated)
        #expect(watched.interface.allowedAddresses?.contains(.host(try #require(IPAddress("10.1.2.3")))) == true)
    }

    @Test(
        "A network with VLANs works with it",
        arguments: [
            #""vlan": 5"#, #""vlanTrunk": [{"id": 5}]"#, #""vlan": 7, "vlanTrunk": [{"minID": 5, "maxID": 9}]"#,
        ]
    )
    func vlans(members: String) throws {
        let shortcut = try #require(try Self.shortcut(#""fastPath": "ebpf", "# + members))
        #expect(shortcut.knowsVLANs && shortcut.obstacle == nil)
    }
}
