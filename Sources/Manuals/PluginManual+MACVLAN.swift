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
                    .masterMTU,
                    ConfigurationKey(
                        "mac",
                        .string,
                        .words("random"),
                        example: "02:00:00:00:00:05",
                        "the hardware address"
                    ),
                    .linkInContainer,
                    ConfigurationKey(
                        "bcqueuelen",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 1000,
                        since: .release("1.6.0"),
                        "how many broadcast frames may wait on the master; 0 leaves it to the kernel"
                    ),
                    .optionalIPAM,
                    .dns,
                ]
            )
        ],
        related: ["culvert-ipvlan", "culvert-dhcp", "culvert-host-local"]
    )
}
