// SPDX-License-Identifier: Apache-2.0
import Addressing
import Attachments
import Netlink
import Testing
import Wiring

private func cidr(_ text: String) throws -> CIDR { try #require(CIDR(text)) }

private func route(_ destination: String, via gateway: String? = nil) throws -> Route {
    Route(destination: try cidr(destination), gateway: try gateway.map { try #require(IPAddress($0)) })
}

private func way(_ destination: String, via gateway: String? = nil) throws -> SeenLink.Way {
    SeenLink.Way(try cidr(destination), via: try gateway.map { try #require(IPAddress($0)) })
}

@Suite("What interfaces lack")
struct InterfaceShortfallTests {
    private func specification(isUp: Bool = true, connectsNetworks: Bool = true) throws -> InterfaceSpecification {
        InterfaceSpecification(
            name: "eth0",
            addresses: [try cidr("10.77.0.2/24"), try cidr("fd77::2/64")],
            routes: [try route("0.0.0.0/0", via: "10.77.0.1"), try route("192.0.2.0/24", via: "10.77.0.9")],
            isUp: isUp,
            detectsDuplicates: false,
            connectsNetworks: connectsNetworks
        )
    }

    private func seen(
        isUp: Bool = true,
        _ addresses: [String] = ["10.77.0.2/24", "fd77::2/64"],
        ways: [SeenLink.Way]
    ) throws -> SeenLink {
        SeenLink(name: "eth0", isUp: isUp, addresses: try addresses.map { try cidr($0) }, ways: ways)
    }

    private var whole: [SeenLink.Way] {
        get throws {
            [
                try way("10.77.0.0/24"), try way("fd77::/64"), try way("0.0.0.0/0", via: "10.77.0.1"),
                try way("192.0.2.0/24", via: "10.77.0.9"),
            ]
        }
    }

    @Test("An interface that has everything lacks nothing, whatever else it has")
    func nothing() throws {
        let more = try whole + [way("10.0.0.0/8", via: "10.77.0.7")]
        let seen = try seen(["10.77.0.2/24", "fd77::2/64", "fe80::1/64"], ways: more)
        #expect(try specification().shortfall(seen) == nil)
    }

    @Test("Addresses and being up come first, and nothing else is put right with them")
    func addressesFirst() throws {
        let shortfall = try #require(try specification().shortfall(seen(isUp: false, ["10.77.0.2/24"], ways: [])))
        #expect(shortfall.findings == ["eth0 lacks address fd77::2/64", "eth0 is down"])
        guard case .interface(let remedy) = shortfall.remedy else { return #expect(Bool(false), "another remedy") }
        #expect(remedy.addresses == [try cidr("fd77::2/64")])
        #expect(remedy.routes.isEmpty && remedy.isUp)
    }

    @Test("Then come routes, those to its own networks before those through gateways in them")
    func routes() throws {
        let shortfall = try #require(try specification().shortfall(seen(ways: [try way("fd77::/64")])))
        #expect(
            shortfall.findings == [
                "eth0 lacks the route to 10.77.0.0/24", "eth0 lacks the route to 0.0.0.0/0 via 10.77.0.1",
                "eth0 lacks the route to 192.0.2.0/24 via 10.77.0.9",
            ]
        )
        guard case .interface(let remedy) = shortfall.remedy else { return #expect(Bool(false), "another remedy") }
        #expect(remedy.addresses.isEmpty)
        #expect(
            remedy.routes.map { $0.destination } == [
                try cidr("10.77.0.0/24"), try cidr("0.0.0.0/0"), try cidr("192.0.2.0/24"),
            ]
        )
        #expect(remedy.routes[0].preferredSource == IPAddress("10.77.0.2"))
    }

    @Test("In a VRF, routes go into its table, but for those that are for another one")
    func placed() throws {
        var other = try route("198.51.100.0/24", via: "10.77.0.1")
        other.table = 9
        let specification = InterfaceSpecification(
            name: "eth0",
            addresses: [try cidr("10.77.0.2/24")],
            routes: [try route("0.0.0.0/0", via: "10.77.0.1"), other],
            isUp: true,
            detectsDuplicates: false
        )
        let bare = try seen(["10.77.0.2/24"], ways: [])
        for (table, expected) in [(5, [5, 5, 9]), (nil, [nil, nil, 9])] as [(Int?, [Int?])] {
            let shortfall = try #require(specification.shortfall(bare, table: table))
            guard case .interface(let remedy) = shortfall.remedy else { return #expect(Bool(false), "another remedy") }
            #expect(remedy.routes.map { $0.table } == expected)
        }
    }

    @Test("Any default route will do, and of others only the right gateway")
    func substitutes() throws {
        let other = [
            try way("10.77.0.0/24"), try way("fd77::/64"), try way("0.0.0.0/0", via: "10.77.0.200"),
            try way("192.0.2.0/24", via: "10.77.0.8"),
        ]
        let findings = try specification().shortfall(seen(ways: other))?.findings
        #expect(findings == ["eth0 lacks the route to 192.0.2.0/24 via 10.77.0.9"])
    }

    @Test("A link that somebody else brings up is not, and one without its networks on it lacks no way to them")
    func exceptions() throws {
        #expect(try specification(isUp: false).shortfall(seen(isUp: false, ways: [])) == nil)
        let ways = try whole.filter { $0.gateway != nil }
        #expect(try specification(connectsNetworks: false).shortfall(seen(ways: ways)) == nil)
    }
}

@Suite("What hosts lack")
struct HostShortfallTests {
    @Test("The end of a wire lacks addresses first, then routes, and nothing while it is down")
    func wire() throws {
        let end = HostEndSpecification(
            name: "veth1",
            addresses: [try cidr("10.78.0.1/32")],
            routes: [try route("10.78.0.2/32")]
        )
        let bare = end.shortfall(SeenLink(name: "veth1", isUp: true))
        #expect(bare?.findings == ["veth1 lacks address 10.78.0.1/32"])
        #expect(bare?.remedy == .hostEnd(HostEndSpecification(name: "veth1", addresses: end.addresses, routes: [])))
        let lost = end.shortfall(SeenLink(name: "veth1", isUp: true, addresses: end.addresses))
        #expect(lost?.remedy == .hostEnd(HostEndSpecification(name: "veth1", addresses: [], routes: end.routes)))
        let ways = [try way("10.78.0.2/32")]
        #expect(end.shortfall(SeenLink(name: "veth1", isUp: true, addresses: end.addresses, ways: ways)) == nil)
        #expect(end.shortfall(SeenLink(name: "veth1", isUp: false)) == nil)
    }

    @Test("A gateway's link lacks its address, or the way into its network")
    func gateway() throws {
        let address = try cidr("10.77.0.1/24")
        let shared = SharedAddress(address, link: "cni0", replacesOthers: false)
        let bare = shared.shortfall(SeenLink(name: "cni0", isUp: true))
        #expect(bare?.findings == ["cni0 lacks address 10.77.0.1/24"] && bare?.remedy == .sharedAddress(shared))
        let lost = shared.shortfall(SeenLink(name: "cni0", isUp: true, addresses: [address]))
        #expect(lost?.findings == ["cni0 lacks the route to 10.77.0.0/24"])
        let ways = [try way("10.77.0.0/24")]
        #expect(shared.shortfall(SeenLink(name: "cni0", isUp: true, addresses: [address], ways: ways)) == nil)
        let single = SharedAddress(CIDR.host(address.address), link: "cni0", replacesOthers: false)
        #expect(single.shortfall(SeenLink(name: "cni0", isUp: true, addresses: [single.address])) == nil)
    }
}
