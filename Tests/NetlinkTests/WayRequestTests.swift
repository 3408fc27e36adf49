// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Netlink

@Suite("Requests for packets' ways")
struct WayRequestTests {
    @Test("Packets of 127.0.0.0/8 are let through by a message to the link")
    func routeLocalnet() {
        let request = NetlinkRequest.setRouteLocalnet(link: 9)
        #expect(request.operation == "set route_localnet of link 9")
        expectOctets(
            request,
            """
            34 00 00 00 13 00 01 00 00 00 00 00 00 00 00 00  | RTM_SETLINK
            00 00 00 00 09 00 00 00 00 00 00 00 00 00 00 00  | ifinfomsg: index 9
            14 00 1a 80  | IFLA_AF_SPEC
              10 00 02 80  | AF_INET
                0c 00 01 80  | IFLA_INET_CONF
                  08 00 1a 00 01 00 00 00  | IPV4_DEVCONF_ROUTE_LOCALNET
            """
        )
    }

    @Test("Isolating a port says nothing else of it")
    func isolation() {
        let request = NetlinkRequest.isolatePort(9, name: "veth0")
        #expect(request.operation == "isolate port veth0")
        expectOctets(
            request,
            """
            2c 00 00 00 13 00 01 00 00 00 00 00 00 00 00 00  | RTM_SETLINK
            07 00 00 00 09 00 00 00 00 00 00 00 00 00 00 00  | ifinfomsg: AF_BRIDGE, index 9
            0c 00 0c 80  | IFLA_PROTINFO
              05 00 21 00 01 00 00 00  | IFLA_BRPORT_ISOLATED
            """
        )
    }
}
