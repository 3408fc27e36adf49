// SPDX-License-Identifier: Apache-2.0
import Addressing
import Testing

@testable import Netlink

@Suite("Links")
struct LinkTests {
    /// The host's end of a pair, a port of a bridge.
    private static let port = reply(
        16,
        """
        00 00 01 00  | AF_UNSPEC, ARPHRD_ETHER
        09 00 00 00 03 11 01 00 00 00 00 00  | index 9; IFF_UP, IFF_BROADCAST, IFF_PROMISC and more
        0a 00 03 00 76 65 74 68 30 00 00 00  | IFLA_IFNAME: veth0
        05 00 10 00 06 00 00 00  | IFLA_OPERSTATE: up
        08 00 04 00 78 05 00 00  | IFLA_MTU: 1400
        08 00 0a 00 03 00 00 00  | IFLA_MASTER: 3
        0a 00 01 00 02 00 00 00 00 05 00 00  | IFLA_ADDRESS: 02:00:00:00:00:05
        08 00 05 00 02 00 00 00  | IFLA_LINK: 2
        38 00 12 00  | IFLA_LINKINFO
          09 00 01 00 76 65 74 68 00 00 00 00  | IFLA_INFO_KIND: veth
          0b 00 04 00 62 72 69 64 67 65 00 00  | IFLA_INFO_SLAVE_KIND: bridge
          1c 00 05 00  | IFLA_INFO_SLAVE_DATA
            05 00 01 00 03 00 00 00  | IFLA_BRPORT_STATE: forwarding
            05 00 04 00 01 00 00 00  | IFLA_BRPORT_MODE: hairpin
            05 00 21 00 00 00 00 00  | IFLA_BRPORT_ISOLATED: no
        """
    )

    @Test("Everything the kernel says of a bridge's port is read")
    func portOfBridge() throws {
        let link = try #require(Link(Self.port))
        #expect(link.index == 9)
        #expect(link.name == "veth0")
        #expect(link.kind == "veth")
        #expect(link.address == address5)
        #expect(link.mtu == 1400)
        #expect(link.master == 3)
        #expect(link.peerIndex == 2)
        #expect(link.isUp && link.isPromiscuous && link.isOperational && !link.isLoopback)
        #expect(link.bridge == nil)
        #expect(link.port == Link.Port(state: 3, isHairpin: true, isIsolated: false))
        #expect(link.port?.isForwarding == true)
    }

    @Test("A reply that is damaged anywhere yields less, or nothing without its header")
    func damage() {
        for (index, reply) in damaged(Self.port).enumerated() {
            #expect((Link(reply) == nil) == (reply.payload.count < 16), "variant \(index)")
        }
    }

    @Test("A link of which nothing is said is down and nobody's")
    func bare() throws {
        let link = try #require(Link(reply(16, "00 00 00 00  01 00 00 00  00 00 00 00  00 00 00 00")))
        #expect(link.index == 1)
        #expect(link.name == "" && link.kind == "")
        #expect(!link.isUp && !link.isOperational && !link.isLoopback && !link.isPromiscuous)
        #expect(link.address == nil && link.master == nil && link.peerIndex == nil)
        #expect(link.bridge == nil && link.port == nil)
    }

    @Test(
        "Each flag has its bit",
        arguments: [(1, "up"), (8, "loopback"), (0x100, "promiscuous"), (2, ""), (0x9, "up loopback")]
    )
    func flags(bits: Int, expected: String) throws {
        let octets = [UInt8(bits & 0xff), UInt8(bits >> 8)].map { String($0, radix: 16) }.joined(separator: " ")
        let link = try #require(Link(reply(16, "00 00 00 00  01 00 00 00  \(octets) 00 00  00 00 00 00")))
        let names = [
            link.isUp ? "up" : nil, link.isLoopback ? "loopback" : nil, link.isPromiscuous ? "promiscuous" : nil,
        ]
        #expect(names.compactMap { $0 }.joined(separator: " ") == expected)
    }

