// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let firewall = PluginManual(
        name: "firewall",
        role: .chained,
        summary: "lets packets of a container through, and keeps networks apart",
        example: ["type": "firewall", "ingressPolicy": "same-bridge"],
        tables: [
            KeyTable(
                mark: "firewall",
                place: "",
                keys: [
                    ConfigurationKey(
                        "backend",
                        .choice(["nftables", "iptables", "firewalld"]),
                        .words("see below"),
                        example: "firewalld",
                        "who holds the rules; empty is unset"
                    ),
                    ConfigurationKey(
                        "ingressPolicy",
                        .choice(["open", "same-bridge", "isolated"]),
                        .value("open"),
                        example: "isolated",
                        "who may open connections to the containers of this bridge"
                    ),
                    ConfigurationKey(
                        "iptablesAdminChainName",
                        .described("name, at most 28 octets without blanks", [.string]),
                        .value("CNI-ADMIN"),
                        example: "OPERATOR",
                        "of the iptables backend: the operator's own chain, which comes first"
                    ),
                    ConfigurationKey(
                        "firewalldZone",
                        .described("name, at most 28 octets without blanks", [.string]),
                        .value("trusted"),
                        example: "containers",
                        "of the firewalld backend: the zone that containers' addresses belong to"
                    ),
                ]
            )
        ],
        related: ["culvert-bridge", "culvert-portmap", "culvert(1)"]
    )
}
