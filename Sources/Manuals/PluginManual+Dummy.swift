// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let dummy = PluginManual(
        name: "dummy",
        role: .interface,
        summary: "gives a container an interface that leads nowhere",
        example: ["type": "dummy", "ipam": ["type": "host-local", "ranges": [[["subnet": "10.71.0.0/24"]]]]],
        tables: [
            KeyTable(
                mark: "dummy",
                place: "",
                keys: [
                    .requiredIPAM,
                    .dns,
                ]
            )
        ],
        related: ["culvert-tap", "culvert-host-local"]
    )
}
