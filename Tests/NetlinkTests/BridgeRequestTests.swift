// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Requests about bridges")
struct BridgeRequestTests {
    @Test("A bridge is made down, with an address of its own")
    func addBridge() {
        let request = NetlinkRequest.addBridge("br0", address: address5, mtu: 0, filtersVLANs: false)
        #expect(request.operation == "add bridge br0")
        expectOctets(
            request,
            """
            44 00 00 00  | length 68
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 00 00 00 00 00 00 00 00  | no index, no flags
            08 00 03 00  | IFLA_IFNAME
                62 72 30 00  | br0
            0a 00 01 00  | IFLA_ADDRESS
                02 00 00 00 00 05 00 00  | 02:00:00:00:00:05
            10 00 12 80  | IFLA_LINKINFO
              0b 00 01 00  | IFLA_INFO_KIND
                  62 72 69 64 67 65 00 00  | bridge
            """
        )
    }

    @Test("A bridge is told its MTU and to tell VLANs apart")
    func addBridgeWithVLANs() {
        let request = NetlinkRequest.addBridge("br0", address: address5, mtu: 1400, filtersVLANs: true)
        #expect(request.operation == "add bridge br0")
        expectOctets(
            request,
            """
            58 00 00 00  | length 88
            10 00 01 06  | RTM_NEWLINK, NLM_F_REQUEST | CREATE | EXCL
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            00 00 00 00 00 00 00 00 00 00 00 00  | no index, no flags
            08 00 03 00  | IFLA_IFNAME
                62 72 30 00  | br0
            0a 00 01 00  | IFLA_ADDRESS
                02 00 00 00 00 05 00 00  | 02:00:00:00:00:05
            08 00 04 00  | IFLA_MTU
                78 05 00 00  | 1400
            1c 00 12 80  | IFLA_LINKINFO
              0b 00 01 00  | IFLA_INFO_KIND
                  62 72 69 64 67 65 00 00  | bridge
              0c 00 02 80  | IFLA_INFO_DATA
                05 00 07 00  | IFLA_BR_VLAN_FILTERING
                    01 00 00 00  | on
            """
        )
    }

    @Test("A link becomes a port of a bridge")
    func setMaster() {
        let request = NetlinkRequest.setMaster(3, link: 9, name: "veth0")
        #expect(request.operation == "make link veth0 a port of link 3")
        expectOctets(
            request,
            """
            28 00 00 00  | length 40
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00  | AF_UNSPEC
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            08 00 0a 00  | IFLA_MASTER
                03 00 00 00  | 3
            """
        )
    }

    @Test("A port's flags are set together")
    func setPort() {
        let request = NetlinkRequest.setPort(9, name: "veth0", .init(isHairpin: true, isIsolated: false))
        #expect(request.operation == "set port veth0 hairpin=true isolated=false")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            07 00 00 00  | AF_BRIDGE
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            14 00 0c 80  | IFLA_PROTINFO
              05 00 04 00  | IFLA_BRPORT_MODE
                  01 00 00 00  | hairpin
              05 00 21 00  | IFLA_BRPORT_ISOLATED
                  00 00 00 00  | not isolated
            """
        )
    }

    @Test("The native VLAN, a tagged one and a range are three kinds of membership")
    func addVLANs() {
        let request = NetlinkRequest.addVLANs(
            [.native(5), .tagged(7...7), .tagged(100...4094)],
            to: 9,
            name: "veth0"
        )
        #expect(request.operation == "add VLANs to port veth0")
        expectOctets(
            request,
            """
            44 00 00 00  | length 68
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            07 00 00 00  | AF_BRIDGE
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            24 00 1a 80  | IFLA_AF_SPEC
              08 00 02 00  | IFLA_BRIDGE_VLAN_INFO
                  06 00 05 00  | PVID | UNTAGGED, VLAN 5
              08 00 02 00  | IFLA_BRIDGE_VLAN_INFO
                  00 00 07 00  | VLAN 7
              08 00 02 00  | IFLA_BRIDGE_VLAN_INFO
                  08 00 64 00  | RANGE_BEGIN, VLAN 100
              08 00 02 00  | IFLA_BRIDGE_VLAN_INFO
                  10 00 fe 0f  | RANGE_END, VLAN 4094
            """
        )
    }

    @Test("Every VLAN there is fits into one message, each on its own")
    func everyVLAN() {
        let request = NetlinkRequest.addVLANs((1...4094).map { .tagged($0...$0) }, to: 9, name: "veth0")
        #expect(request.octets.count == 16 + 16 + 4 + 4094 * 8)
    }

    @Test("VLANs of the bridge itself say so")
    func addVLANsToBridge() {
        let request = NetlinkRequest.addVLANs([.tagged(5...5)], to: 3, name: "br0", isBridge: true)
        #expect(request.operation == "add VLANs to port br0")
        expectOctets(
            request,
            """
            34 00 00 00  | length 52
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            07 00 00 00  | AF_BRIDGE
            03 00 00 00 00 00 00 00 00 00 00 00  | index 3, no flags
            14 00 1a 80  | IFLA_AF_SPEC
              06 00 00 00  | IFLA_BRIDGE_FLAGS
                  02 00 00 00  | BRIDGE_FLAGS_SELF
              08 00 02 00  | IFLA_BRIDGE_VLAN_INFO
                  00 00 05 00  | VLAN 5
            """
        )
    }

    @Test("VLANs are removed by the message that removes links, of another family")
    func removeVLANs() {
        let request = NetlinkRequest.removeVLANs([.tagged(1...1)], from: 9, name: "veth0")
        #expect(request.operation == "remove VLANs from port veth0")
        expectOctets(
            request,
            """
            2c 00 00 00  | length 44
            11 00 01 00  | RTM_DELLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            07 00 00 00  | AF_BRIDGE
            09 00 00 00 00 00 00 00 00 00 00 00  | index 9, no flags
            0c 00 1a 80  | IFLA_AF_SPEC
              08 00 02 00  | IFLA_BRIDGE_VLAN_INFO
                  00 00 01 00  | VLAN 1
            """
        )
    }
}
