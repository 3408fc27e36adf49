// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Adjustments of links")
struct LinkAdjustmentTests {
    @Test("Each setting is a request of its own, and what is not named is not asked for")
    func requests() {
        var adjustment = LinkAdjustment()
        #expect(adjustment.isEmpty && NetlinkRequest.adjust(9, name: "eth0", adjustment) == [])
        adjustment.address = address5
        adjustment.isPromiscuous = true
        adjustment.mtu = 1400
        adjustment.isAllMulticast = false
        adjustment.transmitQueueLength = 0
        #expect(
            NetlinkRequest.adjust(9, name: "eth0", adjustment).map(\.operation) == [
                "set address of link eth0 to 02:00:00:00:00:05", "set promiscuous mode of link eth0 to true",
                "set MTU of link eth0 to 1400", "set all-multicast mode of link eth0 to false",
                "set transmit queue length of link eth0 to 0",
            ]
        )
    }

    @Test("A mode is one flag, and the mask says which")
    func flag() throws {
        var adjustment = LinkAdjustment()
        adjustment.isAllMulticast = true
        expectOctets(
            try #require(NetlinkRequest.adjust(9, name: "eth0", adjustment).first),
            """
            20 00 00 00  | length 32
            13 00 01 00  | RTM_SETLINK, NLM_F_REQUEST
            00 00 00 00 00 00 00 00  | sequence, port: set when it is sent
            00 00 00 00 09 00 00 00  | AF_UNSPEC, index 9
            00 02 00 00 00 02 00 00  | IFF_ALLMULTI, and nothing else
            """
        )
    }
}
