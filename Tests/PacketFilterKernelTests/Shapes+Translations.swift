// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    static let translations: [Shape] = [
        Shape(.inet, postrouting, "masquerade", .masquerade),
        Shape(.ip, postrouting, "masquerade", .masquerade),
        Shape(
            .ip6,
            postrouting,
            "ip6 saddr fd00::/64 masquerade",
            .match(.ip6Saddr, network("fd00::/64")),
            .masquerade
        ),
        Shape(.inet, postrouting, "masquerade random", .masquerade(ports: nil, .random)),
        Shape(
            .inet,
            postrouting,
            "masquerade fully-random,persistent",
            .masquerade(ports: nil, [.fullyRandom, .persistent])
        ),
        Shape(
            .inet,
            postrouting,
            "meta l4proto tcp masquerade to :1024-65535 random",
            .l4proto(.tcp),
            .masquerade(ports: 1024...65535, .random)
        ),
        Shape(.inet, postrouting, "snat ip to 10.0.0.1", .snat(.address(address("10.0.0.1")), [])),
        Shape(.inet, postrouting, "snat ip6 to fd00::1", .snat(.address(address("fd00::1")), [])),
        Shape(
            .ip,
            postrouting,
            "snat to 10.0.0.1-10.0.0.9 persistent",
            .snat(.addresses(address("10.0.0.1"), address("10.0.0.9")), .persistent)
        ),
        Shape(.inet, prerouting, "dnat ip to 10.0.0.1", .dnat(.address(address("10.0.0.1")), [])),
        Shape(
            .inet,
            prerouting,
            "tcp dport 80 dnat ip to 10.0.0.1:8080",
            .tcpDport(80),
            .dnat(.address(address("10.0.0.1"), ports: 8080...8080), [])
        ),
        Shape(
            .inet,
            prerouting,
            "tcp dport 80 dnat ip6 to [fd00::1]:8080",
            .tcpDport(80),
            .dnat(.address(address("fd00::1"), ports: 8080...8080), [])
        ),
        Shape(
            .inet,
            prerouting,
            "tcp dport 80 dnat ip to 10.0.0.1:80-90 random,persistent",
            .tcpDport(80),
            .dnat(.address(address("10.0.0.1"), ports: 80...90), [.random, .persistent])
        ),
        Shape(
            .inet,
            prerouting,
            "dnat ip to meta l4proto . th dport map @ports",
            .dnat(.map([.metaL4proto, .thDport], ShapeSets(.inet).ports), [])
        ),
        Shape(
            .ip,
            prerouting,
            "dnat ip to meta l4proto . th dport map @ports",
            .dnat(.map([.metaL4proto, .thDport], ShapeSets(.ip).ports), [])
        ),
        Shape(
            .inet,
            prerouting,
            "dnat ip to ip daddr . meta l4proto . th dport map @hostPorts",
            .dnat(.map([.ipDaddr, .metaL4proto, .thDport], ShapeSets(.inet).hostPorts), [])
        ),
        Shape(
            .inet,
            prerouting,
            "dnat ip6 to ip6 daddr . meta l4proto . th dport map @hostPorts6",
            .dnat(.map([.ip6Daddr, .metaL4proto, .thDport], ShapeSets(.inet).hostPorts6), [])
        ),
        Shape(
            .inet,
            prerouting,
            "dnat ip to tcp dport map @backends",
            .dnat(.map([.tcpDport], ShapeSets(.inet).backends), [])
        ),
        Shape(.inet, prerouting, "redirect", .redirect(ports: nil, [])),
        Shape(
            .inet,
            prerouting,
            "tcp dport 80 redirect to :8080",
            .tcpDport(80),
            .redirect(ports: 8080...8080, [])
        ),
    ]
}
