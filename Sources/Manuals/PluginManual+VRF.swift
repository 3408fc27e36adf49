// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    static let vrf = PluginManual(
        name: "vrf",
        role: .chained,
        summary: "gives interfaces of a container a routing table of their own",
        example: ["type": "vrf", "vrfname": "red"],
        tables: [
            KeyTable(
                mark: "vrf",
                place: "",
                keys: [
                    ConfigurationKey(
                        "vrfname",
                        .string,
                        .required,
                        example: "blue",
                        "the link that stands for the VRF; made in the container when it is not there"
                    ),
                    ConfigurationKey(
                        "table",
                        .integer(0...4_294_967_295),
                        .value(0),
                        example: 200,
                        """
                        its routing table; 0 is that of the VRF that is there, or else the first one from 1 on \
                        which no VRF, no rule and no route of the container has. 253 to 255 are everybody's \
                        and are not chosen
                        """
                    ),
                ]
            )
        ],
        related: ["culvert-sbr", "culvert-bridge"]
    )
}
