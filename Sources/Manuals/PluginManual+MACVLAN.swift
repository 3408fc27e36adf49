// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let macvlan = PluginManual(
        name: "macvlan",
        role: .interface,
        summary: "gives a container an address of its own on a link",
        example: [
            "type": "macvlan", "master": "eth1",
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.73.0.0/24"]]]],
        ],
        tables: [
            KeyTable(
                mark: "macvlan",
                place: "",
                keys: [
                    ConfigurationKey(
                        "master",
                        .string,
                        .words("the link of the default route"),
                        example: "eth7",
                        "the link to rest upon: of IPv4's default route if there is one, else of IPv6's"
                    ),
                    ConfigurationKey(
                        "mode",
                        .choice(["bridge", "private", "vepa", "passthru"]),
                        .value("bridge"),
                        example: "vepa",
                        """
                        whether containers on one master reach each other: directly, not at all, or through a \
                        switch that sends frames back; `passthru` gives the master to one container
                        """
                    ),
                    ConfigurationKey(
                        "mtu",
                        .described(#"integer, 0 or 68 to that of the master, or `"auto"`"#, [.integer, .string]),
                        .value(0),
                        example: 1400,
                        #"in octets; 0 and `"auto"` are the master's, see [MTU](bridge.md#mtu)"#
                    ),
                    ConfigurationKey(
                        "mac",
                        .string,
                        .words("random"),
                        example: "02:00:00:00:00:05",
                        "the hardware address"
                    ),
                    ConfigurationKey(
                        "linkInContainer",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .release("1.3.0"),
                        "`master` is a link of the container"
                    ),
                    ConfigurationKey(
                        "bcqueuelen",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 1000,
                        since: .release("1.6.0"),
                        "how many broadcast frames may wait on the master; 0 leaves it to the kernel"
                    ),
                    ConfigurationKey(
                        "ipam",
                        .object,
                        .none,
                        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                        """
                        whom to ask for addresses; without it, or with `{}`, the interface is up and has none
                        """
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
        related: ["culvert-ipvlan", "culvert-dhcp", "culvert-host-local"]
    )
}
