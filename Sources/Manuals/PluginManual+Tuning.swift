// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let tuning = PluginManual(
        name: "tuning",
        role: .chained,
        summary: "adjusts an interface that the plugins before it made",
        example: ["type": "tuning", "mtu": 1400, "sysctl": ["net.ipv4.conf.IFNAME.arp_notify": "1"]],
        tables: [
            KeyTable(
                mark: "tuning",
                place: "",
                keys: [
                    ConfigurationKey(
                        "sysctl",
                        .described("object of strings", [.object]),
                        .value([:]),
                        example: ["net.core.somaxconn": "512"],
                        "settings below `net`, see below"
                    ),
                    ConfigurationKey(
                        "mac",
                        .string,
                        .value(""),
                        example: "02:00:00:00:00:05",
                        "hardware address of a single station; empty leaves it alone"
                    ),
                    ConfigurationKey(
                        "mtu",
                        .described("integer, 0 or 68 to 65536", [.integer]),
                        .value(0),
                        example: 1300,
                        "in octets; 0 leaves it alone"
                    ),
                    ConfigurationKey(
                        "promisc",
                        .boolean,
                        .value(false),
                        example: true,
                        "the interface takes all frames; `false` leaves it as it is"
                    ),
                    ConfigurationKey(
                        "allmulti",
                        .boolean,
                        .none,
                        example: true,
                        "the interface takes all multicast frames, or with `false` does not"
                    ),
                    ConfigurationKey(
                        "txQLen",
                        .integer(0...2_147_483_647),
                        .none,
                        example: 2000,
                        since: .release("1.4.0"),
                        "length of the transmit queue in frames"
                    ),
                    ConfigurationKey(
                        "dataDir",
                        .string,
                        .value("/run/cni/tuning"),
                        example: "/run/other",
                        "where the files are that remember what interfaces had"
                    ),
                ]
            )
        ],
        related: ["culvert-bridge"]
    )
}
