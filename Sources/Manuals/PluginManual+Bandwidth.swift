// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let bandwidth = PluginManual(
        name: "bandwidth",
        role: .chained,
        summary: "limits how fast a container receives and sends",
        example: ["type": "bandwidth", "capabilities": ["bandwidth": true]],
        tables: [
            KeyTable(
                mark: "bandwidth",
                place: "",
                keys: [
                    ConfigurationKey(
                        "ingressRate",
                        .described("integer, 0 or at least 8", [.integer]),
                        .value(0),
                        example: 10000000,
                        beside: ["ingressBurst": 1000000],
                        "what the container receives, in bits per second; 0 is without limit"
                    ),
                    ConfigurationKey(
                        "ingressBurst",
                        .described("integer, 0 or 8 to 2^35", [.integer]),
                        .value(0),
                        example: 1000000,
                        beside: ["ingressRate": 10000000],
                        "what it may receive at once after a pause, in bits"
                    ),
                    ConfigurationKey(
                        "egressRate",
                        .described("integer, 0 or at least 8", [.integer]),
                        .value(0),
                        example: 10000000,
                        beside: ["egressBurst": 1000000],
                        "what the container sends, in bits per second; 0 is without limit"
                    ),
                    ConfigurationKey(
                        "egressBurst",
                        .described("integer, 0 or 8 to 2^35", [.integer]),
                        .value(0),
                        example: 1000000,
                        beside: ["egressRate": 10000000],
                        "what it may send at once after a pause, in bits"
                    ),
                    ConfigurationKey(
                        "shapedSubnets",
                        .list(of: "subnets"),
                        .value([]),
                        example: ["10.0.0.0/8"],
                        since: .release("1.5.0"),
                        "only packets from and to these are limited"
                    ),
                    ConfigurationKey(
                        "unshapedSubnets",
                        .list(of: "subnets"),
                        .value([]),
                        example: ["10.0.0.0/8"],
                        since: .release("1.5.0"),
                        """
                        packets from and to these are not limited, all others are; not together with \
                        `shapedSubnets`
                        """
                    ),
                ]
            )
        ],
        related: ["culvert-bridge", "culvert-ptp"]
    )
}
