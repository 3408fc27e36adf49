// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension PluginManual {
    /// Of one rule of `vswitch`.
    static let ruleKeys = frameRuleKeys + packetRuleKeys

    private static let frameRuleKeys = [
        ConfigurationKey(
            "action",
            .described("`permit`, `deny`, `redirect` or `mirror`", [.string]),
            .required,
            example: "permit",
            """
            `permit`: as if there were no rule; `deny`: it is dropped; `redirect`: it goes to the port `to` and nowhere \
            else; `mirror`: that port gets a copy
            """
        ),
        ConfigurationKey(
            "to",
            .string,
            .words("none, required with `redirect` and `mirror`"),
            example: "c9:eth0",
            beside: ["action": "mirror"],
            """
            the name of a port of the same switch, as `culvert switch show` has it. It may come later: until then \
            `redirect` drops, and `mirror` does nothing
            """
        ),
        ConfigurationKey(
            "priority",
            .integer(0...65535),
            .value(0),
            example: 9,
            beside: ["action": "deny"],
            "of the rules that are about a frame the highest decides, of equal ones the first"
        ),
        ConfigurationKey(
            "vlan",
            .integer(1...4094),
            .none,
            example: 100,
            beside: ["action": "deny"],
            "the VLAN that the frame belongs to, with or without a tag"
        ),
        ConfigurationKey(
            "etherType",
            .described("`ipv4`, `ipv6`, `arp` or integer, 1536 to 65535", [.string, .integer]),
            .none,
            example: "arp",
            beside: ["action": "deny"],
            "what the frame holds, behind all tags"
        ),
        ConfigurationKey(
            "sourceMAC",
            .described("MAC address, or one and a mask: `02:00:00:00:00:00/ff:00:00:00:00:00`", [.string]),
            .none,
            example: "02:00:00:00:00:00/ff:00:00:00:00:00",
            beside: ["action": "deny"],
            "the frame's source"
        ),
        ConfigurationKey(
            "destinationMAC",
            .described("as `sourceMAC`", [.string]),
            .none,
            example: "ff:ff:ff:ff:ff:ff",
            beside: ["action": "deny"],
            "the frame's destination"
        ),
    ]

    private static let packetRuleKeys = [
        ConfigurationKey(
            "source",
            .described("address or network", [.string]),
            .none,
            example: "10.82.0.0/24",
            beside: ["action": "deny"],
            "of packets of IP; beside `etherType` `arp`, of messages of ARP"
        ),
        ConfigurationKey(
            "destination",
            .described("address or network", [.string]),
            .none,
            example: "fd82::/64",
            beside: ["action": "deny"],
            "the same, of the family of `source`"
        ),
        ConfigurationKey(
            "protocol",
            .described("`tcp`, `udp`, `sctp`, `icmp`, `icmpv6` or integer, 0 to 255", [.string, .integer]),
            .none,
            example: "tcp",
            beside: ["action": "deny"],
            "of IP, behind extension headers; of both families, unless another key names one"
        ),
        ConfigurationKey(
            "sourcePort",
            .described(#"integer, 0 to 65535, or `"first-last"`"#, [.integer, .string]),
            .none,
            example: 68,
            beside: ["action": "deny", "protocol": "udp"],
            "beside `protocol`; of ICMP its type. A later fragment has none, and is of no such rule"
        ),
        ConfigurationKey(
            "destinationPort",
            .described("as `sourcePort`", [.integer, .string]),
            .none,
            example: "8000-8099",
            beside: ["action": "deny", "protocol": "tcp"],
            "the same; of ICMP its code. Only one of both may be a range"
        ),
    ]
}
