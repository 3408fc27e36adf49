// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Testing

@testable import Netlink

@Suite("What the kernel says of bridges' tables and links' counters")
struct SwitchingReplyTests {
    /// A station on link 5, of VLAN 10 of bridge 3, seen 2 seconds ago by a clock of 100 ticks.
    private static let station = """
        07 00 00 00 05 00 00 00 02 00 00 00
        0a 00 02 00 02 00 00 00 00 07 00 00
        08 00 09 00 03 00 00 00
        06 00 05 00 0a 00 00 00
        14 00 03 00 00 00 00 00 01 00 00 00 c8 00 00 00 00 00 00 00
        """

    @Test("A station has an address, a port, a VLAN and an age")
    func station() throws {
        let read = try #require(BridgeStation(reply(RTM_NEWNEIGH, Self.station), ticks: 100))
        #expect("\(read.address)" == "02:00:00:00:00:07" && read.port == 5 && read.vlan == 10 && read.bridge == 3)
        #expect(read.idleMilliseconds == 2000 && !read.isStatic && !read.isPermanent)
    }

    @Test("What a link listens to itself is no station of a bridge")
    func ownAddress() {
        let own = "07 00 00 00 05 00 00 00 80 00 02 00 0a 00 02 00 33 33 00 00 00 01 00 00"
        #expect(BridgeStation(reply(RTM_NEWNEIGH, own), ticks: 100) == nil)
    }

    @Test("A damaged answer is no reason to trap")
    func damage() {
        for damaged in damaged(reply(RTM_NEWNEIGH, Self.station)) { _ = BridgeStation(damaged, ticks: 100) }
    }

    @Test("VLANs are read in runs, with what happens to tags")
    func vlans() throws {
        let text = "08 00 02 00 06 00 01 00 08 00 02 00 08 00 14 00 08 00 02 00 10 00 1e 00 08 00 02 00 00 00 28 00"
        #expect(
            PortVLANs(octets(text)[...])?.runs == [
                PortVLANs.Run(1...1, isNative: true, isUntagged: true), PortVLANs.Run(20...30), PortVLANs.Run(40...40),
            ]
        )
        #expect(PortVLANs(octets("")[...]) == nil)
    }

    @Test("An end of a run without a beginning is one VLAN, and one that comes before it, too")
    func brokenRuns() {
        #expect(PortVLANs(octets("08 00 02 00 10 00 1e 00")[...])?.runs == [PortVLANs.Run(30...30)])
        let backwards = "08 00 02 00 08 00 28 00 08 00 02 00 10 00 1e 00"
        #expect(PortVLANs(octets(backwards)[...])?.runs == [PortVLANs.Run(30...30)])
    }

    @Test("Counters are read in the kernel's order")
    func counters() throws {
        let numbers = (1...8).map { "0\($0) 00 00 00 00 00 00 00" }.joined(separator: " ")
        let read = try #require(LinkCounters(octets(numbers)[...]))
        #expect(read.receivedPackets == 1 && read.sentPackets == 2 && read.receivedOctets == 3)
        #expect(read.sentOctets == 4 && read.receivedErrors == 5 && read.sentErrors == 6)
        #expect(read.receivedDrops == 7 && read.sentDrops == 8)
        #expect(LinkCounters(octets(numbers)[..<60]) == nil)
    }
}
