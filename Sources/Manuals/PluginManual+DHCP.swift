// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let dhcp = PluginManual(
        name: "dhcp",
        role: .ipam,
        summary: "leases addresses from DHCP servers on the container's link",
        example: ["type": "macvlan", "master": "eth1", "ipam": ["type": "dhcp"]],
        tables: [
            KeyTable(
                mark: "dhcp",
                place: "ipam",
                keys: [
                    ConfigurationKey(
                        "type",
                        .string,
                        .required,
                        example: "dhcp",
                        "`dhcp`"
                    ),
                    ConfigurationKey(
                        "daemonSocketPath",
                        .string,
                        .value("/run/cni/dhcp.sock"),
                        example: "/run/other.sock",
                        "where the daemon listens"
                    ),
                    ConfigurationKey(
                        "provide",
                        .list(of: "objects"),
                        .value([]),
                        example: [["option": "host-name", "value": "web"]],
                        """
                        options that servers are told: `option`, and `value` or `fromArg`, a key of \
                        `CNI_ARGS`, which counts more. Empty values are left out; one value has at most 255 \
                        octets, all together 1000
                        """
                    ),
                    ConfigurationKey(
                        "request",
                        .list(of: "objects"),
                        .value([]),
                        example: [["option": "domain-name-servers"]],
                        """
                        options that servers are asked for, besides `routers` and `subnet-mask`: `option`, or \
                        `skipDefault: true` to leave those two out
                        """
                    ),
                    ConfigurationKey(
                        "priority",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 100,
                        since: .release("1.6.0"),
                        "the metric of the routes; 0 is the kernel's choice"
                    ),
                    ConfigurationKey(
                        "ipv4",
                        .boolean,
                        .value(true),
                        example: false,
                        beside: ["ipv6": "slaac"],
                        since: .never,
                        "whether an address of IPv4 is leased"
                    ),
                    ConfigurationKey(
                        "ipv6",
                        .choice(["slaac", "dhcpv6"]),
                        .none,
                        example: "dhcpv6",
                        since: .never,
                        "where an address of IPv6 comes from, see below; empty is unset"
                    ),
                ]
            )
        ],
        related: ["culvert-bridge", "culvert-macvlan"]
    )
}
