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
                    ConfigurationKey(
                        "ipam",
                        .object,
                        .required,
                        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                        "whom to ask for addresses"
                    ),
                    ConfigurationKey(
                        "dns",
                        .object,
                        .none,
                        example: ["nameservers": ["10.1.0.53"]],
                        "goes into the result; replaces what IPAM says if it says anything"
                    ),
                ]
            )
        ],
        related: ["culvert-tap", "culvert-host-local"]
    )
}
