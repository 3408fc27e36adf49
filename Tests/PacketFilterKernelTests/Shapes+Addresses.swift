// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    static let addresses: [Shape] = [
        Shape(.inet, "ip saddr 10.0.0.1 drop", .match(.ipSaddr, host("10.0.0.1")), .drop),
        Shape(.ip, "ip saddr 10.0.0.1 drop", .match(.ipSaddr, host("10.0.0.1")), .drop),
        Shape(.inet, "ip daddr != 10.0.0.1 drop", .mismatch(.ipDaddr, host("10.0.0.1")), .drop),
        Shape(.inet, "ip saddr 10.0.0.0/8 drop", .match(.ipSaddr, network("10.0.0.0/8")), .drop),
        Shape(.inet, "ip saddr 10.0.0.0/9 drop", .match(.ipSaddr, network("10.1.2.3/9")), .drop),
        Shape(.inet, "ip saddr 0.0.0.0/0 drop", .match(.ipSaddr, network("0.0.0.0/0")), .drop),
        Shape(.inet, "ip saddr != 10.0.0.0/24 drop", .mismatch(.ipSaddr, network("10.0.0.0/24")), .drop),
        Shape(.inet, "ip saddr != 10.0.0.0/23 drop", .mismatch(.ipSaddr, network("10.0.0.0/23")), .drop),
        Shape(
            .inet,
            "ip saddr 10.0.0.3-10.0.0.9 drop",
            .match(.ipSaddr, .addresses(address("10.0.0.3"), address("10.0.0.9"))),
            .drop
        ),
        Shape(.inet, "ip6 daddr fd00::1 drop", .match(.ip6Daddr, host("fd00::1")), .drop),
        Shape(.ip6, "ip6 saddr fd00::1 drop", .match(.ip6Saddr, host("fd00::1")), .drop),
        Shape(.inet, "ip6 daddr fd00::/64 drop", .match(.ip6Daddr, network("fd00::/64")), .drop),
        Shape(.inet, "ip6 daddr != fd00::/63 drop", .mismatch(.ip6Daddr, network("fd00::/63")), .drop),
        Shape(
            .inet,
            "ip saddr 10.0.0.1 ip daddr 10.0.0.2 accept",
            .match(.ipSaddr, host("10.0.0.1")),
            .match(.ipDaddr, host("10.0.0.2")),
            .accept
        ),
        Shape(
            .inet,
            "ip6 saddr fd00::/64 ip6 daddr fd01::1 accept",
            .match(.ip6Saddr, network("fd00::/64")),
            .match(.ip6Daddr, host("fd01::1")),
            .accept
        ),
        Shape(.inet, "ip daddr @addresses drop", .member([.ipDaddr], .set(ShapeSets(.inet).addresses)), .drop),
        Shape(.inet, "ip6 daddr @addresses6 drop", .member([.ip6Daddr], .set(ShapeSets(.inet).addresses6)), .drop),
        Shape(.inet, "ip daddr @networks drop", .member([.ipDaddr], .set(ShapeSets(.inet).networks)), .drop),
        Shape(.inet, "ip daddr != @networks drop", .nonmember([.ipDaddr], .set(ShapeSets(.inet).networks)), .drop),
        Shape(.ip, "ip daddr != @addresses drop", .nonmember([.ipDaddr], .set(ShapeSets(.ip).addresses)), .drop),
        Shape(
            .inet,
            "ip saddr { 10.0.0.1, 127.0.0.2 } drop",
            .member([.ipSaddr], .literal([SetElement(host("10.0.0.1")), SetElement(host("127.0.0.2"))])),
            .drop
        ),
        Shape(
            .inet,
            "ip saddr { 10.0.0.0/8, 127.0.0.0/8 } drop",
            .member([.ipSaddr], .literal([SetElement(network("10.0.0.0/8")), SetElement(network("127.0.0.0/8"))])),
            .drop
        ),
        Shape(
            .ip,
            "ip daddr != { 10.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 } drop",
            .nonmember(
                [.ipDaddr],
                .literal([
                    SetElement(network("224.0.0.0/4")), SetElement(network("127.0.0.0/8")),
                    SetElement(network("10.0.0.0/8")),
                ])
            ),
            .drop
        ),
        Shape(
            .inet,
            "ip saddr { 0.0.0.0-9.255.255.255, 128.0.0.0/1 } drop",
            .member(
                [.ipSaddr],
                .literal([
                    SetElement(network("128.0.0.0/1")),
                    SetElement(.addresses(address("0.0.0.0"), address("9.255.255.255"))),
                ])
            ),
            .drop
        ),
        Shape(
            .inet,
            "ip6 saddr { fd00::/64, fd01::1 } drop",
            .member([.ip6Saddr], .literal([SetElement(network("fd00::/64")), SetElement(host("fd01::1"))])),
            .drop
        ),
        Shape(
            .inet,
            "ip daddr 10.0.0.0/8 drop",
            .member([.ipDaddr], .literal([SetElement(network("10.0.0.0/8"))])),
            .drop
        ),
        Shape(
            .inet,
            "ip daddr != 10.0.0.1 drop",
            .nonmember([.ipDaddr], .literal([SetElement(host("10.0.0.1"))])),
            .drop
        ),
        Shape(
            .inet,
            "ip saddr . ip daddr @pairs drop",
            .member([.ipSaddr, .ipDaddr], .set(ShapeSets(.inet).pairs)),
            .drop
        ),
        Shape(
            .ip,
            "ip saddr . ip daddr { 10.0.0.1 . 10.0.0.2 } drop",
            .member([.ipSaddr, .ipDaddr], .literal([SetElement(host("10.0.0.1"), host("10.0.0.2"))])),
            .drop
        ),
        Shape(
            .inet,
            "ip saddr . tcp dport { 10.0.0.0/8 . 80, 10.0.0.1 . 90-100 } drop",
            .member(
                [.ipSaddr, .tcpDport],
                .literal([
                    SetElement(network("10.0.0.0/8"), .port(80)), SetElement(host("10.0.0.1"), .ports(90...100)),
                ])
            ),
            .drop
        ),
        Shape(
            .inet,
            "ip daddr . meta l4proto . th dport @destinations drop",
            .member([.ipDaddr, .metaL4proto, .thDport], .set(ShapeSets(.inet).destinations)),
            .drop
        ),
        Shape(
            .inet,
            "meta mark . ip saddr @marked drop",
            .member([.metaMark, .ipSaddr], .set(ShapeSets(.inet).marked)),
            .drop
        ),
        Shape(.inet, "fib daddr type local drop", .fibDaddr(.local), .drop),
        Shape(.ip6, "fib daddr type local jump other", .fibDaddr(.local), .jump("other")),
        Shape(.inet, "fib saddr type broadcast drop", .match(.fibSaddrType, .addressType(.broadcast)), .drop),
        Shape(.inet, raw, "fib daddr type != local drop", .mismatch(.fibDaddrType, .addressType(.local)), .drop),
    ]
}
