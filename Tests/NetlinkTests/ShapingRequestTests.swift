// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Requests about queues and filters")
struct ShapingRequestTests {
    private static let bucket = TokenBucket(rate: 1_000_000, buffer: 1_562_500, limit: 125_000)

    @Test("An intermediate functional block is made down, with an MTU and no queue of its own")
    func addIntermediateBlock() {
        let request = NetlinkRequest.addIntermediateBlock("bwp0", mtu: 1400)
        #expect(request.operation == "add ifb bwp0")
        expectOctets(
            request,
            """
            48 00 00 00  | length 72
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 00 00 00 00 00 00 00 00  | no index, no flags
            09 00 03 00  | IFLA_IFNAME
                62 77 70 30 00 00 00 00  | bwp0
            08 00 04 00  | IFLA_MTU
                78 05 00 00  | 1400
            08 00 0d 00  | IFLA_TXQLEN
                00 00 00 00  | none
            0c 00 12 80  | IFLA_LINKINFO
              08 00 01 00  | IFLA_INFO_KIND
                  69 66 62 00  | ifb
            """
        )
    }

    @Test("A note is counted, not terminated")
    func setAlias() {
        let request = NetlinkRequest.setAlias("ours", ofLinkNamed: "bwp0")
        #expect(request.operation == "set alias of link bwp0")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 00 00 00 00 00 00 00 00  | no index, no flags
            09 00 03 00  | IFLA_IFNAME
                62 77 70 30 00 00 00 00  | bwp0
            08 00 14 00  | IFLA_IFALIAS
                6f 75 72 73  | ours
            """
        )
    }

    @Test("A token bucket is at the root of a link, under the number 1:")
    func setTokenBucket() {
        let request = NetlinkRequest.setTokenBucket(Self.bucket, link: 9, name: "veth0")
        #expect(request.operation == "add qdisc tbf to veth0")
        expectOctets(
            request,
            """
            58 00 00 00  | length 88
            24 00 01 06  | RTM_NEWQDISC, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00  | link 9
            00 00 01 00  | handle 1:
            ff ff ff ff  | TC_H_ROOT
            00 00 00 00  | no info
            08 00 01 00  | TCA_KIND
                74 62 66 00  | tbf
            2c 00 02 80  | TCA_OPTIONS
              28 00 01 00  | TCA_TBF_PARMS
                  00 00 00 00 00 00 00 00 40 42 0f 00  | rate: 1000000
                  00 00 00 00 00 00 00 00 00 00 00 00  | no peak rate
                  48 e8 01 00  | limit 125000
                  84 d7 17 00  | buffer 1562500
                  00 00 00 00  | no mtu
            """
        )
    }

    @Test("A rate beyond 32 bits has an attribute of its own, and so has a burst that is over in no time")
    func setFastTokenBucket() {
        var fast = Self.bucket
        fast.rate = 5_000_000_000
        fast.burst = 3000
        expectOctets(
            NetlinkRequest.setTokenBucket(fast, link: 9, name: "veth0", replaces: true),
            """
            6c 00 00 00  | length 108
            24 00 01 05  | RTM_NEWQDISC, NLM_F_REQUEST | CREATE | REPLACE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00  | link 9
            00 00 01 00  | handle 1:
            ff ff ff ff  | TC_H_ROOT
            00 00 00 00  | no info
            08 00 01 00  | TCA_KIND
                74 62 66 00  | tbf
            40 00 02 80  | TCA_OPTIONS
              28 00 01 00  | TCA_TBF_PARMS
                  00 00 00 00 00 00 00 00 ff ff ff ff  | rate: see below
                  00 00 00 00 00 00 00 00 00 00 00 00  | no peak rate
                  48 e8 01 00  | limit 125000
                  84 d7 17 00  | buffer 1562500
                  00 00 00 00  | no mtu
              0c 00 04 00  | TCA_TBF_RATE64
                  00 f2 05 2a 01 00 00 00  | 5000000000
              08 00 06 00  | TCA_TBF_BURST
                  b8 0b 00 00  | 3000
            """
        )
    }

    @Test(
        "A place for filters is ffff:",
        arguments: [(false, "69 6e 67 72 65 73 73 00"), (true, "63 6c 73 61 63 74 00 00")]
    )
    func addFilterHook(bothWays: Bool, kind: String) {
        let request = NetlinkRequest.addFilterHook(bothWays: bothWays, link: 9, name: "veth0")
        #expect(request.operation == "add qdisc \(bothWays ? "clsact" : "ingress") to veth0")
        expectOctets(
            request,
            """
            30 00 00 00  | length 48
            24 00 01 06  | RTM_NEWQDISC, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00  | link 9
            00 00 ff ff  | handle ffff:
            f1 ff ff ff  | TC_H_INGRESS
            00 00 00 00  | no info
            \(bothWays ? "0b" : "0c") 00 01 00  | TCA_KIND
                \(kind)
            """
        )
    }

    @Test("What is removed is named by place, number and kind, so that nobody else's is")
    func deleteDiscipline() {
        let discipline = QueueingDiscipline(kind: "tbf", handle: QueueingDiscipline.tokenBucketHandle)
        let request = NetlinkRequest.deleteDiscipline(discipline, .root, link: 9, name: "veth0")
        #expect(request.operation == "delete qdisc tbf from veth0")
        expectOctets(
            request,
            """
            2c 00 00 00  | length 44
            25 00 01 00  | RTM_DELQDISC, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00  | link 9
            00 00 01 00  | handle 1:
            ff ff ff ff  | TC_H_ROOT
            00 00 00 00  | no info
            08 00 01 00  | TCA_KIND
                74 62 66 00  | tbf
            """
        )
    }

    @Test("A filter for everything redirects all protocols to another link")
    func redirectEverything() {
        let filter = TrafficFilter.everything(.received, priority: 1, .redirect(to: 12))
        let request = NetlinkRequest.addFilter(filter, bothWays: false, link: 9, name: "veth0")
        #expect(request.operation == "add filter to veth0")
        expectOctets(
            request,
            """
            94 00 00 00  | length 148
            2c 00 01 06  | RTM_NEWTFILTER, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00  | link 9
            00 00 00 00  | handle: the kernel's choice
            00 00 ff ff  | parent ffff:
            00 03 01 00  | ETH_P_ALL in network order, priority 1
            08 00 01 00  | TCA_KIND
                75 33 32 00  | u32
            68 00 02 80  | TCA_OPTIONS
              08 00 01 00  | TCA_U32_CLASSID
                  01 00 01 00  | 1:1
              24 00 05 00  | TCA_U32_SEL
                  01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00  | terminal, one key
                  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | no bit of nothing at 0
              38 00 07 80  | TCA_U32_ACT
                34 00 01 80  | the first action
                  0b 00 01 00  | TCA_ACT_KIND
                      6d 69 72 72 65 64 00 00  | mirred
                  24 00 02 80  | TCA_ACT_OPTIONS
                    20 00 02 00  | TCA_MIRRED_PARMS
                        00 00 00 00 00 00 00 00  | index, capabilities
                        04 00 00 00  | TC_ACT_STOLEN
                        00 00 00 00 00 00 00 00  | counts
                        01 00 00 00  | TCA_EGRESS_REDIR
                        0c 00 00 00  | link 12
            """
        )
    }

    @Test("A filter that exempts an IPv6 network compares as many words as the prefix has, and has no action")
    func exemptNetwork() throws {
        let network = try #require(CIDR("2001:db8:8000::1/33"))
        let filter = TrafficFilter.packets(.sent, .source, in: network, priority: 12, .pass)
        expectOctets(
            NetlinkRequest.addFilter(filter, bothWays: true, link: 9, name: "veth0"),
            """
            6c 00 00 00  | length 108
            2c 00 01 06  | RTM_NEWTFILTER, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00  | link 9
            00 00 00 00  | handle: the kernel's choice
            f3 ff ff ff  | parent ffff:fff3, what the link sends
            86 dd 0c 00  | ETH_P_IPV6 in network order, priority 12
            08 00 01 00  | TCA_KIND
                75 33 32 00  | u32
            40 00 02 80  | TCA_OPTIONS
              08 00 01 00  | TCA_U32_CLASSID
                  01 00 01 00  | 1:1
              34 00 05 00  | TCA_U32_SEL
                  01 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00  | terminal, two keys
                  ff ff ff ff 20 01 0d b8 08 00 00 00 00 00 00 00  | 2001:db8 at 8
                  80 00 00 00 80 00 00 00 0c 00 00 00 00 00 00 00  | one bit at 12
            """
        )
    }

    @Test(
        "Keys of a network cover its prefix, in the source or the destination",
        arguments: [
            (
                "10.1.2.3/24", TrafficFilter.End.source,
                [TrafficFilter.Key(mask: 0xffff_ff00, value: 0x0a01_0200, offset: 12)]
            ),
            ("10.1.2.3/32", .destination, [.init(mask: 0xffff_ffff, value: 0x0a01_0203, offset: 16)]),
            ("0.0.0.0/0", .destination, [.init(mask: 0, value: 0, offset: 16)]),
            ("::/0", .source, [.init(mask: 0, value: 0, offset: 8)]),
            ("fd00::/8", .destination, [.init(mask: 0xff00_0000, value: 0xfd00_0000, offset: 24)]),
            ("fd00::/32", .source, [.init(mask: 0xffff_ffff, value: 0xfd00_0000, offset: 8)]),
            (
                "fd00::1/128", .destination,
                [
                    .init(mask: 0xffff_ffff, value: 0xfd00_0000, offset: 24),
                    .init(mask: 0xffff_ffff, value: 0, offset: 28),
                    .init(mask: 0xffff_ffff, value: 0, offset: 32),
                    .init(mask: 0xffff_ffff, value: 1, offset: 36),
                ]
            ),
        ]
    )
    func keys(text: String, end: TrafficFilter.End, expected: [TrafficFilter.Key]) throws {
        let network = try #require(CIDR(text))
        let filter = TrafficFilter.packets(.received, end, in: network, priority: 1, .pass)
        #expect(filter.keys == expected)
        #expect(filter.ethernetType == (network.family == .v4 ? 0x0800 : 0x86dd))
    }
}
