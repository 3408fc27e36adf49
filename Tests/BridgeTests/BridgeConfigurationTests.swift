// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Interfaces
import Netlink
import Plugin
import TestSupport
import Testing
import Wiring

@testable import Bridge

/// Reads the configuration of a network of type `bridge`.
///
/// - Parameters:
///   - members: what it says besides its name, such as `"mtu": 1400`.
///   - arguments: CNI_ARGS.
/// - Returns: the configuration.
/// - Throws: what the plugin would answer.
func configuration(_ members: String, arguments: String = "") throws -> BridgeConfiguration {
    let rest = members.isEmpty ? "" : ", \(members)"
    let text = "{\"cniVersion\": \"1.0.0\", \"name\": \"blue\", \"type\": \"bridge\"\(rest)}"
    return try BridgeConfiguration(try Request(text, ["CNI_ARGS": arguments]))
}

@Suite("The bridge's configuration")
struct BridgeConfigurationTests {
    /// What differs from the defaults, in words.
    private static func summary(_ configuration: BridgeConfiguration) -> String {
        let words: [(String, Bool)] = [
            ("gateway", configuration.isGateway), ("default", configuration.isDefaultGateway),
            ("force", configuration.forcesAddress), ("hairpin", configuration.isHairpin),
            ("promiscuous", configuration.isPromiscuous), ("isolated", configuration.isIsolated),
            ("keep", configuration.keepsDefaultVLAN), ("dad", configuration.detectsDuplicates),
            ("down", configuration.disablesContainerInterface), ("filters", configuration.filtersVLANs),
            ("masquerade", configuration.filters.masquerades), ("watch MAC", configuration.filters.checksMAC),
            ("watch IP", configuration.filters.checksIP), ("iptables", configuration.filters.backend == .iptables),
        ]
        return words.filter(\.1).map(\.0).joined(separator: " ")
    }

    @Test("Nothing but a name is a network of frames on cni0")
    func defaults() throws {
        let configuration = try configuration("")
        #expect(configuration.bridge == "cni0")
        #expect(configuration.mtu == .octets(0) && configuration.vlan == 0 && configuration.trunk == [])
        #expect(configuration.mac == nil && configuration.dns.isEmpty && !configuration.filtersVLANs)
        #expect(Self.summary(configuration) == "")
    }

