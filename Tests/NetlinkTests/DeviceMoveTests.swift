// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Netlink

@Suite("Requests that move links")
struct DeviceMoveTests {
    @Test("A link goes into another namespace and gets its name there in one message")
    func move() {
        let request = NetlinkRequest.move(link: 9, name: "ens1", to: 7, as: "eth0")
        #expect(request.operation == "move link ens1 into another namespace as eth0")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            08 00 1c 00  | IFLA_NET_NS_FD
                07 00 00 00
            09 00 03 00  | IFLA_IFNAME
                65 74 68 30 00 00 00 00  | eth0
            """
        )
    }

    @Test("A link is renamed by index")
    func rename() {
        let request = NetlinkRequest.rename(link: 9, name: "eth0", to: "ens1")
        #expect(request.operation == "rename link eth0 to ens1")
        expectOctets(
            request,
            """
            2c 00 00 00  | length 44
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            09 00 03 00  | IFLA_IFNAME
                65 6e 73 31 00 00 00 00  | ens1
            """
        )
    }

    @Test("An alias has no end but its own, and an empty one has no octet")
    func alias() {
        expectOctets(
            .setAlias("ab", link: 9, name: "ens1"),
            """
            28 00 00 00  | length 40
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            06 00 14 00  | IFLA_IFALIAS
                61 62 00 00  | ab
            """
        )
        expectOctets(
            .setAlias("", link: 9, name: "ens1"),
            """
            24 00 00 00  | length 36
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            04 00 14 00  | IFLA_IFALIAS
            """
        )
        let long = NetlinkRequest.setAlias(String(repeating: "x", count: 300), link: 9, name: "a")
        #expect(long.octets.count == 36 + 256)
    }
}
