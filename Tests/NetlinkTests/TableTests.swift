// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Assigned addresses")
struct AssignedAddressTests {
    private static let pointToPoint = reply(
        20,
        """
        02 18 80 00 09 00 00 00  | AF_INET, /24, IFA_F_PERMANENT, scope global, index 9
        08 00 01 00 0a 01 02 09  | IFA_ADDRESS: the peer's, 10.1.2.9
        08 00 02 00 0a 01 02 03  | IFA_LOCAL: 10.1.2.3
        08 00 04 00 0a 01 02 ff  | IFA_BROADCAST: 10.1.2.255
        """
    )

    @Test("The local address counts, with the prefix of the header")
    func local() throws {
        let address = try #require(AssignedAddress(Self.pointToPoint))
        #expect("\(address.address)" == "10.1.2.3/24")
        #expect(address.link == 9)
        #expect(!address.isLinkLocal)
    }

    @Test("An IPv6 address comes without a local one, and says whether it is good on its link only")
    func v6() throws {
        let address = try #require(
            AssignedAddress(
                reply(
                    20,
                    """
                    0a 40 80 fd 09 00 00 00  | AF_INET6, /64, IFA_F_PERMANENT, scope link, index 9
                    14 00 01 00 fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 05  | IFA_ADDRESS: fe80::5
                    """
                )
            )
        )
        #expect("\(address.address)" == "fe80::5/64")
        #expect(address.isLinkLocal)
    }

    @Test(
        "What is no address of ours to read is passed over",
        arguments: [
            (21, "02 18 80 00 09 00 00 00 08 00 02 00 0a 01 02 03"), (20, "02 18 80 00 09 00 00 00"),
            (20, "02 21 80 00 09 00 00 00 08 00 02 00 0a 01 02 03"),
            (20, "02 18 80 00 09 00 00 00 07 00 02 00 0a 01 02"),
        ]
    )
    func others(type: Int, payload: String) {
        #expect(AssignedAddress(reply(type, payload)) == nil)
    }

    @Test("A damaged reply stops nobody, and none that lacks its address yields one")
    func damage() {
        for (index, reply) in damaged(Self.pointToPoint).enumerated() {
            let address = AssignedAddress(reply)
            #expect(address == nil || reply.payload.count >= 16, "variant \(index)")
        }
    }
}

@Suite("Routes")
struct RouteTests {
    private static let everything = reply(
        24,
        """
        02 10 00 00 fc 03 00 01 00 00 00 00  | AF_INET, /16, RT_TABLE_COMPAT, RTPROT_BOOT, scope global, RTN_UNICAST
        08 00 0f 00 e8 03 00 00  | RTA_TABLE: 1000
        08 00 01 00 0a 09 00 00  | RTA_DST: 10.9.0.0
        08 00 06 00 64 00 00 00  | RTA_PRIORITY: 100
        14 00 08 00  | RTA_METRICS
          08 00 02 00 14 05 00 00  | RTAX_MTU: 1300
          08 00 08 00 ec 04 00 00  | RTAX_ADVMSS: 1260
        08 00 05 00 0a 01 02 01  | RTA_GATEWAY: 10.1.2.1
        08 00 04 00 09 00 00 00  | RTA_OIF: 9
        """
    )

    @Test("Everything the kernel says of a route is read")
    func read() throws {
        let route = try #require(Route(Self.everything))
        #expect("\(route.destination)" == "10.9.0.0/16")
        #expect(route.gateway == IPAddress(v4: 0x0a01_0201))
        #expect(route.priority == 100)
        #expect(route.table == 1000)
        #expect(route.scope == 0)
        #expect(route.mtu == 1300)
        #expect(route.advertisedSegmentSize == 1260)
    }

    @Test(
        "A route without a destination is the default route of its family",
        arguments: [(2, "0.0.0.0/0"), (10, "::/0")]
    )
    func defaultRoute(family: Int, expected: String) throws {
        let route = try #require(Route(reply(24, "0\(String(family, radix: 16)) 00 00 00 fe 03 fd 01 00 00 00 00")))
        #expect("\(route.destination)" == expected)
        #expect(route.gateway == nil)
        #expect(route.table == 254)
        #expect(route.scope == 253)
        #expect(route.priority == 0 && route.mtu == 0 && route.advertisedSegmentSize == 0)
    }

    @Test(
        "Routes of the local table, of other types and other messages are passed over",
        arguments: [
            (24, "02 20 00 00 ff 02 fe 02 00 00 00 00 08 00 01 00 0a 01 02 03"),
            (24, "02 20 00 00 ff 02 fe 01 00 00 00 00 08 00 01 00 0a 01 02 03"),
            (24, "02 20 00 00 fc 02 fe 01 00 00 00 00 08 00 0f 00 ff 00 00 00 08 00 01 00 0a 01 02 03"),
            (24, "02 10 00 00 fe 03 00 07 00 00 00 00 08 00 01 00 0a 09 00 00"),
            (25, "02 00 00 00 fe 03 00 01 00 00 00 00"), (24, "02 00 00 00 fe 03 00 01 00 00 00"),
            (24, "02 21 00 00 fe 03 00 01 00 00 00 00"),
        ]
    )
    func others(type: Int, payload: String) {
        #expect(Route(reply(type, payload)) == nil)
    }

    @Test("A damaged reply stops nobody, and none without its header yields a route")
    func damage() {
        for (index, reply) in damaged(Self.everything).enumerated() {
            let route = Route(reply)
            #expect(route == nil || reply.payload.count >= 12, "variant \(index)")
        }
    }
}
