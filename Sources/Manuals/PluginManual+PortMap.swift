// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let portmap = PluginManual(
        name: "portmap",
        role: .chained,
        summary: "leads ports of the host to ports of a container",
        example: ["type": "portmap", "capabilities": ["portMappings": true]],
        tables: [
            KeyTable(
                mark: "portmap",
                place: "",
                keys: [
                    ConfigurationKey(
                        "backend",
                        .choice(["nftables", "iptables"]),
                        .words("see below"),
                        example: "iptables",
                        since: .release("1.6.0"),
                        "who rewrites the packets"
                    ),
                    ConfigurationKey(
                        "snat",
                        .boolean,
                        .value(true),
                        example: false,
                        """
                        connections that could not find back otherwise get the host's address: those from the \
                        container's own network, and those of the host itself to 127.0.0.0/8
                        """
                    ),
                    ConfigurationKey(
                        "masqAll",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .release("1.2.0"),
                        "all forwarded connections get it; without `snat` it has no effect"
                    ),
                    ConfigurationKey(
                        "conditionsV4",
                        .list(of: "strings"),
                        .value([]),
                        example: ["ip", "saddr", "10.0.0.0/8"],
                        "further conditions of forwarding, in the backend's words"
                    ),
                    ConfigurationKey(
                        "conditionsV6",
                        .list(of: "strings"),
                        .value([]),
                        example: ["ip6", "saddr", "fd00::/8"],
                        "the same for IPv6"
                    ),
                    ConfigurationKey(
                        "allowListening",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .never,
                        """
                        ports may be published that a process of the host listens on, and are taken from it
                        """
                    ),
                    ConfigurationKey(
                        "markMasqBit",
                        .integer(0...31),
                        .value(13),
                        example: 14,
                        """
                        of the iptables backend: the bit of the packet mark that asks for the host's address; \
                        not beside `externalSetMarkChain`
                        """
                    ),
                    ConfigurationKey(
                        "externalSetMarkChain",
                        .string,
                        .none,
                        example: "KUBE-MARK-MASQ",
                        "of the iptables backend: somebody else's chain that sets the mark"
                    ),
                ]
            ),
            KeyTable(
                mark: "portmap mappings",
                place: "runtimeConfig.portMappings[]",
                keys: [
                    ConfigurationKey(
                        "hostPort",
                        .integer(1...65535),
                        .required,
                        example: 8081,
                        beside: ["containerPort": 80],
                        "the port of the host"
                    ),
                    ConfigurationKey(
                        "containerPort",
                        .integer(1...65535),
                        .required,
                        example: 81,
                        beside: ["hostPort": 8080],
                        "the port of the container"
                    ),
                    ConfigurationKey(
                        "protocol",
                        .described("`tcp`, `udp` or `sctp`, in any case", [.string]),
                        .value("tcp"),
                        example: "udp",
                        beside: ["hostPort": 8080, "containerPort": 80],
                        "of the packets"
                    ),
                    ConfigurationKey(
                        "hostIP",
                        .described("address", [.string]),
                        .value(""),
                        example: "192.0.2.1",
                        beside: ["hostPort": 8080, "containerPort": 80],
                        """
                        the one address of the host; empty is all of them, `0.0.0.0` and `::` all of their \
                        family
                        """
                    ),
                ]
            ),
        ],
        related: ["culvert-bridge", "culvert-firewall", "culvert(1)"]
    )
}
