// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let loopback = PluginManual(
        name: "loopback",
        role: .interface,
        summary: "brings the interface lo of a container up",
        example: ["type": "loopback"],
        tables: [],
        related: ["culvert-bridge"]
    )
}
