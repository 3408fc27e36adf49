// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

private func cidr(_ text: String) -> CIDR {
    CIDR(text) ?? CIDR.host(IPAddress(v4: 0))
}

private func ip(_ text: String) -> IPAddress? {
    IPAddress(text)
}

@Suite("Requests about routes")
struct RouteRequestTests {
    @Test("An IPv4 route without gateway leads to the link itself")
    func onLink() {
        let request = NetlinkRequest.addRoute(Route(destination: cidr("10.9.0.0/16")), through: 9, name: "eth0")
        #expect(request.operation == "add route to 10.9.0.0/16 through eth0")
        expectOctets(
            request,
            """
            2c 00 00 00  | length 44
            18 00 01 04  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 10 00 00  | AF_INET, destination /16, any source, any TOS
            fe 03 fd 01  | RT_TABLE_MAIN, RTPROT_BOOT, scope link, RTN_UNICAST
            00 00 00 00  | no flags
            08 00 01 00  | RTA_DST
                0a 09 00 00  | 10.9.0.0
            08 00 04 00  | RTA_OIF
                09 00 00 00  | index 9
            """
        )
    }

    @Test("A default route has no destination")
    func defaultRoute() {
        let request = NetlinkRequest.addRoute(
            Route(destination: cidr("0.0.0.0/0"), gateway: ip("10.1.2.1")),
            through: 9,
            name: "eth0"
        )
        #expect(request.operation == "add route to 0.0.0.0/0 via 10.1.2.1 through eth0")
        expectOctets(
            request,
            """
            2c 00 00 00  | length 44
            18 00 01 04  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 00 00 00  | AF_INET, destination /0, any source, any TOS
            fe 03 00 01  | RT_TABLE_MAIN, RTPROT_BOOT, scope global, RTN_UNICAST
            00 00 00 00  | no flags
            08 00 05 00  | RTA_GATEWAY
                0a 01 02 01  | 10.1.2.1
            08 00 04 00  | RTA_OIF
                09 00 00 00  | index 9
            """
        )
    }

    @Test("An IPv6 route without gateway has the global scope")
    func v6OnLink() {
        let request = NetlinkRequest.addRoute(Route(destination: cidr("fd01::/64")), through: 9, name: "eth0")
        #expect(request.operation == "add route to fd01::/64 through eth0")
        expectOctets(
            request,
            """
            38 00 00 00  | length 56
            18 00 01 04  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            0a 40 00 00  | AF_INET6, destination /64, any source, any TOS
            fe 03 00 01  | RT_TABLE_MAIN, RTPROT_BOOT, scope global, RTN_UNICAST
            00 00 00 00  | no flags
            14 00 01 00  | RTA_DST
                fd 01 00 00 00 00 00 00  | fd01::
                00 00 00 00 00 00 00 00
            08 00 04 00  | RTA_OIF
                09 00 00 00  | index 9
            """
        )
    }

    @Test("Host bits of the destination are left out")
    func hostBits() {
        let request = NetlinkRequest.addRoute(
            Route(destination: cidr("10.9.8.7/16"), gateway: ip("10.1.2.1")),
            through: 9,
            name: "eth0"
        )
        #expect(request.operation == "add route to 10.9.8.7/16 via 10.1.2.1 through eth0")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            18 00 01 04  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 10 00 00  | AF_INET, destination /16, any source, any TOS
            fe 03 00 01  | RT_TABLE_MAIN, RTPROT_BOOT, scope global, RTN_UNICAST
            00 00 00 00  | no flags
            08 00 01 00  | RTA_DST
                0a 09 00 00  | 10.9.0.0
            08 00 05 00  | RTA_GATEWAY
                0a 01 02 01  | 10.1.2.1
            08 00 04 00  | RTA_OIF
                09 00 00 00  | index 9
            """
        )
    }

    @Test("Everything a route can say is said, and a table beyond 255 in an attribute")
    func everything() {
        var route = Route(destination: cidr("10.9.0.0/16"), gateway: ip("10.7.7.7"))
        route.isOnLink = true
        route.priority = 100
        route.table = 1000
        route.scope = 0
        route.mtu = 1300
        route.advertisedSegmentSize = 1260
        let request = NetlinkRequest.addRoute(route, through: 9, name: "eth0")
        #expect(request.operation == "add route to 10.9.0.0/16 via 10.7.7.7 through eth0")
        expectOctets(
            request,
            """
            58 00 00 00  | length 88
            18 00 01 04  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            02 10 00 00  | AF_INET, destination /16, any source, any TOS
            00 03 00 01  | RT_TABLE_UNSPEC, RTPROT_BOOT, scope global, RTN_UNICAST
            04 00 00 00  | RTNH_F_ONLINK
            08 00 01 00  | RTA_DST
                0a 09 00 00  | 10.9.0.0
            08 00 05 00  | RTA_GATEWAY
                0a 07 07 07  | 10.7.7.7
            08 00 04 00  | RTA_OIF
                09 00 00 00  | index 9
            08 00 06 00  | RTA_PRIORITY
                64 00 00 00  | 100
            08 00 0f 00  | RTA_TABLE
                e8 03 00 00  | 1000
            14 00 08 80  | RTA_METRICS
              08 00 02 00  | RTAX_MTU
                  14 05 00 00  | 1300
              08 00 08 00  | RTAX_ADVMSS
                  ec 04 00 00  | 1260
            """
        )
    }

    @Test("A small table fits the header, and one metric comes alone")
    func oneMetric() {
        var route = Route(destination: cidr("fd01::/64"), gateway: ip("fe80::1"))
        route.table = 255
        route.scope = 254
        route.advertisedSegmentSize = 1220
        let request = NetlinkRequest.addRoute(route, through: 9, name: "eth0")
        #expect(request.operation == "add route to fd01::/64 via fe80::1 through eth0")
        expectOctets(
            request,
            """
            58 00 00 00  | length 88
            18 00 01 04  | RTM_NEWROUTE, NLM_F_REQUEST | CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            0a 40 00 00  | AF_INET6, destination /64, any source, any TOS
            ff 03 fe 01  | table 255, RTPROT_BOOT, scope host, RTN_UNICAST
            00 00 00 00  | no flags
            14 00 01 00  | RTA_DST
                fd 01 00 00 00 00 00 00  | fd01::
                00 00 00 00 00 00 00 00
            14 00 05 00  | RTA_GATEWAY
                fe 80 00 00 00 00 00 00  | fe80::1
                00 00 00 00 00 00 00 01
            08 00 04 00  | RTA_OIF
                09 00 00 00  | index 9
            0c 00 08 80  | RTA_METRICS
              08 00 08 00  | RTAX_ADVMSS
                  c4 04 00 00  | 1220
            """
        )
    }
}
