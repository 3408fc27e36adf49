// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Requests for links of one container")
struct LinkKindTests {
    @Test("A dummy is made under its name, with nothing else said")
    func dummy() {
        let request = NetlinkRequest.addLink("eth0", .dummy)
        #expect(request.operation == "add dummy eth0")
        expectOctets(
            request,
            """
            3c 00 00 00  | length 60
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST|EXCL|CREATE
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | down
            09 00 03 00  | IFLA_IFNAME
                65 74 68 30 00 00 00 00  | eth0
            10 00 12 80  | IFLA_LINKINFO
                0a 00 01 00  | IFLA_INFO_KIND
                    64 75 6d 6d 79 00 00 00  | dummy
            """
        )
    }

    @Test("A VLAN rests upon a master, and may go abroad at once")
    func vlan() {
        let request = NetlinkRequest.addLink("eth0", .vlan(5), master: 9, mtu: 1400, namespace: 7)
        #expect(request.operation == "add vlan eth0")
        expectOctets(
            request,
            """
            60 00 00 00  | length 96
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST|EXCL|CREATE
            00 00 00 00 00 00 00 00  | sequence, port
            00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  | down
            09 00 03 00  | IFLA_IFNAME
                65 74 68 30 00 00 00 00  | eth0
            08 00 04 00  | IFLA_MTU
                78 05 00 00  | 1400
            08 00 05 00  | IFLA_LINK
                09 00 00 00  | 9
            08 00 1c 00  | IFLA_NET_NS_FD
                07 00 00 00  | 7
            1c 00 12 80  | IFLA_LINKINFO
                09 00 01 00  | IFLA_INFO_KIND
                    76 6c 61 6e 00 00 00 00  | vlan
                0c 00 02 80  | IFLA_INFO_DATA
                    06 00 01 00  | IFLA_VLAN_ID
                        05 00 00 00  | 5
            """
        )
    }

    @Test(
        "Each kind says what tells it apart",
        arguments: [
            (LinkKind.macvlan(.bridge, queue: nil), "08 00 01 00 04 00 00 00"),
            (.macvlan(.private, queue: nil), "08 00 01 00 01 00 00 00"),
            (.macvlan(.vepa, queue: nil), "08 00 01 00 02 00 00 00"),
            (.macvlan(.passthru, queue: 1000), "08 00 01 00 08 00 00 00 08 00 07 00 e8 03 00 00"),
            (.ipvlan(.l2), "06 00 01 00 00 00 00 00"), (.ipvlan(.l3), "06 00 01 00 01 00 00 00"),
            (.ipvlan(.l3s), "06 00 01 00 02 00 00 00"), (.vrf(table: 1000), "08 00 01 00 e8 03 00 00"),
        ] as [(LinkKind, String)]
    )
    func data(kind: LinkKind, octets: String) {
        let wanted = octets.split(separator: " ").compactMap { UInt8($0, radix: 16) }
        let message = NetlinkRequest.addLink("eth0", kind).octets
        #expect(Array(message.suffix(wanted.count)) == wanted)
    }

    @Test("What no kernel makes has an address of many stations, and no name")
    func impossible() {
        let message = NetlinkRequest.impossibleLink(of: "dummy").octets
        #expect(Array(message[32..<42]) == [10, 0, 1, 0, 1, 0, 0, 0, 0, 0])
        #expect(message.count == 60)
    }

    @Test("What a kernel lacks is named by its option", arguments: LinkKindTests.table)
    func options(kind: String, option: String) {
        #expect(LinkKind.kernelOption(of: kind) == option)
    }

    private static let table = [
        ("dummy", "CONFIG_DUMMY"), ("vlan", "CONFIG_VLAN_8021Q"), ("macvlan", "CONFIG_MACVLAN"),
        ("ipvlan", "CONFIG_IPVLAN"), ("vrf", "CONFIG_NET_VRF"), ("tun", "CONFIG_TUN"), ("veth", "CONFIG_VETH"),
    ]
}
