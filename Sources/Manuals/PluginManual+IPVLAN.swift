// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let ipvlan = PluginManual(
        name: "ipvlan",
        role: .interface,
        summary: "gives a container addresses on a link that it shares",
        example: [
            "type": "ipvlan", "master": "eth1",
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.75.0.0/24"]]]],
        ],
        tables: [
            KeyTable(
                mark: "ipvlan",
                place: "",
                keys: [
                    ConfigurationKey(
                        "master",
                        .string,
                        .words("see below"),
                        example: "eth7",
                        "the link to rest upon"
                    ),
                    ConfigurationKey(
                        "mode",
                        .choice(["l2", "l3", "l3s"]),
                        .value("l2"),
                        example: "l3",
                        """
                        what the master does for the container: pass frames, route packets, or route them so \
                        that the host's packet filters see them. All links upon one master have one mode
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
                        "linkInContainer",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .release("1.3.0"),
                        "`master` is a link of the container"
                    ),
                    ConfigurationKey(
                        "ipam",
                        .object,
                        .none,
                        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                        "whom to ask for addresses; required unless chained"
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
        related: ["culvert-macvlan", "culvert-host-local"]
    )
}
