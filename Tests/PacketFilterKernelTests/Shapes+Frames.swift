// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    static let frames: [Shape] = [
        Shape(.bridge, "ip saddr 10.0.0.1 drop", .match(.ipSaddr, host("10.0.0.1")), .drop),
        Shape(.bridge, "ip saddr 10.0.0.0/8 drop", .match(.ipSaddr, network("10.0.0.0/8")), .drop),
        Shape(.bridge, "ip6 saddr fd00::1 drop", .match(.ip6Saddr, host("fd00::1")), .drop),
        Shape(
            .bridge,
            "iifname \"veth0\" ip saddr != 10.0.0.1 drop",
            .iifname("veth0"),
            .mismatch(.ipSaddr, host("10.0.0.1")),
            .drop
        ),
        Shape(
            .bridge,
            "iifname \"veth0\" ether saddr != 02:00:00:00:00:01 drop",
            .iifname("veth0"),
            .mismatch(.etherSaddr, station("02:00:00:00:00:01")),
            .drop
        ),
        Shape(.bridge, "ether saddr 02:00:00:00:00:01 drop", .match(.etherSaddr, station("02:00:00:00:00:01")), .drop),
        Shape(.inet, "ether saddr 02:00:00:00:00:01 drop", .match(.etherSaddr, station("02:00:00:00:00:01")), .drop),
        Shape(.bridge, "ether type arp drop", .match(.etherType, .network16(0x0806)), .drop),
        Shape(.bridge, "meta protocol ip drop", .match(.metaProtocol, .network16(0x0800)), .drop),
        Shape(.bridge, "arp saddr ip 10.0.0.1 drop", .match(.arpSaddrIP, host("10.0.0.1")), .drop),
        Shape(.bridge, "arp saddr ip != 10.0.0.1 drop", .mismatch(.arpSaddrIP, host("10.0.0.1")), .drop),
        Shape(
            .bridge,
            "arp saddr ether != 02:00:00:00:00:01 drop",
            .mismatch(.arpSaddrEther, station("02:00:00:00:00:01")),
            .drop
        ),
        Shape(.bridge, "arp operation request drop", .match(.arpOperation, .network16(1)), .drop),
        Shape(.bridge, "arp daddr ip 10.0.0.1 drop", .match(.arpDaddrIP, host("10.0.0.1")), .drop),
        Shape(.arp, "arp saddr ip 10.0.0.1 drop", .match(.arpSaddrIP, host("10.0.0.1")), .drop),
        Shape(
            .bridge,
            "iifname . ether saddr != @stations drop",
            .nonmember([.iifname, .etherSaddr], .set(ShapeSets(.bridge).stations)),
            .drop
        ),
        Shape(
            .bridge,
            "ether saddr . ip saddr { 02:00:00:00:00:01 . 10.0.0.1 } drop",
            .member(
                [.etherSaddr, .ipSaddr],
                .literal([SetElement(station("02:00:00:00:00:01"), host("10.0.0.1"))])
            ),
            .drop
        ),
        Shape(
            .bridge,
            "ether saddr . arp saddr ip { 02:00:00:00:00:01 . 10.0.0.1 } drop",
            .member(
                [.etherSaddr, .arpSaddrIP],
                .literal([SetElement(station("02:00:00:00:00:01"), host("10.0.0.1"))])
            ),
            .drop
        ),
        Shape(
            .ip6,
            "ip6 saddr fd00::1 ip6 daddr fd00::2 accept",
            .match(.ip6Saddr, host("fd00::1")),
            .match(.ip6Daddr, host("fd00::2")),
            .accept
        ),
        Shape(
            .bridge,
            "ether saddr 02:00:00:00:00:01 ip saddr 10.0.0.1 accept",
            .match(.etherSaddr, station("02:00:00:00:00:01")),
            .match(.ipSaddr, host("10.0.0.1")),
            .accept
        ),
    ]

    static let neighbours: [Shape] = [
        Shape(
            .bridge,
            "arp saddr ether 02:00:00:00:00:01 arp saddr ip 10.0.0.1 accept",
            .match(.arpSaddrEther, station("02:00:00:00:00:01")),
            .match(.arpSaddrIP, host("10.0.0.1")),
            .accept
        ),
        Shape(
            .inet,
            "ether saddr 02:00:00:00:00:01 ip saddr 10.0.0.1 accept",
            .match(.etherSaddr, station("02:00:00:00:00:01")),
            .match(.ipSaddr, host("10.0.0.1")),
            .accept
        ),
    ]
}
