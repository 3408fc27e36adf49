// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Neighbours")
struct NeighbourTests {
    private static let stale = reply(
        28,
        """
        02 00 00 00 09 00 00 00 04 00 00 01  | AF_INET, index 9, NUD_STALE, RTN_UNICAST
        08 00 01 00 0a 01 02 03  | NDA_DST: 10.1.2.3
        0a 00 02 00 02 00 00 00 00 05 00 00  | NDA_LLADDR
        08 00 04 00 01 00 00 00  | NDA_PROBES
        """
    )

    private static func stale(withState octets: String) -> NetlinkReply {
        reply(28, "02 00 00 00 09 00 00 00 \(octets) 00 01 0a 00 02 00 02 00 00 00 00 05 00 00")
    }

    @Test("One address on one link is asked for")
    func question() throws {
        let request = NetlinkRequest.neighbourQuery(try #require(IPAddress("10.1.2.3")), onLink: 9)
        #expect(request.operation == "find neighbour 10.1.2.3 on link 9")
        expectOctets(
            request,
            """
            24 00 00 00 1e 00 01 00 00 00 00 00 00 00 00 00  | RTM_GETNEIGH
            02 00 00 00 09 00 00 00 00 00 00 00  | ndmsg: AF_INET, index 9
            08 00 01 00 0a 01 02 03  | NDA_DST
            """
        )
    }

    @Test("One address on one link is forgotten")
    func forgetting() throws {
        let request = NetlinkRequest.deleteNeighbour(try #require(IPAddress("fd00::5")), onLink: 9)
        #expect(request.operation == "forget neighbour fd00::5 on link 9")
        expectOctets(
            request,
            """
            30 00 00 00 1d 00 01 00 00 00 00 00 00 00 00 00  | RTM_DELNEIGH
            0a 00 00 00 09 00 00 00 00 00 00 00  | ndmsg: AF_INET6, index 9
            14 00 01 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 05  | NDA_DST
            """
        )
    }

    @Test("One station of one bridge is asked for, in a VLAN or in none")
    func station() {
        let request = NetlinkRequest.stationQuery(address5, onBridge: 9, vlan: 100)
        #expect(request.operation == "find station 02:00:00:00:00:05 on bridge 9")
        expectOctets(
            request,
            """
            38 00 00 00 1e 00 01 00 00 00 00 00 00 00 00 00  | RTM_GETNEIGH
            07 00 00 00 00 00 00 00 00 00 00 00  | ndmsg: AF_BRIDGE
            0a 00 02 00 02 00 00 00 00 05 00 00  | NDA_LLADDR
            08 00 09 00 09 00 00 00  | NDA_MASTER
            06 00 05 00 64 00 00 00  | NDA_VLAN
            """
        )
        expectOctets(
            .stationQuery(address5, onBridge: 9, vlan: 0),
            """
            30 00 00 00 1e 00 01 00 00 00 00 00 00 00 00 00  | RTM_GETNEIGH
            07 00 00 00 00 00 00 00 00 00 00 00  | ndmsg: AF_BRIDGE
            0a 00 02 00 02 00 00 00 00 05 00 00  | NDA_LLADDR
            08 00 09 00 09 00 00 00  | NDA_MASTER
            """
        )
    }

    @Test(
        "Who answered is known, whom an administrator named is permanent, and the rest is unknown",
        arguments: [
            ("02 00", .known), ("04 00", .known), ("08 00", .known), ("10 00", .known), ("80 00", .permanent),
            ("00 00", .unknown), ("01 00", .unknown), ("20 00", .unknown), ("40 00", .unknown),
        ] as [(String, Neighbour.State)]
    )
    func states(octets: String, state: Neighbour.State) throws {
        let neighbour = try #require(Neighbour(Self.stale(withState: octets)))
        #expect(neighbour == Neighbour(state: state, address: address5))
    }

    @Test("Who never answered has no address, and another message is no neighbour")
    func others() throws {
        let incomplete = try #require(Neighbour(reply(28, "02 00 00 00 09 00 00 00 01 00 00 01")))
        #expect(incomplete == Neighbour(state: .unknown, address: nil))
        #expect(Neighbour(reply(29, "02 00 00 00 09 00 00 00 04 00 00 01")) == nil)
    }

    @Test("A damaged reply stops nobody")
    func damage() {
        #expect(Neighbour(Self.stale) == Neighbour(state: .known, address: address5))
        for (index, reply) in damaged(Self.stale).enumerated() {
            #expect(Neighbour(reply) == nil || reply.payload.count >= 10, "variant \(index)")
        }
    }
}
