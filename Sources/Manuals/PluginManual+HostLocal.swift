// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let hostLocal = PluginManual(
        name: "host-local",
        role: .ipam,
        summary: "hands out addresses from ranges",
        example: [
            "type": "bridge",
            "ipam": [
                "type": "host-local",
                "ranges": [[["subnet": "10.1.0.0/24", "rangeStart": "10.1.0.20", "rangeEnd": "10.1.0.200"]]],
                "routes": [["dst": "0.0.0.0/0"]],
            ],
        ],
        tables: [
            KeyTable(
                mark: "host-local",
                place: "ipam",
                keys: [
                    ConfigurationKey(
                        "type",
                        .string,
                        .required,
                        example: "host-local",
                        "`host-local`"
                    ),
                    ConfigurationKey(
                        "ranges",
                        .list(of: "lists of ranges"),
                        .value([]),
                        example: [[["subnet": "10.2.0.0/24"]], [["subnet": "fd02::/64"]]],
                        """
                        range sets: a container gets one address of each. The ranges of one set are \
                        alternatives, used up in order, of one family
                        """
                    ),
                    ConfigurationKey(
                        "subnet",
                        .string,
                        .none,
                        example: "10.3.0.0/24",
                        "with the next four one more range, the older form; its set comes first"
                    ),
                    ConfigurationKey(
                        "rangeStart",
                        .string,
                        .words("as in a range"),
                        example: "10.3.0.9",
                        beside: ["subnet": "10.3.0.0/24"],
                        "of the older form"
                    ),
                    ConfigurationKey(
                        "rangeEnd",
                        .string,
                        .words("as in a range"),
                        example: "10.3.0.99",
                        beside: ["subnet": "10.3.0.0/24"],
                        "of the older form"
                    ),
                    ConfigurationKey(
                        "gateway",
                        .string,
                        .words("as in a range"),
                        example: "10.3.0.254",
                        beside: ["subnet": "10.3.0.0/24"],
                        "of the older form"
                    ),
                    ConfigurationKey(
                        "onlink",
                        .boolean,
                        .value(false),
                        example: true,
                        beside: ["subnet": "10.3.0.0/24", "gateway": "10.4.0.1"],
                        since: .never,
                        "of the older form"
                    ),
                    ConfigurationKey(
                        "routes",
                        .list(of: "routes"),
                        .value([]),
                        example: [["dst": "10.8.0.0/16"]],
                        "go into the result as they are"
                    ),
                    ConfigurationKey(
                        "dataDir",
                        .string,
                        .value("/var/lib/cni/networks"),
                        example: "/srv/leases",
                        "where leases are kept, in a folder named after the network"
                    ),
                    ConfigurationKey(
                        "exclude",
                        .list(of: "strings"),
                        .value([]),
                        example: ["10.1.0.30"],
                        since: .never,
                        """
                        never given: addresses (`10.1.0.5`), networks (`10.1.0.16/28`), runs \
                        (`10.1.0.100-10.1.0.120`); may lie outside the ranges
                        """
                    ),
                    ConfigurationKey(
                        "reserve",
                        .described("object of lists of addresses", [.object]),
                        .value([:]),
                        example: ["default/web-0": ["10.1.0.31"]],
                        since: .never,
                        #"""
                        kept for an identity: `{"default/web-0": ["10.1.0.7", "fd01::7"]}`. Given to nobody \#
                        else; may lie in `exclude`. Identities: see below
                        """#
                    ),
                    ConfigurationKey(
                        "sticky",
                        .described(#"boolean, or `"pod"`, `"container"` or `"mac"`"#, [.boolean, .string]),
                        .value(false),
                        example: true,
                        since: .never,
                        """
                        an identity gets the addresses it had last, as long as nobody else has them; a string \
                        says which identity counts
                        """
                    ),
                    ConfigurationKey(
                        "policy",
                        .choice(["next-after-last", "oldest-freed-first"]),
                        .value("next-after-last"),
                        example: "oldest-freed-first",
                        since: .never,
                        """
                        which address comes next: the one after the last that was given; or addresses nobody \
                        had yet, then the one that was freed longest ago
                        """
                    ),
                    ConfigurationKey(
                        "quarantineSeconds",
                        .described("number, 0 to 3155760000", [.integer, .number]),
                        .value(5),
                        example: 60,
                        since: .never,
                        "how long an address that we gave rests when it is freed, while others are left"
                    ),
                    ConfigurationKey(
                        "resolvConf",
                        .string,
                        .none,
                        example: "/etc/resolv.conf",
                        """
                        a file in the form of resolv.conf(5); its `nameserver`, `domain`, `search` and \
                        `options` become `dns` of the result. Must be readable for ADD, CHECK and STATUS, at \
                        most 1 MiB
                        """
                    ),
                ]
            ),
            KeyTable(
                mark: "host-local ranges",
                place: "ipam.ranges[][]",
                keys: [
                    ConfigurationKey(
                        "subnet",
                        .described("address with prefix length", [.string]),
                        .required,
                        example: "10.2.0.0/24",
                        without: ["rangeStart", "rangeEnd"],
                        "no host bits; at least four addresses, so up to `/30` or `/126`"
                    ),
                    ConfigurationKey(
                        "rangeStart",
                        .described("address", [.string]),
                        .words("the one after the network's"),
                        example: "10.1.0.21",
                        "first address to give, inside the subnet"
                    ),
                    ConfigurationKey(
                        "rangeEnd",
                        .described("address", [.string]),
                        .words("IPv4: the one before the broadcast address; IPv6: the last"),
                        example: "10.1.0.201",
                        "last address to give, inside the subnet"
                    ),
                    ConfigurationKey(
                        "gateway",
                        .described("address", [.string]),
                        .words("the one after the network's"),
                        example: "10.1.0.254",
                        "goes into the result, and is never given to a container"
                    ),
                    ConfigurationKey(
                        "onlink",
                        .boolean,
                        .value(false),
                        example: true,
                        beside: ["gateway": "10.4.0.1"],
                        since: .never,
                        """
                        a gateway outside of the subnet is reached on the link: the result gets a route to it
                        """
                    ),
                ]
            ),
            KeyTable(
                mark: "host-local routes",
                place: "ipam.routes[]",
                keys: [
                    ConfigurationKey(
                        "dst",
                        .described("address with prefix length", [.string]),
                        .required,
                        example: "10.8.0.0/16",
                        "where the route leads"
                    ),
                    ConfigurationKey(
                        "gw",
                        .described("address", [.string]),
                        .words("the address's gateway"),
                        example: "10.1.0.2",
                        "through whom"
                    ),
                    ConfigurationKey(
                        "mtu",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 1400,
                        since: .release("1.6.0"),
                        "of packets that it carries; 0 leaves it to the kernel"
                    ),
                    ConfigurationKey(
                        "advmss",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 1360,
                        since: .release("1.6.0"),
                        """
                        the largest segment of TCP that is told the other side; 0 leaves it to the kernel
                        """
                    ),
                    ConfigurationKey(
                        "priority",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 100,
                        since: .release("1.6.0"),
                        "its metric; 0 leaves it to the kernel"
                    ),
                    ConfigurationKey(
                        "table",
                        .integer(0...4_294_967_295),
                        .none,
                        example: 100,
                        since: .release("1.6.0"),
                        "the routing table"
                    ),
                    ConfigurationKey(
                        "scope",
                        .integer(0...255),
                        .none,
                        example: 253,
                        since: .release("1.6.0"),
                        "how far it reaches: 253 and more end on the link"
                    ),
                    ConfigurationKey(
                        "onlink",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .never,
                        "the gateway is reached on the link, though no address says so"
                    ),
                ]
            ),
        ],
        related: ["culvert-bridge", "culvert-static", "ipam(1)"]
    )
}
