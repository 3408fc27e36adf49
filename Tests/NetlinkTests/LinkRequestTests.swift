// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

private let pair = VethPair(
    host: VethPair.End(name: "veth0", address: address5),
    container: VethPair.End(name: "eth0", address: address6),
    mtu: 1400
)

@Suite("Requests about links")
struct LinkRequestTests {
    @Test("A link is asked for by name, without its counters")
    func queryByName() {
        let request = NetlinkRequest.linkQuery("find link eth0", name: "eth0", index: 0)
        #expect(request.operation == "find link eth0")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            12 00 01 00  | RTM_GETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 00 00 00 00 00 00 00 00  | no index, no flags
            09 00 03 00  | IFLA_IFNAME
                65 74 68 30 00 00 00 00  | eth0
            08 00 1d 00  | IFLA_EXT_MASK
                08 00 00 00  | RTEXT_FILTER_SKIP_STATS
            """
        )
    }

    @Test("A link is asked for by index")
    func queryByIndex() {
        let request = NetlinkRequest.linkQuery("find link 9", name: nil, index: 9)
        #expect(request.operation == "find link 9")
        expectOctets(
            request,
            """
            28 00 00 00  | length 40
            12 00 01 00  | RTM_GETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            08 00 1d 00  | IFLA_EXT_MASK
                08 00 00 00  | RTEXT_FILTER_SKIP_STATS
            """
        )
    }

    @Test("A link is deleted by name")
    func delete() {
        let request = NetlinkRequest.deleteLink(named: "veth0123abcd")
        #expect(request.operation == "delete link veth0123abcd")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            11 00 01 00  | RTM_DELLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 00 00 00 00 00 00 00 00  | no index, no flags
            11 00 03 00  | IFLA_IFNAME
                76 65 74 68 30 31 32 33  | veth0123abcd
                61 62 63 64 00 00 00 00
            """
        )
    }

    @Test("A link is brought up by setting one flag and no other")
    func up() {
        let request = NetlinkRequest.setUp(true, link: 9, name: "eth0")
        #expect(request.operation == "set link eth0 up")
        expectOctets(
            request,
            """
            20 00 00 00  | length 32
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 01 00 00 00 01 00 00 00  | index 9, IFF_UP on
            """
        )
    }

    @Test("A link is brought down by clearing one flag and no other")
    func down() {
        let request = NetlinkRequest.setUp(false, link: 9, name: "eth0")
        #expect(request.operation == "set link eth0 down")
        expectOctets(
            request,
            """
            20 00 00 00  | length 32
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 01 00 00 00  | index 9, IFF_UP off
            """
        )
    }

    @Test("Promiscuous mode is a flag too")
    func promiscuous() {
        let request = NetlinkRequest.setPromiscuous(link: 9, name: "br0")
        #expect(request.operation == "set link br0 promiscuous")
        expectOctets(
            request,
            """
            20 00 00 00  | length 32
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 01 00 00 00 01 00 00  | index 9, IFF_PROMISC on
            """
        )
    }

    @Test("Gratuitous ARP is switched on by an IPv4 setting of the link")
    func arpNotify() {
        let request = NetlinkRequest.setARPNotify(link: 9, name: "eth0")
        #expect(request.operation == "set arp_notify of link eth0")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            14 00 1a 80  | IFLA_AF_SPEC
              10 00 02 80  | AF_INET
                0c 00 01 80  | IFLA_INET_CONF
                  08 00 16 00  | IPV4_DEVCONF_ARP_NOTIFY
                      01 00 00 00  | on
            """
        )
    }

    @Test("A pair into a container takes one message: names, addresses, MTU, bridge and namespace")
    func veth() {
        let request = NetlinkRequest.addVethPair(pair, bridge: 3, namespace: 7)
        #expect(request.operation == "add veth veth0 with peer eth0")
        expectOctets(
            request,
            """
            b8 00 00 00  | length 184
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 01 00 00 00 01 00 00 00  | no index, IFF_UP on
            0a 00 03 00  | IFLA_IFNAME
                76 65 74 68 30 00 00 00  | veth0
            0a 00 01 00  | IFLA_ADDRESS
                02 00 00 00 00 05 00 00  | 02:00:00:00:00:05
            08 00 1f 00  | IFLA_NUM_TX_QUEUES
                01 00 00 00  | 1
            08 00 20 00  | IFLA_NUM_RX_QUEUES
                01 00 00 00  | 1
            08 00 04 00  | IFLA_MTU
                78 05 00 00  | 1400
            08 00 0a 00  | IFLA_MASTER
                03 00 00 00  | 3
            60 00 12 80  | IFLA_LINKINFO
              09 00 01 00  | IFLA_INFO_KIND
                  76 65 74 68 00 00 00 00  | veth
              50 00 02 80  | IFLA_INFO_DATA
                4c 00 01 80  | VETH_INFO_PEER
                  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | ifinfomsg: no index, no flags
                  09 00 03 00  | IFLA_IFNAME
                      65 74 68 30 00 00 00 00  | eth0
                  0a 00 01 00  | IFLA_ADDRESS
                      02 00 00 00 00 06 00 00  | 02:00:00:00:00:06
                  08 00 1f 00  | IFLA_NUM_TX_QUEUES
                      01 00 00 00  | 1
                  08 00 20 00  | IFLA_NUM_RX_QUEUES
                      01 00 00 00  | 1
                  08 00 04 00  | IFLA_MTU
                      78 05 00 00  | 1400
                  08 00 1c 00  | IFLA_NET_NS_FD
                      07 00 00 00  | descriptor 7
            """
        )
    }

    @Test("A pair without bridge and MTU leaves both out")
    func barePair() {
        let request = NetlinkRequest.addVethPair(
            VethPair(host: pair.host, container: pair.container, mtu: 0),
            bridge: nil,
            namespace: 7
        )
        #expect(request.operation == "add veth veth0 with peer eth0")
        expectOctets(
            request,
            """
            a0 00 00 00  | length 160
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 01 00 00 00 01 00 00 00  | no index, IFF_UP on
            0a 00 03 00  | IFLA_IFNAME
                76 65 74 68 30 00 00 00  | veth0
            0a 00 01 00  | IFLA_ADDRESS
                02 00 00 00 00 05 00 00  | 02:00:00:00:00:05
            08 00 1f 00  | IFLA_NUM_TX_QUEUES
                01 00 00 00  | 1
            08 00 20 00  | IFLA_NUM_RX_QUEUES
                01 00 00 00  | 1
            58 00 12 80  | IFLA_LINKINFO
              09 00 01 00  | IFLA_INFO_KIND
                  76 65 74 68 00 00 00 00  | veth
              48 00 02 80  | IFLA_INFO_DATA
                44 00 01 80  | VETH_INFO_PEER
                  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | ifinfomsg: no index, no flags
                  09 00 03 00  | IFLA_IFNAME
                      65 74 68 30 00 00 00 00  | eth0
                  0a 00 01 00  | IFLA_ADDRESS
                      02 00 00 00 00 06 00 00  | 02:00:00:00:00:06
                  08 00 1f 00  | IFLA_NUM_TX_QUEUES
                      01 00 00 00  | 1
                  08 00 20 00  | IFLA_NUM_RX_QUEUES
                      01 00 00 00  | 1
                  08 00 1c 00  | IFLA_NET_NS_FD
                      07 00 00 00  | descriptor 7
            """
        )
    }

    @Test("Of a pair on the host the container's end is up and the bridge's port")
    func pairHere() {
        let request = NetlinkRequest.addVethPair(here: pair, bridge: 3)
        #expect(request.operation == "add veth veth0 with peer eth0")
        expectOctets(
            request,
            """
            b0 00 00 00  | length 176
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 01 00 00 00 01 00 00 00  | no index, IFF_UP on
            09 00 03 00  | IFLA_IFNAME
                65 74 68 30 00 00 00 00  | eth0
            0a 00 01 00  | IFLA_ADDRESS
                02 00 00 00 00 06 00 00  | 02:00:00:00:00:06
            08 00 1f 00  | IFLA_NUM_TX_QUEUES
                01 00 00 00  | 1
            08 00 20 00  | IFLA_NUM_RX_QUEUES
                01 00 00 00  | 1
            08 00 04 00  | IFLA_MTU
                78 05 00 00  | 1400
            08 00 0a 00  | IFLA_MASTER
                03 00 00 00  | 3
            58 00 12 80  | IFLA_LINKINFO
              09 00 01 00  | IFLA_INFO_KIND
                  76 65 74 68 00 00 00 00  | veth
              48 00 02 80  | IFLA_INFO_DATA
                44 00 01 80  | VETH_INFO_PEER
                  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | ifinfomsg: no index, no flags
                  0a 00 03 00  | IFLA_IFNAME
                      76 65 74 68 30 00 00 00  | veth0
                  0a 00 01 00  | IFLA_ADDRESS
                      02 00 00 00 00 05 00 00  | 02:00:00:00:00:05
                  08 00 1f 00  | IFLA_NUM_TX_QUEUES
                      01 00 00 00  | 1
                  08 00 20 00  | IFLA_NUM_RX_QUEUES
                      01 00 00 00  | 1
                  08 00 04 00  | IFLA_MTU
                      78 05 00 00  | 1400
            """
        )
    }
}
