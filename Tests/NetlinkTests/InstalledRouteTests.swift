// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Testing

@testable import Netlink

@Suite("Routes as the kernel tells them")
struct InstalledRouteTests {
    /// `203.0.113.0/24 via 10.1.2.1 dev 9 onlink`, with MTU 1300, dead, of a shared next hop.
    private static let text = """
        02 18 00 00 fe 03 00 01 05 00 00 00  | AF_INET /24, main, RTPROT_BOOT, unicast, RTNH_F_DEAD | ONLINK
        08 00 0f 00 fe 00 00 00  | RTA_TABLE
        08 00 01 00 cb 00 71 00  | RTA_DST
        08 00 07 00 0a 01 02 03  | RTA_PREFSRC
        0c 00 08 80 08 00 02 00 14 05 00 00  | RTA_METRICS, nested: RTAX_MTU 1300
        08 00 05 00 0a 01 02 01  | RTA_GATEWAY
        08 00 04 00 09 00 00 00  | RTA_OIF
        08 00 1e 00 01 00 00 00  | RTA_NH_ID
        """

    @Test("What it says can be read")
    func read() throws {
        let route = try #require(InstalledRoute(reply(RTM_NEWROUTE, Self.text), .v4))
        #expect("\(route)" == "route to 203.0.113.0/24 via 10.1.2.1")
        #expect((route.table, route.link, route.priority, route.endsOnLink) == (254, 9, 0, false))
        #expect(route.preferredSource == IPAddress("10.1.2.3"))
        #expect(InstalledRoute(reply(RTM_NEWROUTE, Self.text), .v6) == nil)
    }

    @Test("A copy has all of it but states and the number of the next hop, and another table")
    func copy() throws {
        let route = try #require(InstalledRoute(reply(RTM_NEWROUTE, Self.text), .v4))
        expectOctets(
            .add(route, table: 1000),
            """
            50 00 00 00  | length 80
            18 00 01 0c  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE | APPEND
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 18 00 00 00 03 00 01 04 00 00 00  | RT_TABLE_UNSPEC, RTNH_F_ONLINK
            08 00 01 00 cb 00 71 00  | RTA_DST
            08 00 07 00 0a 01 02 03  | RTA_PREFSRC
            0c 00 08 80 08 00 02 00 14 05 00 00  | RTA_METRICS
            08 00 05 00 0a 01 02 01  | RTA_GATEWAY
            08 00 04 00 09 00 00 00  | RTA_OIF
            08 00 0f 00 e8 03 00 00  | RTA_TABLE
            """
        )
        #expect(
            NetlinkRequest.add(route, table: 100).operation == "add route to 203.0.113.0/24 via 10.1.2.1 to table 100"
        )
    }

    @Test("Another source replaces its own")
    func hint() throws {
        let route = try #require(InstalledRoute(reply(RTM_NEWROUTE, Self.text), .v4))
        let address = try #require(IPAddress("10.1.2.9"))
        let request = NetlinkRequest.add(route, table: 254, preferredSource: address, rivals: .go)
        let read = try #require(
            InstalledRoute(
                NetlinkReply(type: Int(RTM_NEWROUTE), flags: 0, sequence: 1, payload: request.octets[16...]),
                .v4
            )
        )
        #expect(read.preferredSource == address)
        #expect(request.octets[6] == 0x01 && request.octets[7] == 0x05)
    }

    @Test("A damaged answer is no reason to trap, and neither is its copy")
    func damage() {
        for damaged in damaged(reply(RTM_NEWROUTE, Self.text)) {
            guard let route = InstalledRoute(damaged, .v4) else { continue }
            _ = NetlinkRequest.add(route, table: 1000)
            _ = NetlinkRequest.delete(route, table: 254)
        }
    }
}
