// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let vswitch = PluginManual(
        name: "vswitch",
        role: .interface,
        summary: "joins a container to a switch in user space",
        example: [
            "type": "vswitch", "vlan": 100, "macspoofchk": true,
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.82.0.0/24"]]]],
        ],
        tables: [
            KeyTable(mark: "vswitch", place: "", keys: switchKeys + portKeys + gatewayKeys + vswitchCommonKeys),
            KeyTable(mark: "vswitch rules", place: "rules[]", keys: ruleKeys),
        ],
        related: ["culvert-bridge", "culvert-tap", "culvert-host-local"]
    )

    private static let switchKeys = [
        ConfigurationKey(
            "switch",
            .string,
            .value("vs0"),
            example: "vs7",
            """
            the switch's name, at most 15 bytes without `/`, `:`, `%` and blanks; with `isGateway` also the name of the \
            host's link. It is there as long as a container is
            """
        ),
        ConfigurationKey(
            "uplink",
            .string,
            .none,
            example: "eth1",
            """
            a link of the host that becomes a port of the switch: VLAN 1 without tags, all others with them. The host \
            should have no addresses on it
            """
        ),
        ConfigurationKey(
            "daemonSocketPath",
            .string,
            .value("/run/culvert/switchd.sock"),
            example: "/run/lab/switchd.sock",
            "where `culvert-switchd` listens"
        ),
    ]

    private static let portKeys = [
        ConfigurationKey(
            "vlan",
            .integer(0...4094),
            .value(0),
            example: 100,
            "the VLAN that untagged frames of the container belong to; 0 is VLAN 1"
        ),
        ConfigurationKey(
            "vlanTrunk",
            .list(of: #"`{"id": N}` or `{"minID": N, "maxID": M}`, 1 to 4094"#),
            .value([]),
            example: [["id": 101], ["minID": 200, "maxID": 299]],
            "VLANs whose frames the container sends and gets with their tags"
        ),
        ConfigurationKey(
            "preserveDefaultVlan",
            .boolean,
            .value(false),
            example: true,
            "the port stays in VLAN 1 too: untagged frames of it reach the container"
        ),
        ConfigurationKey(
            "portIsolation",
            .boolean,
            .value(false),
            example: true,
            "isolated ports pass no frames to each other, only to the gateway, the uplink and ports that are not isolated"
        ),
        ConfigurationKey(
            "hairpinMode",
            .boolean,
            .value(false),
            example: true,
            "frames may leave through the port that they came from"
        ),
        ConfigurationKey(
            "macspoofchk",
            .boolean,
            .value(false),
            example: true,
            "frames from the container whose source is not its MAC address are dropped"
        ),
        ConfigurationKey(
            "ipspoofchk",
            .boolean,
            .value(false),
            example: true,
            "packets from the container whose source is none of its addresses are dropped"
        ),
        ConfigurationKey(
            "rules",
            .list(of: "objects, see [Rules](vswitch.md#rules)"),
            .value([]),
            example: [["action": "deny", "protocol": "tcp", "destinationPort": 25]],
            "what becomes of some of the frames that the container sends; 64 at most"
        ),
    ]

    private static let gatewayKeys = [
        ConfigurationKey(
            "isGateway",
            .boolean,
            .value(false),
            example: true,
            """
            the host has a port, a tap with the switch's name and `.vlan` if there is one, with the gateway's address \
            of each subnet, and forwards packets of these families
            """
        ),
        ConfigurationKey(
            "isDefaultGateway",
            .boolean,
            .value(false),
            example: true,
            "`isGateway`, and a default route through it for each family, unless IPAM gives one"
        ),
        ConfigurationKey(
            "forceAddress",
            .boolean,
            .value(false),
            example: true,
            """
            an address of the host's port that conflicts with the gateway's is replaced; otherwise ADD is refused with \
            code 102
            """
        ),
        ConfigurationKey(
            "ipMasq",
            .boolean,
            .value(false),
            example: true,
            """
            what the container sends to anywhere but its own networks and groups of hosts (multicast) leaves with the \
            host's address
            """
        ),
        ConfigurationKey(
            "ipMasqBackend",
            .choice(["nftables", "iptables"]),
            .value("nftables"),
            example: "iptables",
            "who rewrites it; empty is unset"
        ),
    ]

    private static let vswitchCommonKeys = [
        ConfigurationKey(
            "mtu",
            .described(#"integer, 0 or 68 to 65535, or `"auto"`"#, [.integer, .string]),
            .value(0),
            example: 1400,
            "in octets, also of the host's port when it is made by this; 0 leaves it to the kernel, see [MTU](bridge.md#mtu)"
        ),
        ConfigurationKey(
            "ipam",
            .object,
            .none,
            example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
            "whom to ask for addresses; without it, or with `{}`, the network is one of frames only"
        ),
        .dns,
    ]
}
