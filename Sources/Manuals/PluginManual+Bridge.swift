// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let bridge = PluginManual(
        name: "bridge",
        role: .interface,
        summary: "joins a container to a Linux bridge",
        example: [
            "type": "bridge", "isGateway": true, "ipMasq": true,
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.1.0.0/24"]]], "routes": [["dst": "0.0.0.0/0"]]],
        ],
        tables: [
            KeyTable(
                mark: "bridge",
                place: "",
                keys: [
                    ConfigurationKey(
                        "bridge",
                        .string,
                        .value("cni0"),
                        example: "br7",
                        """
                        the bridge's name, at most 15 bytes without `/`, `:`, `%` and blanks. Made when missing, \
                        with a MAC of its own; never removed
                        """
                    ),
                    ConfigurationKey(
                        "isGateway",
                        .boolean,
                        .value(false),
                        example: true,
                        """
                        the bridge gets the gateway's address of each subnet, and the host forwards packets of \
                        these families
                        """
                    ),
                    ConfigurationKey(
                        "isDefaultGateway",
                        .boolean,
                        .value(false),
                        example: true,
                        """
                        `isGateway`, and a default route through it for each family, unless IPAM gives one
                        """
                    ),
                    ConfigurationKey(
                        "forceAddress",
                        .boolean,
                        .value(false),
                        example: true,
                        """
                        an address of the bridge that conflicts with the gateway's is replaced; otherwise ADD \
                        is refused with code 102. Of IPv4 any other address conflicts, of IPv6 those of \
                        overlapping networks
                        """
                    ),
                    ConfigurationKey(
                        "mtu",
                        .described(#"integer, 0 or 68 to 65535, or `"auto"`"#, [.integer, .string]),
                        .value(0),
                        example: 1400,
                        """
                        in octets, of both ends of the pair, and of the bridge when it is made by this; 0 \
                        leaves it to the kernel, see [MTU](#mtu)
                        """
                    ),
                    ConfigurationKey(
                        "hairpinMode",
                        .boolean,
                        .value(false),
                        example: true,
                        """
                        the bridge sends frames back through the port they came from, for a container that \
                        reaches itself by way of the host
                        """
                    ),
                    ConfigurationKey(
                        "promiscMode",
                        .boolean,
                        .value(false),
                        example: true,
                        "the bridge itself is promiscuous; not together with `hairpinMode`; stays on"
                    ),
                    ConfigurationKey(
                        "portIsolation",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .release("1.7.0"),
                        """
                        isolated ports of the bridge pass no frames to each other, only to the bridge and to \
                        ports that are not isolated
                        """
                    ),
                    ConfigurationKey(
                        "vlan",
                        .integer(0...4094),
                        .value(0),
                        example: 100,
                        "the VLAN that untagged frames of the container belong to; 0 is none"
                    ),
                    ConfigurationKey(
                        "vlanTrunk",
                        .list(of: #"`{"id": N}` or `{"minID": N, "maxID": M}`, 1 to 4094"#),
                        .value([]),
                        example: [["id": 101], ["minID": 200, "maxID": 299]],
                        since: .release("1.3.0"),
                        """
                        VLANs whose frames the container sends and gets with their tags; without `vlan`, \
                        untagged frames belong to VLAN 1
                        """
                    ),
                    ConfigurationKey(
                        "preserveDefaultVlan",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .release("1.3.0"),
                        """
                        the port stays in the bridge's default VLAN too: untagged frames of it reach the \
                        container. That is 1 unless an administrator chose another
                        """
                    ),
                    ConfigurationKey(
                        "enabledad",
                        .boolean,
                        .value(false),
                        example: true,
                        """
                        IPv6 addresses of the container go through duplicate address detection, and ADD waits \
                        for it, 5 s at most; otherwise IPAM vouches for them
                        """
                    ),
                    ConfigurationKey(
                        "disableContainerInterface",
                        .boolean,
                        .value(false),
                        example: true,
                        without: ["ipam"],
                        since: .release("1.4.1"),
                        "the container's interface stays down; not together with `ipam`"
                    ),
                    ConfigurationKey(
                        "ipam",
                        .object,
                        .none,
                        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                        """
                        whom to ask for addresses, see below; without it, or with `{}`, the network is one of \
                        frames only
                        """
                    ),
                    .dns,
                    ConfigurationKey(
                        "ipMasq",
                        .boolean,
                        .value(false),
                        example: true,
                        """
                        what the container sends to anywhere but its own networks and groups of hosts \
                        (multicast) leaves with the host's address
                        """
                    ),
                    ConfigurationKey(
                        "ipMasqBackend",
                        .choice(["nftables", "iptables"]),
                        .value("nftables"),
                        example: "iptables",
                        since: .release("1.6.0"),
                        "who rewrites it, see below; empty is unset"
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
                        since: .never,
                        "packets from the container whose source is none of its addresses are dropped"
                    ),
                    ConfigurationKey(
                        "fastPath",
                        .choice(["ebpf", "off"]),
                        .value("off"),
                        example: "ebpf",
                        since: .never,
                        """
                        `ebpf` leads frames between containers past the bridge, see [fast path](fast-path.md); \
                        empty is unset; not together with `promiscMode`
                        """
                    ),
                ]
            )
        ],
        related: ["culvert-host-local", "culvert-portmap", "culvert-firewall"]
    )
}
