// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Routes in the kernel", .enabled(if: canUnshare, "needs root"))
struct RouteKernelTests {
    /// A route to 10.9.0.0/16 or, with a gateway of IPv6, to fd09::/64.
    private static func route(via gateway: String? = nil) throws -> Route {
        let gateway = gateway.flatMap { IPAddress($0) }
        let destination = gateway?.family == .v6 ? "fd09::/64" : "10.9.0.0/16"
        return Route(destination: try cidr(destination), gateway: gateway)
    }

    /// Adds routes through a link that has 10.1.2.3/24 and fd00::5/64.
    ///
    /// - Returns: what was refused, and the routes to the destinations in question.
    private static func add(_ routes: [Route]) throws -> (refusals: [KernelError?], routes: [Route]) {
        try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            for text in ["10.1.2.3/24", "fd00::5/64"] {
                try socket.execute(.addAddress(try cidr(text), to: index, name: "br0"))
            }
            let refusals = routes.map { socket.refusal(of: .addRoute($0, through: index, name: "br0")) }
            let found = try socket.routes(.v4) + socket.routes(.v6)
            let destinations = Set(routes.map(\.destination))
            return (refusals, found.filter { destinations.contains($0.destination) })
        }
    }

    @Test("A route comes back as it was given", arguments: [nil, "10.1.2.1", "fd00::1"])
    func plain(gateway: String?) throws {
        let route = try Self.route(via: gateway)
        let (refusals, found) = try Self.add([route])
        #expect(refusals == [nil])
        #expect(found.map(\.destination) == [route.destination])
        #expect(found.map(\.gateway) == [route.gateway])
        #expect(found.map(\.table) == [254])
        #expect(found.map(\.scope) == [gateway == nil ? 253 : 0])
    }

    @Test(
        "A route has the metrics, the priority, the table and the scope it was given",
        arguments: ["10.1.2.1", "fd00::1"]
    )
    func everything(gateway: String) throws {
        var route = try Self.route(via: gateway)
        route.priority = 77
        route.table = 1000
        route.scope = 0
        route.mtu = 1300
        route.advertisedSegmentSize = 1260
        let (refusals, found) = try Self.add([route])
        #expect(refusals == [nil])
        #expect(found == [route])
    }

    @Test("A gateway outside of every network is refused with the kernel's words, unless it is said to be on the link")
    func gatewayElsewhere() throws {
        var route = try Self.route(via: "10.7.7.7")
        let without = try Self.add([route])
        #expect(without.refusals.first??.operation == "add route to 10.9.0.0/16 via 10.7.7.7 through br0")
        #expect(without.refusals.first??.errno == .networkUnreachable)
        #expect(without.refusals.first??.explanation == "Nexthop has invalid gateway")
        #expect(without.routes == [])
        route.isOnLink = true
        let with = try Self.add([route])
        #expect(with.refusals == [nil])
        #expect(with.routes.map(\.gateway) == [route.gateway])
    }

    @Test("A route to a gateway on the link opens the way through it", arguments: ["10.7.7.7", "fd07::7"])
    func gatewayWithRoute(text: String) throws {
        var near = Route(destination: CIDR.host(try #require(IPAddress(text))))
        near.scope = 253
        let through = try Self.route(via: text)
        #expect(try Self.add([through]).refusals.map { $0 == nil } == [false])
        let (refusals, found) = try Self.add([near, through])
        #expect(refusals == [nil, nil])
        #expect(Set(found.map(\.destination)) == [near.destination, through.destination])
        #expect(found.first { $0.destination == through.destination }?.gateway == through.gateway)
        var direct = through
        direct.isOnLink = true
        #expect(try Self.add([direct]).refusals == [nil])
    }

    @Test("Just the same route is refused as existing, another gateway or priority is another route")
    func duplicates() throws {
        var preferred = try Self.route(via: "10.1.2.1")
        preferred.priority = 5
        let routes = [
            try Self.route(via: "10.1.2.1"), try Self.route(via: "10.1.2.1"), try Self.route(via: "10.1.2.2"),
            preferred,
        ]
        #expect(try Self.add(routes).refusals.map { $0?.errno } == [nil, .fileExists, nil, nil])
    }

    @Test("Default routes of both families are found as such")
    func defaultRoutes() throws {
        let routes = [
            Route(destination: try cidr("0.0.0.0/0"), gateway: IPAddress("10.1.2.1")),
            Route(destination: try cidr("::/0"), gateway: IPAddress("fd00::1")),
        ]
        let (refusals, found) = try Self.add(routes)
        #expect(refusals == [nil, nil])
        #expect(found.map(\.destination.isDefaultRoute) == [true, true])
        #expect(found.map(\.gateway) == routes.map(\.gateway))
    }

    @Test("Lists leave out what is local, and hold what an address brings along")
    func connected() throws {
        let texts = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            try socket.execute(.addAddress(try cidr("10.1.2.3/24"), to: index, name: "br0"))
            return try socket.routes(.v4).map { "\($0.destination)" }
        }
        #expect(texts == ["10.1.2.0/24"])
    }
}
