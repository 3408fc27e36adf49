// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let vlan = PluginManual(
        name: "vlan",
        role: .interface,
        summary: "gives a container one VLAN of a link",
        example: [
            "type": "vlan", "master": "eth1", "vlanId": 5,
            "ipam": ["type": "host-local", "ranges": [[["subnet": "10.74.0.0/24"]]]],
        ],
        tables: [
            KeyTable(
                mark: "vlan",
                place: "",
                keys: [
                    ConfigurationKey(
                        "master",
                        .string,
                        .required,
                        example: "eth7",
                        "the link whose VLAN it is"
                    ),
                    ConfigurationKey(
                        "vlanId",
                        .integer(0...4094),
                        .value(0),
                        example: 7,
                        "the VLAN; 0 is that of frames with a priority and no VLAN"
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
        related: ["culvert-macvlan", "culvert-host-local"]
    )
}
