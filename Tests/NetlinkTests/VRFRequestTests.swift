// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Testing

@testable import Netlink

@Suite("What a link keeps on its way into a VRF")
struct VRFRequestTests {
    /// `fd78::2/64 dev 9 valid_lft 100 preferred_lft 50 noprefixroute`, deprecated.
    private static func address(flags: String) -> NetlinkReply {
        reply(
            RTM_NEWADDR,
            """
            0a 40 80 00 09 00 00 00  | AF_INET6 /64, IFA_F_PERMANENT, global, index 9
            14 00 01 00 fd 78 00 00 00 00 00 00 00 00 00 00 00 00 00 02  | IFA_ADDRESS
            14 00 06 00 32 00 00 00 64 00 00 00 01 00 00 00 02 00 00 00  | IFA_CACHEINFO: 50, 100, made, changed
            08 00 08 00 \(flags)  | IFA_FLAGS
            """
        )
    }

    @Test(
        "An address comes back with its lifetimes and what may be said; only what was proved is not proved again",
        arguments: [
            // IFA_F_NOPREFIXROUTE | PERMANENT | DEPRECATED, and with IFA_F_TENTATIVE.
            ("a0 02 00 00", "02 02 00 00", false), ("e0 02 00 00", "00 02 00 00", true),
        ]
    )
    func address(told: String, asked: String, isTentative: Bool) throws {
        let address = try #require(InstalledAddress(Self.address(flags: told)))
        #expect((address.address, address.link, address.isTentative) == (CIDR("fd78::2/64"), 9, isTentative))
        expectOctets(
            .add(address),
            """
            48 00 00 00  | length 72
            14 00 01 06  | RTM_NEWADDR, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            0a 40 00 00 09 00 00 00  | AF_INET6 /64, global, index 9
            14 00 01 00 fd 78 00 00 00 00 00 00 00 00 00 00 00 00 00 02  | IFA_ADDRESS
            14 00 06 00 32 00 00 00 64 00 00 00 01 00 00 00 02 00 00 00  | IFA_CACHEINFO
            08 00 08 00 \(asked)  | IFA_FLAGS
            """
        )
    }

    @Test("Addresses of IPv4 stay by themselves, and damaged ones are no reason to trap")
    func others() {
        let text = "02 18 80 00 09 00 00 00\n08 00 02 00 0a 01 02 03  | IFA_LOCAL"
        #expect(InstalledAddress(reply(RTM_NEWADDR, text)) == nil)
        for broken in damaged(Self.address(flags: "80 02 00 00")) {
            if let address = InstalledAddress(broken) { #expect(NetlinkRequest.add(address).octets.count >= 24) }
        }
    }

    /// `203.0.113.0/24 nexthop via 10.1.2.1 dev 9 dead onlink nexthop via 10.1.2.2 dev 7 linkdown`.
    private static let ways = """
        02 18 00 00 fe 03 00 01 00 00 00 00  | AF_INET /24, main, RTPROT_BOOT, unicast
        08 00 01 00 cb 00 71 00  | RTA_DST
        24 00 09 00  | RTA_MULTIPATH
            10 00 05 00 09 00 00 00 08 00 05 00 0a 01 02 01  | 16 octets, RTNH_F_DEAD | ONLINK, 9, RTA_GATEWAY
            10 00 10 03 07 00 00 00 08 00 05 00 0a 01 02 02  | 16 octets, RTNH_F_LINKDOWN, weight 4, 7, RTA_GATEWAY
        """

    @Test("A route over several gateways has the links of all, and is copied without their states")
    func multipath() throws {
        let route = try #require(InstalledRoute(reply(RTM_NEWROUTE, Self.ways), .v4))
        #expect((route.link, route.links, route.isUnicast, route.isOfKernel) == (nil, [7, 9], true, false))
        expectOctets(
            .add(route, table: 1000),
            """
            50 00 00 00  | length 80
            18 00 01 0c  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE | APPEND
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 18 00 00 00 03 00 01 00 00 00 00  | RT_TABLE_UNSPEC
            08 00 01 00 cb 00 71 00  | RTA_DST
            24 00 09 00  | RTA_MULTIPATH
                10 00 04 00 09 00 00 00 08 00 05 00 0a 01 02 01  | RTNH_F_ONLINK
                10 00 00 03 07 00 00 00 08 00 05 00 0a 01 02 02  | no state
            08 00 0f 00 e8 03 00 00  | RTA_TABLE
            """
        )
        for broken in damaged(reply(RTM_NEWROUTE, Self.ways)) {
            guard let route = InstalledRoute(broken, .v4) else { continue }
            #expect(NetlinkRequest.add(route, table: 1000).octets.count >= 28)
        }
    }

    @Test("A link joins a VRF, and leaves it for none")
    func membership() throws {
        let text = "00 00 01 00 09 00 00 00 01 00 00 00 00 00 00 00\n08 00 03 00 72 65 64 00  | IFLA_IFNAME red"
        let link = try #require(Link(reply(RTM_NEWLINK, text)))
        let joining = NetlinkRequest.join(vrf: link, link: link)
        #expect(joining.operation == "put link red into VRF red")
        expectOctets(
            joining,
            """
            28 00 00 00  | length 40
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            08 00 0a 00 09 00 00 00  | IFLA_MASTER 9
            """
        )
        #expect(Array(NetlinkRequest.leaveVRF(link: link).octets.suffix(8)) == [8, 0, 10, 0, 0, 0, 0, 0])
    }
}