    @Test(
        "Each key says what it says, in any case, and null says nothing",
        arguments: [
            (#""isGateway": true"#, "gateway"), (#""isDefaultGateway": true"#, "gateway default"),
            (#""isDefaultGateway": true, "isGateway": false"#, "gateway default"), (#""forceAddress": true"#, "force"),
            (#""hairpinMode": true"#, "hairpin"), (#""promiscMode": true"#, "promiscuous"),
            (#""portIsolation": true"#, "isolated"), (#""preserveDefaultVlan": true"#, "keep"),
            (#""enabledad": true"#, "dad"), (#""disableContainerInterface": true"#, "down"), (#""vlan": 5"#, "filters"),
            (#""vlanTrunk": [{"id": 5}]"#, "filters"), (#""ISGATEWAY": true"#, "gateway"), (#""isGateway": null"#, ""),
            (#""isGateway": false, "hairpinMode": false, "vlan": 0, "vlanTrunk": []"#, ""),
            (#""ipMasq": false, "macspoofchk": false, "ipMasqBackend": "nftables""#, ""),
            (#""ipMasq": true, "ipMasqBackend": "iptables""#, "masquerade iptables"), (#""ipMasqBackend": """#, ""),
            (#""macspoofchk": true"#, "watch MAC"), (#""ipspoofchk": true"#, "watch IP"),
        ]
    )
    func switches(members: String, expected: String) throws {
        #expect(Self.summary(try configuration(members)) == expected)
    }

    @Test("Names and numbers are taken over", arguments: [0, 68, 1500, 65_535])
    func numbers(mtu: Int) throws {
        let configuration = try configuration("\"bridge\": \"br-0123456789a\", \"mtu\": \(mtu), \"vlan\": 4094")
        #expect(configuration.bridge == "br-0123456789a")
        #expect(configuration.mtu == .octets(mtu))
        #expect(configuration.vlan == 4094)
        #expect(try BridgeTests.configuration(#""bridge": """#).bridge == "cni0")
    }

    @Test(
        "A value of the wrong type is refused with its place",
        arguments: [
            ("bridge", "1", "a string", "the integer 1"), ("isGateway", "\"yes\"", "a boolean", "the string \"yes\""),
            ("isDefaultGateway", "1", "a boolean", "the integer 1"),
            ("forceAddress", "{}", "a boolean", "an empty object"),
            ("mtu", "[]", "an integer", "an array of 0"),
            ("mtu", "1500.0", "an integer", "the real number 1500.0"),
            ("mtu", "67", "an integer from 68 to 65535", "the integer 67"),
            ("mtu", "-1", "an integer from 0 to 65535", "the integer -1"),
            ("mtu", "65536", "an integer from 0 to 65535", "the integer 65536"),
            ("hairpinMode", "0", "a boolean", "the integer 0"), ("promiscMode", "[]", "a boolean", "an array of 0"),
            ("portIsolation", "\"\"", "a boolean", "the string \"\""),
            ("vlan", "4095", "an integer from 0 to 4094", "the integer 4095"),
            ("vlan", "true", "an integer", "the boolean true"), ("vlanTrunk", "{}", "an array", "an empty object"),
            ("preserveDefaultVlan", "1", "a boolean", "the integer 1"),
            ("enabledad", "1", "a boolean", "the integer 1"),
            ("disableContainerInterface", "1", "a boolean", "the integer 1"),
            ("ipMasq", "1", "a boolean", "the integer 1"),
            ("macspoofchk", "1", "a boolean", "the integer 1"),
        ]
    )
    func types(key: String, value: String, expected: String, found: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration("\"\(key)\": \(value)") }
        let details = "\(key): expected \(expected), found \(found)"
        #expect(error == CNIError(.decoding, "cannot decode the network configuration", details: details))
    }

    @Test(
        "VLANs of a trunk are single or ranges, and the untagged one is 1 unless told otherwise",
        arguments: [
            (#""vlan": 5"#, [.native(5)]), (#""vlanTrunk": [{"id": 7}]"#, [.tagged(7...7), .native(1)]),
            (
                #""vlan": 5, "vlanTrunk": [{"id": 7}, {"minID": 100, "maxID": 4094}]"#,
                [.tagged(7...7), .tagged(100...4094), .native(5)]
            ),
            (#""vlanTrunk": [{"minID": 9, "maxID": 9}]"#, [.tagged(9...9), .native(1)]),
            (#""vlanTrunk": [{"id": 3, "minID": 9, "maxID": 10}]"#, [.tagged(3...3), .tagged(9...10), .native(1)]),
            // A VLAN that is both is without a tag.
            (#""vlan": 5, "vlanTrunk": [{"minID": 4, "maxID": 6}]"#, [.tagged(4...4), .tagged(6...6), .native(5)]),
        ] as [(String, [NetlinkRequest.VLANMembership])]
    )
    func trunk(members: String, expected: [NetlinkRequest.VLANMembership]) throws {
        #expect(try configuration(members).port("veth0", address: nil).memberships == expected)
    }

    @Test(
        "A trunk that makes no sense is refused with its place",
        arguments: [
            ("{}", "vlanTrunk[1]"), (#"{"minID": 5}"#, "vlanTrunk[1]"), (#"{"maxID": 5}"#, "vlanTrunk[1]"),
            (#"{"minID": 6, "maxID": 5}"#, "vlanTrunk[1]"), (#"{"id": 5, "minID": 6}"#, "vlanTrunk[1]"),
            (#"{"id": 0}"#, "vlanTrunk[1].id"), (#"{"id": 4095}"#, "vlanTrunk[1].id"),
            (#"{"id": "5"}"#, "vlanTrunk[1].id"),
            (#"{"minID": 0, "maxID": 5}"#, "vlanTrunk[1].minID"),
            (#"{"minID": 1, "maxID": 4095}"#, "vlanTrunk[1].maxID"),
            ("5", "vlanTrunk[1]"),
        ]
    )
    func badTrunk(element: String, place: String) throws {
        let error = try #require(throws: CNIError.self) {
            _ = try configuration("\"vlanTrunk\": [{\"id\": 1}, \(element)]")
        }
        #expect(error.code == CNIError.Code.decoding.rawValue)
        #expect(error.details.hasPrefix("\(place): expected "), "\(error.details)")
    }

    @Test(
        "The container's address comes from CNI_ARGS, the arguments or the capability, the later of which wins",
        arguments: [
            ("MAC=02:00:00:00:00:01", "", "02:00:00:00:00:01"),
            ("MAC=02:00:00:00:00:01", #""args": {"cni": {"mac": "02:00:00:00:00:02"}}"#, "02:00:00:00:00:02"),
            (
                "MAC=02:00:00:00:00:01",
                #""args": {"cni": {"mac": "02:00:00:00:00:02"}}, "runtimeConfig": {"mac": "02-00-00-00-00-03"}"#,
                "02:00:00:00:00:03"
            ),
            ("", #""runtimeConfig": {"mac": ""}"#, nil), ("MAC=", "", nil),
        ] as [(String, String, String?)]
    )
    func mac(arguments: String, members: String, expected: String?) throws {
        #expect(try configuration(members, arguments: arguments).mac.map { "\($0)" } == expected)
    }

    @Test(
        "An address no station can have is refused",
        arguments: ["x", "01:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:00:00:00:00"]
    )
    func badMAC(text: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration("", arguments: "MAC=\(text)") }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message == "invalid MAC address \"\(text)\"")
    }

    @Test(
        "A bridge's name is one the kernel takes",
        arguments: [
            "0123456789abcdef", "a/b", "a b", "a:b", ".", "..", "a\\tb", "a\\nb", "ääääääää", "br%d", "all", "default",
        ]
    )
    func badBridge(name: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration("\"bridge\": \"\(name)\"") }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message.hasSuffix("is not the name of a link"))
    }

    @Test("The name of the VLAN's gateway link has to fit too")
    func longVLANBridge() throws {
        let members = #""bridge": "br-0123456789a", "vlan": 4094, "isGateway": true"#
        let error = try #require(throws: CNIError.self) { _ = try configuration(members) }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message.contains("br-0123456789a.4094"))
        _ = try configuration(#""bridge": "br-0123456", "vlan": 4094, "isGateway": true"#)
    }

    @Test(
        "Contradictions are refused",
        arguments: [
            (#""hairpinMode": true, "promiscMode": true"#, "hairpin mode and promiscuous mode"),
            (#""disableContainerInterface": true, "ipam": {"type": "host-local"}"#, "disableContainerInterface"),
        ]
    )
    func contradictions(members: String, words: String) throws {
        let error = try #require(throws: CNIError.self) { _ = try configuration(members) }
        #expect(error.code == CNIError.Code.invalidConfiguration.rawValue)
        #expect(error.message.contains(words))
    }

    @Test("An empty ipam does not contradict an interface that stays down")
    func emptyIPAM() throws {
        #expect(try configuration(#""disableContainerInterface": true, "ipam": {}"#).disablesContainerInterface)
    }
}
