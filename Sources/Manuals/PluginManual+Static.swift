// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let `static` = PluginManual(
        name: "static",
        role: .ipam,
        summary: "gives a container the addresses that are named for it",
        example: [
            "type": "bridge",
            "ipam": [
                "type": "static", "addresses": [["address": "10.1.0.5/24", "gateway": "10.1.0.1"]],
                "routes": [["dst": "0.0.0.0/0"]],
            ],
        ],
        tables: [
            KeyTable(
                mark: "static",
                place: "ipam",
                keys: [
                    ConfigurationKey(
                        "type",
                        .string,
                        .required,
                        example: "static",
                        "`static`"
                    ),
                    ConfigurationKey(
                        "addresses",
                        .list(of: "addresses"),
                        .value([]),
                        example: [["address": "10.1.0.6/24"]],
                        "what a container gets, unless the runtime names something else"
                    ),
                    ConfigurationKey(
                        "routes",
                        .list(of: "routes"),
                        .value([]),
                        example: [["dst": "10.8.0.0/16"]],
                        "go into the result as they are; see [host-local](host-local.md)"
                    ),
                    ConfigurationKey(
                        "dns",
                        .object,
                        .none,
                        example: ["nameservers": ["10.1.0.53"]],
                        "`nameservers`, `domain`, `search`, `options`: goes into the result as it is"
                    ),
                    ConfigurationKey(
                        "dataDir",
                        .string,
                        .value("/var/lib/cni/networks"),
                        example: "/srv/leases",
                        since: .never,
                        "where `host-local` keeps leases, if the network was ever its own"
                    ),
                ]
            ),
            KeyTable(
                mark: "static addresses",
                place: "ipam.addresses[]",
                keys: [
                    ConfigurationKey(
                        "address",
                        .described("address with prefix length", [.string]),
                        .required,
                        example: "10.1.0.7/24",
                        "what the container gets"
                    ),
                    ConfigurationKey(
                        "gateway",
                        .described("address", [.string]),
                        .none,
                        example: "10.1.0.254",
                        """
                        goes into the result. It may be anywhere, and of any family: `static` does not use it
                        """
                    ),
                ]
            ),
        ],
        related: ["culvert-bridge", "culvert-host-local"]
    )
}
