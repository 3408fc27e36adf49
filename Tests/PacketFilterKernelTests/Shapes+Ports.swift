// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    static let ports: [Shape] = [
        Shape(.inet, "tcp dport 80 drop", .tcpDport(80), .drop),
        Shape(.ip, "udp sport 53 drop", .match(.udpSport, .port(53)), .drop),
        Shape(.inet, "sctp dport 5000 drop", .match(.sctpDport, .port(5000)), .drop),
        Shape(.inet, "tcp dport != 80 drop", .mismatch(.tcpDport, .port(80)), .drop),
        Shape(.inet, "tcp dport 80-90 drop", .match(.tcpDport, .ports(80...90)), .drop),
        Shape(.inet, "tcp dport 80-81 drop", .match(.tcpDport, .ports(80...81)), .drop),
        Shape(.inet, "udp dport != 80-90 drop", .mismatch(.udpDport, .ports(80...90)), .drop),
        Shape(.inet, "th dport 80 drop", .match(.thDport, .port(80)), .drop),
        Shape(
            .inet,
            "tcp dport { 80, 443 } drop",
            .member([.tcpDport], .literal([SetElement(.port(80)), SetElement(.port(443))])),
            .drop
        ),
        Shape(
            .inet,
            "tcp dport != { 80, 443 } drop",
            .nonmember([.tcpDport], .literal([SetElement(.port(80)), SetElement(.port(443))])),
            .drop
        ),
        Shape(
            .inet,
            "tcp dport { 80-90, 443 } drop",
            .member(
                [.tcpDport],
                .literal([SetElement(.port(80)), SetElement(.ports(81...90)), SetElement(.port(443))])
            ),
            .drop
        ),
        Shape(
            .inet,
            "tcp dport { 0-1023, 65000-65535 } drop",
            .member([.tcpDport], .literal([SetElement(.ports(65000...65535)), SetElement(.ports(0...1023))])),
            .drop
        ),
        Shape(
            .inet,
            "tcp dport vmap { 80 : drop, 81-90 : accept, 443 : jump other }",
            .verdictMap(
                [.tcpDport],
                .literal([
                    SetElement(key: [.port(80)], verdict: .drop),
                    SetElement(key: [.ports(81...90)], verdict: .accept),
                    SetElement(key: [.port(443)], verdict: .jump("other")),
                ])
            )
        ),
        Shape(
            .inet,
            "meta l4proto . th dport { tcp . 80, udp . 90 } drop",
            .member(
                [.metaL4proto, .thDport],
                .literal([SetElement(.proto(.tcp), .port(80)), SetElement(.proto(.udp), .port(90))])
            ),
            .drop
        ),
        Shape(
            .inet,
            "meta l4proto . th dport vmap { tcp . 80 : drop, udp . 90 : goto other }",
            .verdictMap(
                [.metaL4proto, .thDport],
                .literal([
                    SetElement(key: [.proto(.tcp), .port(80)], verdict: .drop),
                    SetElement(key: [.proto(.udp), .port(90)], verdict: .goto("other")),
                ])
            )
        ),
        Shape(.inet, "meta l4proto tcp drop", .l4proto(.tcp), .drop),
        Shape(.inet, "meta l4proto != sctp drop", .mismatch(.metaL4proto, .proto(.sctp)), .drop),
        Shape(
            .inet,
            "meta l4proto { tcp, udp } th dport 80 drop",
            .member([.metaL4proto], .literal([SetElement(.proto(.tcp)), SetElement(.proto(.udp))])),
            .match(.thDport, .port(80)),
            .drop
        ),
        Shape(
            .inet,
            "ip saddr 10.0.0.1 tcp dport 80 ip daddr 10.0.0.2 drop",
            .match(.ipSaddr, host("10.0.0.1")),
            .tcpDport(80),
            .match(.ipDaddr, host("10.0.0.2")),
            .drop
        ),
        Shape(.inet, "tcp dport 80 drop", .l4proto(.tcp), .tcpDport(80), .drop),
        Shape(.inet, "meta nfproto ipv4 drop", .match(.metaNfproto, .nfproto(.v4)), .drop),
        Shape(
            .inet,
            "ip saddr 10.0.0.1 drop",
            .match(.metaNfproto, .nfproto(.v4)),
            .match(.ipSaddr, host("10.0.0.1")),
            .drop
        ),
        Shape(.ip, "ip protocol tcp drop", .match(.ipProtocol, .proto(.tcp)), .drop),
        Shape(.inet, "icmp type echo-request drop", .match(.icmpType, .octet(8)), .drop),
        Shape(.ip, "icmp type echo-request drop", .match(.icmpType, .octet(8)), .drop),
        Shape(.inet, "icmpv6 type nd-neighbor-advert drop", .match(.icmpv6Type, .octet(136)), .drop),
        Shape(.bridge, "icmpv6 type nd-neighbor-advert drop", .match(.icmpv6Type, .octet(136)), .drop),
        Shape(.bridge, "udp sport 67 drop", .match(.udpSport, .port(67)), .drop),
    ]
}
