// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What is to be said of one plugin.
package struct PluginManual: Hashable, Sendable {
    /// Where the plugin stands in a network.
    package enum Role: String, Sendable {
        /// First in the list: it makes an interface.
        case interface
        /// Named by `ipam` of such a plugin.
        case ipam
        /// Behind others.
        case chained
    }

    /// As `type` names it.
    package let name: String
    package let role: Role
    /// What it does, as the first line of a manual.
    package let summary: String
    /// A plugin's configuration that works, as short as it can be.
    package let example: JSONValue
    package let tables: [KeyTable]
    /// Manual pages to go on with.
    package let related: [String]

    /// All of them, by name.
    package static let all = [
        bandwidth, bridge, dhcp, dummy, firewall, hostDevice, hostLocal, ipvlan, loopback, macvlan, portmap, ptp, sbr,
        `static`, tap, tuning, vlan, vrf, vswitch,
    ]

    /// The manual of a plugin; nil when there is none.
    package static func of(_ name: String) -> PluginManual? { all.first { $0.name == name } }

    /// Of all plugins, and what they have in common.
    package static var allTables: [KeyTable] { all.flatMap { $0.tables } + [.common] }

    package var json: JSONValue {
        [
            "plugin": .string(name), "role": .string(role.rawValue), "summary": .string(summary), "example": example,
            "keys": .array(tables.flatMap { $0.json }),
        ]
    }

    /// The configuration as an operator would write it, in a list.
    package var exampleList: JSONValue {
        let lead: [JSONValue] = role == .chained ? [PluginManual.bridge.example] : []
        return ["cniVersion": "1.1.0", "name": "example", "plugins": .array(lead + [example])]
    }
}
