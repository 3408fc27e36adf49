// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CNI
package import JSON
package import Wiring

/// A container's port as it is to be: what the daemon needs to know to open it.
package struct SwitchPortOrder: Hashable, Sendable {
    package let key: AttachmentKey
    /// The namespace's path as the runtime gave it.
    package let namespacePath: String
    /// Device and inode of the namespace.
    package let namespaceIdentity: String
    package let switchName: String
    /// The VLAN of frames without a tag.
    package let native: UInt16
    /// VLANs whose frames carry their tag.
    package let trunk: [ClosedRange<UInt16>]
    package let keepsDefaultVLAN: Bool
    package let isIsolated: Bool
    package let isHairpin: Bool
    /// The only source that frames may have; nil is any.
    package let source: MACAddress?
    /// The only sources that packets may have; nil is any.
    package let addresses: [IPAddress]?
    /// The host's own port in the same VLAN; empty is none.
    package let gateway: String
    /// A link of the host that is a port as well; empty is none.
    package let uplink: String
    /// What is to become of frames from it.
    package let rules: [SwitchRule]
    /// Where the daemon listens whose port it is.
    package let socketPath: String

    /// The port that a network wants for an attachment.
    ///
    /// `mac`, `addresses`: the container's; they count only where sources are checked.
    package init(
        _ key: AttachmentKey,
        in namespacePath: String,
        identity: String,
        _ keys: SwitchKeys,
        mac: MACAddress?,
        addresses: [IPAddress]
    ) {
        self.key = key
        self.namespacePath = namespacePath
        namespaceIdentity = identity
        switchName = keys.switchName
        native = keys.native
        trunk = keys.trunk
        keepsDefaultVLAN = keys.keepsDefaultVLAN
        isIsolated = keys.isIsolated
        isHairpin = keys.isHairpin
        source = keys.checksMAC ? mac : nil
        self.addresses = keys.checksIP ? addresses : nil
        gateway = keys.isGateway ? keys.gatewayLink : ""
        uplink = keys.uplink
        rules = keys.rules
        socketPath = keys.socketPath
    }

    /// The port of an attachment that stands; nil for a record of another plugin, and for one that makes no sense.
    package init?(_ record: AttachmentRecord) {
        let reader = JSONReader(record.configuration)
        guard record.state == .attached, (try? reader.string("type")) == SwitchPortOrder.pluginName,
            let keys = try? SwitchKeys(reader),
            let result = try? AddResult(JSONReader(record.result), assuming: .newest)
        else { return nil }
        let own = result.interfaces.first { !$0.sandbox.isEmpty && $0.name == record.key.interfaceName }
        self.init(
            record.key,
            in: record.namespacePath,
            identity: record.namespaceIdentity,
            keys,
            mac: own.flatMap { MACAddress($0.mac) },
            addresses: result.ips.map { $0.address.address }
        )
    }

    /// What networks with such ports say as their `type`.
    package static let pluginName = "vswitch"

    /// What the port is called: names of containers hold no colon.
    package var portName: String { "\(key.containerID):\(key.interfaceName)" }

    package var json: JSONValue {
        var object = key.switchMembers
        object.members += [
            JSONObject.Member(key: "netns", value: .string(namespacePath)),
            JSONObject.Member(key: "netnsIdentity", value: .string(namespaceIdentity)),
            JSONObject.Member(key: "switch", value: .string(switchName)),
            JSONObject.Member(key: "native", value: .integer(Int64(native))),
            JSONObject.Member(key: "trunk", value: .array(trunk.map { $0.switchJSON })),
            JSONObject.Member(key: "keepsDefaultVLAN", value: .bool(keepsDefaultVLAN)),
            JSONObject.Member(key: "isolated", value: .bool(isIsolated)),
            JSONObject.Member(key: "hairpin", value: .bool(isHairpin)),
            JSONObject.Member(key: "source", value: source.map { .string("\($0)") } ?? .null),
            JSONObject.Member(
                key: "addresses",
                value: addresses.map { .array($0.map { .string("\($0)") }) } ?? .null
            ),
            JSONObject.Member(key: "gateway", value: .string(gateway)),
            JSONObject.Member(key: "uplink", value: .string(uplink)),
            JSONObject.Member(key: "rules", value: .array(rules.map { $0.json })),
            JSONObject.Member(key: "socketPath", value: .string(socketPath)),
        ]
        return .object(object)
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        key = try AttachmentKey(switchMembers: reader)
        namespacePath = try reader.string("netns") ?? ""
        namespaceIdentity = try reader.string("netnsIdentity") ?? ""
        switchName = try reader.string("switch") ?? SwitchKeys.usualSwitch
        native = UInt16(try reader.integer("native", in: 1...4094) ?? 1)
        trunk = try SwitchPortOrder.ranges(reader)
        keepsDefaultVLAN = try reader.bool("keepsDefaultVLAN") ?? false
        isIsolated = try reader.bool("isolated") ?? false
        isHairpin = try reader.bool("hairpin") ?? false
        source = try SwitchPortOrder.source(reader)
        addresses = try SwitchPortOrder.addresses(reader)
        gateway = try reader.string("gateway") ?? ""
        uplink = try reader.string("uplink") ?? ""
        rules = try SwitchRule.all(reader)
        socketPath = try reader.string("socketPath") ?? SwitchLink.usualPath
    }

    private static func ranges(_ reader: JSONReader) throws(JSONTypeError) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for element in try reader.array("trunk") ?? [] {
            let bounds = try element.array()
            guard bounds.count == 2, case let lowest = try bounds[0].integer(in: 1...4094),
                case let highest = try bounds[1].integer(in: 1...4094), lowest <= highest
            else { throw element.mismatch(expected: "the first and the last VLAN") }
            ranges.append(UInt16(lowest)...UInt16(highest))
        }
        return ranges
    }

    private static func source(_ reader: JSONReader) throws(JSONTypeError) -> MACAddress? {
        guard let member = try reader.member("source") else { return nil }
        guard let address = MACAddress(try member.string()) else { throw member.mismatch(expected: "a MAC address") }
        return address
    }

    private static func addresses(_ reader: JSONReader) throws(JSONTypeError) -> [IPAddress]? {
        guard let elements = try reader.array("addresses") else { return nil }
        var addresses: [IPAddress] = []
        for element in elements {
            guard let address = IPAddress(try element.string()) else {
                throw element.mismatch(expected: "an IP address")
            }
            addresses.append(address)
        }
        return addresses
    }
}

extension ClosedRange where Bound == UInt16 {
    fileprivate var switchJSON: JSONValue { .array([.integer(Int64(lowerBound)), .integer(Int64(upperBound))]) }
}

extension AttachmentKey {
    var switchMembers: JSONObject {
        [
            "network": .string(network), "containerID": .string(containerID), "ifname": .string(interfaceName),
        ]
    }

    /// Reads whose a port is; names that could not be part of a file's name are refused.
    init(switchMembers reader: JSONReader) throws(JSONTypeError) {
        var names: [String] = []
        for key in ["network", "containerID", "ifname"] {
            let name = try reader.string(key) ?? ""
            let isFit =
                !name.isEmpty && name != "." && name != ".."
                && name.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
            guard isFit else { throw reader.mismatch(expected: "an attachment with \(key)") }
            names.append(name)
        }
        self.init(network: names[0], containerID: names[1], interfaceName: names[2])
    }
}
