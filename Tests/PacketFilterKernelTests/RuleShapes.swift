// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter

extension Shape {
    private static func address(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }

    private static func network(_ text: String) -> Datum {
        guard let network = CIDR(text) else { preconditionFailure("\(text) is no network") }
        return .network(network)
    }

    private static func host(_ text: String) -> Datum { .address(address(text)) }

    private static func station(_ text: String) -> Datum {
        guard let address = MACAddress(text) else { preconditionFailure("\(text) is no address") }
        return .ether(address)
    }

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
    ]

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

    static let actions: [Shape] = [
        Shape(.inet, "accept", .accept),
        Shape(.inet, "return", .return),
        Shape(.inet, "continue", .verdict(.continue)),
        Shape(.inet, "jump other", .jump("other")),
        Shape(.inet, "goto other", .goto("other")),
        Shape(.inet, "iifname \"lo\" counter packets 0 bytes 0 accept", .iifname("lo"), .counter, .accept),
        Shape(.inet, "limit rate 10/second", .limit(Limit(10, per: .second))),
        Shape(
            .inet,
            "limit rate over 10/minute burst 50 packets drop",
            .limit(Limit(10, per: .minute, burst: 50, isInverted: true)),
            .drop
        ),
        Shape(
            .inet,
            "limit rate over 1 mbytes/hour burst 5 kbytes drop",
            .limit(Limit(1 << 20, per: .hour, burst: 5120, countsBytes: true, isInverted: true)),
            .drop
        ),
        Shape(.inet, "log prefix \"abc: \"", .log(Log(prefix: "abc: "))),
        Shape(.inet, "log", .log(Log())),
        Shape(.inet, "log prefix \"abc: \" level info", .log(Log(prefix: "abc: ", level: 6))),
        Shape(.inet, "log flags tcp sequence,options", .log(Log(flags: 3))),
        Shape(.inet, "log prefix \"abc\" group 5", .log(Log(prefix: "abc", group: 5))),
        Shape(.inet, "reject", .reject(.icmpx(code: 1))),
        Shape(.inet, "reject with icmpx admin-prohibited", .reject(.icmpx(code: 3))),
        Shape(.inet, "reject with icmp host-unreachable", .reject(.icmp(.v4, code: 1))),
        Shape(.inet, "reject with icmpv6 admin-prohibited", .reject(.icmp(.v6, code: 1))),
        Shape(.ip, "reject", .reject(.icmp(.v4, code: 3))),
        Shape(.inet, "meta l4proto tcp reject with tcp reset", .reject(.tcpReset)),
        Shape(.inet, "tcp dport 80 reject with tcp reset", .tcpDport(80), .reject(.tcpReset)),
        Shape(.inet, "ct count over 5 drop", .connectionLimit(5, isInverted: true), .drop),
        Shape(.inet, "ct count 5 accept", .connectionLimit(5, isInverted: false), .accept),
        Shape(.inet, "quota 10 mbytes", .quota(10 << 20, isInverted: false)),
        Shape(.inet, "quota over 100 bytes drop", .quota(100, isInverted: true), .drop),
        Shape(.inet, raw, "notrack", .notrack),
    ]
}
