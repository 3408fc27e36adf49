// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import DHCP
package import JSON
package import Wiring

/// What a network wants for one interface: whose it is, where it is, and what to say to servers.
package struct DHCPOrder: Hashable, Sendable {
    package let key: AttachmentKey
    /// Of the address.
    package let family: AddressFamily
    /// Path of the container's network namespace, as the runtime gave it.
    package let namespacePath: String
    /// Sent with every message.
    package let options: [DHCPOptions.Entry]
    /// What servers are asked to tell.
    package let requested: [DHCPOptionCode]
    /// The metric of routes; 0 is the kernel's choice.
    package let priority: Int

    package init(
        key: AttachmentKey,
        family: AddressFamily = .v4,
        namespacePath: String,
        options: [DHCPOptions.Entry],
        requested: [DHCPOptionCode],
        priority: Int
    ) {
        self.key = key
        self.family = family
        self.namespacePath = namespacePath
        self.options = options
        self.requested = requested
        self.priority = priority
    }

    /// How a server knows the interface again: the configuration's option 61, else as the reference makes it.
    ///
    /// A zero, which says that no hardware address follows (RFC 2132, 9.14), and container, network and interface.
    package var clientIdentifier: [UInt8] {
        if let own = options.first(where: { $0.code == .clientIdentifier }) { return own.value }
        let name = "\(key.containerID)/\(key.network)/\(key.interfaceName)"
        return [0] + name.utf8.prefix(DHCPOrder.longestIdentifier - 1)
    }

    /// In octets.
    private static let longestIdentifier = 255

    /// What tells the lease from any other.
    package var name: DHCPLeaseName { DHCPLeaseName(key: key, family: family) }

    package var json: JSONValue {
        .object(
            [
                "network": .string(key.network),
                "containerID": .string(key.containerID),
                "ifname": .string(key.interfaceName),
                "family": .integer(family == .v4 ? 4 : 6),
                "netns": .string(namespacePath),
                "options": .array(
                    options.map { option in
                        .object([
                            "code": .integer(Int64(option.code.rawValue)),
                            "value": .string(HexadecimalText.text(option.value)),
                        ])
                    }
                ),
                "requested": .array(requested.map { .integer(Int64($0.rawValue)) }),
                "priority": .integer(Int64(priority)),
            ] as JSONObject
        )
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        var options: [DHCPOptions.Entry] = []
        for element in try reader.array("options") ?? [] {
            guard let code = try element.integer("code", in: 1...254),
                let value = HexadecimalText.octets(try element.string("value") ?? "")
            else { throw element.mismatch(expected: "an option") }
            options.append(DHCPOptions.Entry(code: DHCPOptionCode(rawValue: UInt8(code)), value: value))
        }
        var requested: [DHCPOptionCode] = []
        for element in try reader.array("requested") ?? [] {
            requested.append(DHCPOptionCode(rawValue: UInt8(try element.integer(in: 1...254))))
        }
        self.init(
            key: try AttachmentKey(reader),
            family: try reader.integer("family", in: 4...6) ?? 4 == 6 ? .v6 : .v4,
            namespacePath: try reader.string("netns") ?? "",
            options: options,
            requested: requested,
            priority: try reader.integer("priority", in: 0...Int(UInt32.max)) ?? 0
        )
    }
}

/// One lease: of an attachment, an address of one family.
package struct DHCPLeaseName: Hashable, Sendable, CustomStringConvertible {
    package let key: AttachmentKey
    package let family: AddressFamily

    package init(key: AttachmentKey, family: AddressFamily) {
        self.key = key
        self.family = family
    }

    package var description: String { family == .v4 ? "\(key)" : "\(key) IPv6" }
}

extension AttachmentKey {
    var dhcpMembers: JSONObject {
        [
            "network": .string(network), "containerID": .string(containerID), "ifname": .string(interfaceName),
        ]
    }

    /// Reads whose an attachment is; names that could not be part of a file's name are refused.
    init(_ reader: JSONReader) throws(JSONTypeError) {
        var names: [String] = []
        for key in ["network", "containerID", "ifname"] {
            let name = try reader.string(key) ?? ""
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }) else {
                throw reader.mismatch(expected: "an attachment with \(key)")
            }
            names.append(name)
        }
        self.init(network: names[0], containerID: names[1], interfaceName: names[2])
    }
}
