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
                    .masterMTU,
                    .linkInContainer,
                    ConfigurationKey(
                        "ipam",
                        .object,
                        .none,
                        example: ["type": "host-local", "ranges": [[["subnet": "10.9.0.0/24"]]]],
                        "whom to ask for addresses; required unless chained"
                    ),
                    .dns,
                ]
            )
        ],
        related: ["culvert-macvlan", "culvert-host-local"]
    )
}
