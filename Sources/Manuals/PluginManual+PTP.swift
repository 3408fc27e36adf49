// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let ptp = PluginManual(
        name: "ptp",
        role: .interface,
        summary: "gives a container a wire of its own to the host",
        example: [
            "type": "ptp", "ipMasq": true,
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.72.0.0/24"]]], "routes": [["dst": "0.0.0.0/0"]]],
        ],
        tables: [
            KeyTable(
                mark: "ptp",
                place: "",
                keys: [
                    ConfigurationKey(
                        "ipam",
                        .object,
                        .required,
                        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                        "whom to ask for addresses; each has to come with a gateway"
                    ),
                    ConfigurationKey(
                        "mtu",
                        .described(#"integer, 0 or 68 to 65535, or `"auto"`"#, [.integer, .string]),
                        .value(0),
                        example: 1400,
                        "in octets, of both ends; 0 leaves it to the kernel, see [MTU](bridge.md#mtu)"
                    ),
                    ConfigurationKey(
                        "ipMasq",
                        .boolean,
                        .value(false),
                        example: true,
                        "as in [bridge](bridge.md#packet-filters)"
                    ),
                    ConfigurationKey(
                        "ipMasqBackend",
                        .choice(["nftables", "iptables"]),
                        .value("nftables"),
                        example: "iptables",
                        since: .release("1.6.0"),
                        "as there"
                    ),
                    .dns,
                ]
            )
        ],
        related: ["culvert-bridge", "culvert-host-local"]
    )
}