    @Test(
        "A link works when its state is up, or of a kind that does not know. RFC 2863",
        arguments: [(0, true), (6, true), (1, false), (2, false), (3, false), (4, false), (5, false), (7, false)]
    )
    func operational(state: Int, expected: Bool) throws {
        let header = "00 00 00 00  01 00 00 00  01 00 00 00  00 00 00 00"
        let link = try #require(Link(reply(16, "\(header) 05 00 10 00 0\(state) 00 00 00")))
        #expect(link.isOperational == expected)
    }

    @Test(
        "A bridge says whether it tells VLANs apart, or is of a kernel that cannot",
        arguments: [
            ("0c 00 02 00 05 00 07 00 01 00 00 00", true), ("0c 00 02 00 05 00 07 00 00 00 00 00", false),
            ("04 00 02 00", nil), ("0c 00 02 00 05 00 06 00 01 00 00 00", nil), ("", nil),
        ] as [(String, Bool?)]
    )
    func bridge(data: String, expected: Bool?) throws {
        let length = 4 + 12 + octets(data).count
        let header = "00 00 00 00  01 00 00 00  01 00 00 00  00 00 00 00"
        let information = "\(String(length, radix: 16)) 00 12 00  0b 00 01 00 62 72 69 64 67 65 00 00  \(data)"
        let link = try #require(Link(reply(16, "\(header) \(information)")))
        #expect(link.kind == "bridge")
        #expect(link.bridge == Link.Bridge(filtersVLANs: expected))
        #expect(link.port == nil)
    }

    @Test("A bridge says which VLAN it puts new ports into")
    func defaultVLAN() throws {
        let reply = reply(
            16,
            """
            00 00 00 00  01 00 00 00  01 00 00 00  00 00 00 00
            1c 00 12 00  | IFLA_LINKINFO
              0b 00 01 00 62 72 69 64 67 65 00 00  | IFLA_INFO_KIND: bridge
              0c 00 02 00  | IFLA_INFO_DATA
                06 00 27 00 4d 00 00 00  | IFLA_BR_VLAN_DEFAULT_PVID: 77
            """
        )
        #expect(try #require(Link(reply)).bridge == Link.Bridge(filtersVLANs: nil, defaultVLAN: 77))
    }

    @Test("A peer in another namespace is abroad", arguments: [("", false), ("08 00 25 00 00 00 00 00", true)])
    func peerAbroad(attribute: String, expected: Bool) throws {
        let header = "00 00 00 00  01 00 00 00  01 00 00 00  00 00 00 00"
        let link = try #require(Link(reply(16, "\(header) 08 00 05 00 02 00 00 00 \(attribute)")))
        #expect(link.peerIndex == 2)
        #expect(link.isPeerAbroad == expected)
    }

    @Test("A port of anything but a bridge is no bridge port")
    func otherMaster() throws {
        let link = try #require(
            Link(
                reply(
                    16,
                    """
                    00 00 00 00  01 00 00 00  01 00 00 00  00 00 00 00
                    18 00 12 00  | IFLA_LINKINFO
                      09 00 04 00 62 6f 6e 64 00 00 00 00  | IFLA_INFO_SLAVE_KIND: bond
                      05 00 05 00 03 00 00 00  | IFLA_INFO_SLAVE_DATA
                    """
                )
            )
        )
        #expect(link.port == nil)
        #expect(link.kind == "")
    }

    @Test(
        "Only the forwarding state lets frames pass. IEEE 802.1D, 8.4",
        arguments: [(0, false), (1, false), (2, false), (3, true), (4, false), (nil, false)] as [(UInt8?, Bool)]
    )
    func forwarding(state: UInt8?, expected: Bool) {
        #expect(Link.Port(state: state).isForwarding == expected)
    }

    @Test("A hardware address of another length is no Ethernet address")
    func infiniband() throws {
        let header = "00 00 20 00  01 00 00 00  01 00 00 00  00 00 00 00"
        let link = try #require(
            Link(reply(16, "\(header) 18 00 01 00 \(repeatElement("aa", count: 20).joined(separator: " "))"))
        )
        #expect(link.address == nil)
    }
}
