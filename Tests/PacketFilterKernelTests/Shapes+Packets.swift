// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    static let packets: [Shape] = [
        Shape(.inet, "iifname \"eth0\" drop", .iifname("eth0"), .drop),
        Shape(.inet, "iifname \"name-of-15-byte\" drop", .iifname("name-of-15-byte"), .drop),
        Shape(.inet, "iifname \"veth*\" drop", .iifname("veth*"), .drop),
        Shape(.inet, "oifname != \"eth0\" drop", .mismatch(.oifname, .name("eth0")), .drop),
        Shape(.inet, "oifname != \"veth*\" drop", .mismatch(.oifname, .name("veth*")), .drop),
        Shape(.inet, "iif \"lo\" drop", .match(.iif, .mark(1)), .drop),
        Shape(
            .inet,
            "iifname { \"a\", \"b\" } drop",
            .member([.iifname], .literal([SetElement(.name("a")), SetElement(.name("b"))])),
            .drop
        ),
        Shape(
            .inet,
            "iifname != { \"a\", \"b*\" } drop",
            .nonmember([.iifname], .literal([SetElement(.name("a")), SetElement(.name("b*"))])),
            .drop
        ),
        Shape(.inet, "iifname vmap @interfaces", .verdictMap([.iifname], .set(ShapeSets(.inet).interfaces))),
        Shape(.inet, "iifname . oifname vmap @ways", .verdictMap([.iifname, .oifname], .set(ShapeSets(.inet).ways))),
        Shape(
            .inet,
            "iifname vmap { \"a\" : accept, \"b\" : jump other }",
            .verdictMap(
                [.iifname],
                .literal([
                    SetElement(key: [.name("a")], verdict: .accept),
                    SetElement(key: [.name("b")], verdict: .jump("other")),
                ])
            )
        ),
        Shape(.inet, "meta mark 0x00002000 drop", .match(.metaMark, .mark(0x2000)), .drop),
        Shape(.inet, "meta mark != 0x00000005 drop", .mismatch(.metaMark, .mark(5)), .drop),
        Shape(.inet, "meta mark & 0x00002000 == 0x00002000 drop", .markHas(0x2000), .drop),
        Shape(
            .inet,
            "meta mark & 0x000000ff != 0x00000005 drop",
            .masked(.metaMark, mask: 0xff, value: 5, isInverted: true),
            .drop
        ),
        Shape(.inet, "meta mark set 0x00002000", .set(.metaMark, .value(0x2000))),
        Shape(.inet, "meta mark set meta mark | 0x00002000", .setMarkBits(0x2000)),
        Shape(
            .inet,
            "meta mark set meta mark & 0xffffdfff",
            .set(.metaMark, .masked(mask: 0xffff_dfff, xor: 0))
        ),
        Shape(.inet, "ct mark set meta mark", .set(.ctMark, .field(.metaMark))),
        Shape(.inet, "meta mark set ct mark", .set(.metaMark, .field(.ctMark))),
        Shape(
            .inet,
            "meta mark set ip saddr map @marks",
            .set(.metaMark, .map([.ipSaddr], .set(ShapeSets(.inet).marks)))
        ),
        Shape(
            .inet,
            "meta mark set ip saddr map { 10.0.0.1 : 0x00000005, 10.0.0.2 : 0x00000006 }",
            .set(
                .metaMark,
                .map(
                    [.ipSaddr],
                    .literal([
                        SetElement(key: [host("10.0.0.1")], values: [.mark(5)]),
                        SetElement(key: [host("10.0.0.2")], values: [.mark(6)]),
                    ])
                )
            )
        ),
        Shape(
            .inet,
            "meta mark set numgen random mod 4 offset 100",
            .set(.metaMark, .numberGenerator(NumberGenerator(isRandom: true, modulus: 4, offset: 100)))
        ),
        Shape(
            .inet,
            "meta mark set numgen inc mod 4",
            .set(.metaMark, .numberGenerator(NumberGenerator(isRandom: false, modulus: 4)))
        ),
        Shape(
            .inet,
            "meta mark set jhash ip saddr . tcp sport mod 4 seed 0x7 offset 3",
            .set(.metaMark, .hash([.ipSaddr, .tcpSport], modulus: 4, seed: 7, offset: 3))
        ),
        Shape(.inet, input, "meta skuid 0 drop", .match(.metaSkuid, .mark(0)), .drop),
        Shape(.inet, "meta pkttype multicast drop", .match(.metaPkttype, .octet(2)), .drop),
        Shape(.inet, "ct state established,related accept", .ctState([.established, .related]), .accept),
        Shape(.inet, "ct state invalid drop", .ctState(.invalid), .drop),
        Shape(
            .inet,
            "ct state vmap { invalid : drop, established : accept }",
            .verdictMap(
                [.ctState],
                .literal([
                    SetElement(key: [.state(.invalid)], verdict: .drop),
                    SetElement(key: [.state(.established)], verdict: .accept),
                ])
            )
        ),
        Shape(.inet, "ct status dnat accept", .ctStatus(.dnat), .accept),
        Shape(.inet, "ct mark 0x00000001 drop", .match(.ctMark, .mark(1)), .drop),
        Shape(.inet, "ct direction original drop", .match(.ctDirection, .octet(0)), .drop),
        Shape(
            .inet,
            "ct original ip daddr 10.0.0.1 drop",
            .match(.ctDaddr(.v4, reply: false), host("10.0.0.1")),
            .drop
        ),
        Shape(
            .inet,
            "ct reply ip saddr 10.0.0.0/8 drop",
            .match(.ctSaddr(.v4, reply: true), network("10.0.0.0/8")),
            .drop
        ),
        Shape(.inet, "ct protocol tcp drop", .match(.ctProtocol, .proto(.tcp)), .drop),
        Shape(.inet, "ct l3proto ipv4 drop", .match(.ctL3proto, .nfproto(.v4)), .drop),
    ]
}
