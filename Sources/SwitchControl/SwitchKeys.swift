// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What the network of type `vswitch` says about the switch and the container's port, parsed and validated completely.
///
/// The plugin reads it, and so does the daemon, from the record of an attachment: to both it means the same.
package struct SwitchKeys: Hashable, Sendable {
    /// Which switch the container joins.
    package let switchName: String
    /// The VLAN of frames without a tag; 0 is the switch's own, 1.
    package let vlan: UInt16
    /// VLANs whose frames carry their tag.
    package let trunk: [ClosedRange<UInt16>]
    /// Whether the port stays in VLAN 1 besides.
    package let keepsDefaultVLAN: Bool
    package let isIsolated: Bool
    package let isHairpin: Bool
    /// Whether frames whose source is not the container's MAC address are dropped.
    package let checksMAC: Bool
    /// Whether packets whose source is none of the container's addresses are dropped.
    package let checksIP: Bool
    /// Whether the host has a port with the gateway's address.
    package let isGateway: Bool
    /// A link of the host that is a port of the switch as well; empty is none.
    package let uplink: String
    /// What is to become of frames from the container.
    package let rules: [SwitchRule]
    /// Where the daemon listens.
    package let socketPath: String

    /// The switch of networks that name none.
    package static let usualSwitch = "vs0"
    /// The VLAN of ports of which nothing is said.
    package static let defaultVLAN: UInt16 = 1

    /// Reads a network's configuration.
    ///
    /// - Throws: `JSONTypeError` for what is no such thing.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        switchName = try SwitchKeys.linkName("switch", reader) ?? SwitchKeys.usualSwitch
        vlan = UInt16(try reader.integer("vlan", in: 0...4094) ?? 0)
        trunk = try SwitchKeys.ranges(try reader.array("vlanTrunk") ?? [])
        keepsDefaultVLAN = try reader.bool("preserveDefaultVlan") ?? false
        isIsolated = try reader.bool("portIsolation") ?? false
        isHairpin = try reader.bool("hairpinMode") ?? false
        checksMAC = try reader.bool("macspoofchk") ?? false
        checksIP = try reader.bool("ipspoofchk") ?? false
        let isDefaultGateway = try reader.bool("isDefaultGateway") ?? false
        isGateway = try reader.bool("isGateway") ?? false || isDefaultGateway
        uplink = try SwitchKeys.linkName("uplink", reader) ?? ""
        rules = try SwitchRule.all(reader)
        socketPath =
            try reader.string("daemonSocketPath").flatMap { $0.isEmpty ? nil : $0 } ?? SwitchLink.usualPath
        guard isGateway, gatewayLink.utf8.count > 15, let member = try reader.member("switch") else { return }
        throw member.mismatch(expected: "a name so short that the gateway's link \(gatewayLink) has at most 15 bytes")
    }

    /// The link of the host that carries the gateway's address: the switch's name, with the VLAN if there is one.
    package var gatewayLink: String { vlan == 0 ? switchName : "\(switchName).\(vlan)" }

    /// The VLAN of frames that come without a tag.
    package var native: UInt16 { vlan == 0 ? SwitchKeys.defaultVLAN : vlan }

    private static func linkName(_ key: String, _ reader: JSONReader) throws(JSONTypeError) -> String? {
        guard let member = try reader.member(key), case let name = try member.string(), !name.isEmpty else {
            return nil
        }
        // The kernel's `dev_valid_name`, and no colon, which old tools take for an alias. In place of a percent sign it
        // puts a number, and it has settings of no link under the two words.
        let isFit =
            name.utf8.count <= 15 && ![".", "..", "all", "default"].contains(name)
            && name.utf8.allSatisfy { $0 > 0x20 && !"/:%".utf8.contains($0) }
        guard isFit else {
            throw member.mismatch(
                expected: "a name of at most 15 bytes, without slash, colon, percent sign and blanks"
            )
        }
        return name
    }

    private static func ranges(_ elements: [JSONReader]) throws(JSONTypeError) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for element in elements {
            let single = try element.integer("id", in: 1...4094)
            if let single { ranges.append(UInt16(single)...UInt16(single)) }
            let lowest = try element.integer("minID", in: 1...4094)
            let highest = try element.integer("maxID", in: 1...4094)
            if let lowest, let highest, lowest <= highest {
                ranges.append(UInt16(lowest)...UInt16(highest))
            } else if lowest != nil || highest != nil || single == nil {
                throw element.mismatch(expected: "{\"id\": N}, or {\"minID\": N, \"maxID\": M} with N <= M")
            }
        }
        return ranges
    }
}
