// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Rules, moved routes and adjusted links in the kernel", .enabled(if: canUnshare, "needs root"))
struct RuleKernelTests {
    @Test(
        "A rule comes back as it was given, and can be removed once",
        arguments: ["10.1.2.3", "fd00::3"],
        [100, 70_000]
    )
    func rule(text: String, table: Int) throws {
        let address = try #require(IPAddress(text))
        let (before, during, after, refusal) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let before = try socket.rules(address.family)
            try socket.execute(.addRule(from: address, table: table))
            let during = try socket.rules(address.family)
            try socket.execute(.deleteRule(from: address, table: table))
            let refusal = socket.refusal(of: .deleteRule(from: address, table: table))
            return (before, during, try socket.rules(address.family), refusal)
        }
        let added = during.filter { !before.contains($0) }
        #expect(added.map(\.source) == [CIDR.host(address)])
        #expect(added.map(\.table) == [table] && added.map(\.isPlain) == [true])
        #expect(after == before && refusal?.errno == .noSuchFileOrDirectory)
    }

    @Test("Routes move to another table and back without losing anything", arguments: [100, 1000])
    func move(table: Int) throws {
        let (before, moved, after) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            for text in ["10.1.2.3/24", "fd00::5/64"] {
                try socket.execute(.addAddress(try cidr(text), to: index, name: "br0"))
            }
            var route = Route(destination: try cidr("10.9.0.0/16"), gateway: IPAddress("10.7.7.7"))
            (route.isOnLink, route.mtu, route.priority) = (true, 1300, 7)
            try socket.execute(.addRoute(route, through: index, name: "br0"))
            func routes() throws -> [InstalledRoute] {
                try (socket.installedRoutes(.v4) + socket.installedRoutes(.v6)).filter { $0.link == index }
            }
            let before = try routes()
            for route in before { try socket.execute(.add(route, table: table)) }
            for route in before { try socket.execute(.delete(route, table: 254)) }
            let moved = try routes()
            for route in moved { try socket.execute(.add(route, table: 254)) }
            for route in moved { try socket.execute(.delete(route, table: table)) }
            return (before, moved, try routes())
        }
        #expect(before.count >= 3)
        #expect(moved.count == before.count && moved.allSatisfy { $0.table == table })
        #expect(Set(after.map { "\($0) \($0.priority)" }) == Set(before.map { "\($0) \($0.priority)" }))
        #expect(after.allSatisfy { $0.table == 254 })
    }

    @Test("A link takes what it is told, and tells it")
    func adjust() throws {
        let (before, after, restored) = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            let before = try socket.settings(ofLink: "br0")
            var adjustment = LinkAdjustment()
            adjustment.address = address6
            adjustment.mtu = 1400
            adjustment.isPromiscuous = true
            adjustment.isAllMulticast = true
            adjustment.transmitQueueLength = 77
            try socket.execute(NetlinkRequest.adjust(index, name: "br0", adjustment))
            let after = try socket.settings(ofLink: "br0")
            adjustment.isPromiscuous = false
            adjustment.isAllMulticast = false
            try socket.execute(NetlinkRequest.adjust(index, name: "br0", adjustment))
            return (before, after, try socket.settings(ofLink: "br0"))
        }
        #expect(before?.isPromiscuous == false && before?.isAllMulticast == false)
        #expect(after?.address == address6 && after?.mtu == 1400 && after?.transmitQueueLength == 77)
        #expect(after?.isPromiscuous == true && after?.isAllMulticast == true)
        #expect(restored?.isPromiscuous == false && restored?.isAllMulticast == false)
    }
}
