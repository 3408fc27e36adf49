// SPDX-License-Identifier: Apache-2.0
import Addressing
import FastPath
import Forwarding
import Testing

@testable import Wiring

private let own = MACAddress(value: 0x0200_0000_0001)

@Suite("The shortcut past a bridge")
struct ShortcutTests {
    private static func shortcut(knowsVLANs: Bool = false, _ change: (inout VirtualInterface) -> Void) -> Shortcut {
        var interface = VirtualInterface("veth0")
        change(&interface)
        return Shortcut(interface, of: "br0", knowsVLANs: knowsVLANs, address: own)
    }

    private static func hosts(_ family: AddressFamily, _ count: Int) -> [CIDR] {
        (1...count).map { .host(family == .v4 ? IPAddress(v4: UInt32($0)) : IPAddress(v6: UInt128($0))) }
    }

    @Test("An ordinary port has one, and so has one that is isolated, a hairpin or watched")
    func ordinary() throws {
        let network = try #require(CIDR("fe80::/10"))
        let changes: [(inout VirtualInterface) -> Void] = [
            { _ in }, { $0.isIsolated = true }, { $0.isHairpin = true }, { $0.allowedSources = [own] },
            { $0.allowedAddresses = Self.hosts(.v4, 4) + Self.hosts(.v6, 4) + [network] },
        ]
        for change in changes { #expect(Self.shortcut(change).obstacle == nil) }
    }

    @Test("Where only the bridge can do what the port is for, the reason is told")
    func obstacles() {
        let changes: [((inout VirtualInterface) -> Void, String)] = [
            ({ $0.bringDown() }, "only the bridge"), ({ $0.spanningTree = .blocking }, "only the bridge"),
            ({ $0.isLocked = true }, "only the bridge"),
            ({ $0.allowedSources = [own, .zero] }, "several hardware addresses"),
            ({ $0.allowedSources = [.zero] }, "several hardware addresses"),
            ({ $0.allowedAddresses = Self.hosts(.v4, 5) }, "more than 4 addresses of IPv4"),
            ({ $0.allowedAddresses = Self.hosts(.v6, 5) }, "more than 4 addresses of IPv6"),
        ]
        for (change, words) in changes {
            let obstacle = Self.shortcut(change).obstacle
            #expect(obstacle?.contains(words) == true, "\(obstacle ?? "none")")
        }
    }

    @Test("Its VLAN is that of frames without a tag; a port without such frames has none")
    func vlans() {
        let access = Self.shortcut(knowsVLANs: true) { $0.vlans = .access(5) }
        #expect(access.obstacle == nil && access.port(link: 3, bridge: 2).vlan == 5)
        let trunk = Self.shortcut(knowsVLANs: true) { $0.vlans = .trunk(VLANSet([7, 8]), native: 9) }
        #expect(trunk.obstacle == nil && trunk.port(link: 3, bridge: 2).vlan == 9)
        let tagged = Self.shortcut(knowsVLANs: true) { $0.vlans = .trunk(VLANSet([7, 8]), native: nil) }
        #expect(tagged.obstacle == "all its frames have a tag")
        let ignorant = Self.shortcut { $0.vlans = .access(5) }
        #expect(ignorant.obstacle == nil && ignorant.port(link: 3, bridge: 2).vlan == 0)
    }

    @Test("What the program is told is what the port is to a switch; networks are left to the bridge")
    func port() throws {
        let network = try #require(CIDR("fe80::/10"))
        let shortcut = Self.shortcut {
            $0.isIsolated = true
            $0.allowedAddresses = Self.hosts(.v4, 1) + [network]
        }
        let port = shortcut.port(link: 3, bridge: 2)
        #expect((port.link, port.bridge, port.vlan) == (3, 2, 0))
        #expect(port.address == own && port.isIsolated && port.addresses == [IPAddress(v4: 1)])
        #expect(Self.shortcut { _ in }.port(link: 3, bridge: 2).addresses == nil)
    }

    @Test("It is taken back by the name of its port")
    func inverse() {
        let change = Change.shortcut(Self.shortcut { _ in })
        #expect(change.inverse == .noShortcut("veth0"))
        #expect(change.subject == "shortcut of veth0")
        #expect(Change.noShortcut("veth0").inverse == nil)
    }
}
