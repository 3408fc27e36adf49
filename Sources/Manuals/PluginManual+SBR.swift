// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let sbr = PluginManual(
        name: "sbr",
        role: .chained,
        summary: "routes packets of a container by the address they come from",
        example: ["type": "sbr"],
        tables: [
            KeyTable(
                mark: "sbr",
                place: "",
                keys: [
                    ConfigurationKey(
                        "table",
                        .integer(1...4_294_967_295),
                        .none,
                        example: 200,
                        since: .release("1.6.0"),
                        """
                        only rules are made, and lead to this table, which somebody else fills; the keys below \
                        have no effect then
                        """
                    ),
                    ConfigurationKey(
                        "gateways",
                        .list(of: "addresses"),
                        .value([]),
                        example: ["10.1.0.1"],
                        since: .release("after 1.9.1"),
                        """
                        of each family one at most; instead of the gateways that the addresses came with, and \
                        of the default routes that the interface has
                        """
                    ),
                    ConfigurationKey(
                        "addSourceHints",
                        .boolean,
                        .value(false),
                        example: true,
                        since: .release("after 1.9.1"),
                        """
                        the main table keeps the interface's routes without a gateway, and those to the \
                        addresses' own networks say which address to come from
                        """
                    ),
                ]
            )
        ],
        related: ["culvert-vrf", "culvert-bridge"]
    )
}
