// SPDX-License-Identifier: Apache-2.0
import Netlink
import Testing

@testable import Wiring

@Suite("A port's way into its VLANs")
struct VLANRequestTests {
    private typealias Membership = NetlinkRequest.VLANMembership

    private static let leaving = "remove VLANs from port veth0"
    private static let joining = "add VLANs to port veth0"

    @Test(
        "A port leaves the bridge's default VLAN first, unless it is to be in it, or there is none",
        arguments: [
            ([.native(5)], 1, [leaving, joining]), ([.native(5)], 77, [leaving, joining]),
            ([.tagged(1...1), .native(5)], 1, [leaving, joining]), ([.native(1)], 5, [leaving, joining]),
            ([.native(5)], nil, [joining]), ([.native(5)], 0, [joining]), ([.native(1)], 1, [joining]),
            ([.tagged(7...9), .native(1)], 1, [joining]),
        ] as [([NetlinkRequest.VLANMembership], UInt16?, [String])]
    )
    func requests(memberships: [NetlinkRequest.VLANMembership], defaultVLAN: UInt16?, expected: [String]) {
        let requests = Transaction.requests(joining: memberships, leaving: defaultVLAN, port: 9, name: "veth0")
        #expect(requests.map(\.operation) == expected)
    }

    @Test("The VLAN that is left is the bridge's own", arguments: [1, 77, 4094] as [UInt16])
    func defaultVLAN(vlan: UInt16) {
        let requests = Transaction.requests(joining: [.native(5)], leaving: vlan, port: 9, name: "veth0")
        let expected = NetlinkRequest.removeVLANs([.tagged(vlan...vlan)], from: 9, name: "veth0")
        #expect(requests.first?.octets == expected.octets)
    }
}
