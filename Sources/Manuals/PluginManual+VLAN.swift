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
                    .masterMTU,
                    .linkInContainer,
                    .requiredIPAM,
                    .dns,
                ]
            )
        ],
        related: ["culvert-macvlan", "culvert-host-local"]
    )
}
