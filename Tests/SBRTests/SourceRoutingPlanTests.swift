// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Plugin
import TestSupport
import Testing

@testable import Netlink
@testable import SBR

@Suite("Plans of source routing")
struct SourceRoutingPlanTests {
    /// A route through link 9, made as the kernel would tell of it.
    private static func route(
        _ destination: String,
        via gateway: String? = nil,
        source: String? = nil,
        priority: Int = 0,
        link: Int32 = 9,
        table: Int = 254
    ) throws -> InstalledRoute {
        let cidr = try #require(CIDR(destination))
        var route = Route(destination: cidr, gateway: gateway.flatMap { IPAddress($0) })
        (route.priority, route.table) = (priority, table)
        let request = NetlinkRequest.addRoute(route, through: link, name: "eth0")
        let plain = NetlinkReply(type: Int(24), flags: 0, sequence: 1, payload: request.octets[16...])
        let read = try #require(InstalledRoute(plain, cidr.family))
        guard let address = source.flatMap({ IPAddress($0) }) else { return read }
        let hinted = NetlinkRequest.add(read, table: table, preferredSource: address)
        let reply = NetlinkReply(type: Int(24), flags: 0, sequence: 1, payload: hinted.octets[16...])
        return try #require(InstalledRoute(reply, cidr.family))
    }

    private static func rule(table: Int) -> RoutingRule {
        RoutingRule(family: .v6, source: nil, table: table, priority: 1, isPlain: true)
    }

    private static func ip(_ text: String, via gateway: String? = nil) throws -> AddResult.IPConfiguration {
        AddResult.IPConfiguration(address: try #require(CIDR(text)), gateway: gateway.flatMap { IPAddress($0) })
    }

    private static func plan(
        _ ips: [AddResult.IPConfiguration],
        _ routes: [InstalledRoute],
        rules: [RoutingRule] = [],
        _ members: String = ""
    ) throws -> SourceRoutingPlan {
        let configuration = try SourceRoutingConfiguration(Request("{\"name\": \"net\"\(members)}"))
        return SourceRoutingPlan(ips, SourceRoutingPlan.Facts(rules: rules, routes: routes, link: 9), configuration)
    }

    @Test("Each address gets the first table that neither a rule nor a route has")
    func tables() throws {
        let ips = try [Self.ip("10.1.0.2/24"), Self.ip("fd01::2/64"), Self.ip("10.1.0.3/24")]
        #expect(try Self.plan(ips, []).shares.map(\.table) == [100, 101, 102])
        let taken = try [Self.route("10.9.0.0/16", link: 3, table: 101)]
        let plan = try Self.plan(ips, taken, rules: [Self.rule(table: 100), Self.rule(table: 103)])
        #expect(plan.shares.map(\.table) == [102, 104, 105])
    }

    @Test("Tables that are everybody's are passed over")
    func reserved() throws {
        let rules = (100..<253).map { Self.rule(table: $0) }
        #expect(try Self.plan([Self.ip("10.1.0.2/24")], [], rules: rules).shares.map(\.table) == [256])
    }

    @Test("Routes of the interface move, those to the link first; others' stay")
    func move() throws {
        let behind = try Self.route("203.0.113.0/24", via: "10.1.0.1")
        let own = try Self.route("10.1.0.0/24", source: "10.1.0.2")
        let others = try [Self.route("10.7.0.0/24", link: 3), Self.route("10.8.0.0/24", table: 77)]
        let plan = try Self.plan([Self.ip("10.1.0.2/24", via: "10.1.0.1")], [behind, own] + others)
        #expect(plan.shares[0].copies == [own, behind])
        #expect(plan.shares[0].gateway == IPAddress("10.1.0.1"))
        #expect(plan.removals == [behind, own], "on the way back the link's route comes first")
        #expect(plan.hints == [])
    }

    @Test("Routes of a network belong to its address, and those of none to every address")
    func owners() throws {
        let ips = try [Self.ip("10.1.0.2/24"), Self.ip("10.2.0.2/24")]
        let first = try Self.route("10.1.0.0/24", source: "10.1.0.2")
        let second = try Self.route("203.0.113.0/24", via: "10.2.0.1")
        let nobody = try Self.route("198.51.100.0/24", via: "10.99.0.1")
        let plan = try Self.plan(ips, [first, second, nobody])
        #expect(plan.shares.map(\.copies) == [[first, nobody], [second, nobody]])
    }

    @Test("A family without an address keeps its routes, and so do IPv6 neighbours")
    func families() throws {
        let own = try Self.route("10.1.0.0/24", source: "10.1.0.2")
        let neighbours = try Self.route("fe80::/64", priority: 256)
        let six = try Self.route("fd01::/64", priority: 256)
        #expect(try Self.plan([Self.ip("10.1.0.2/24")], [own, neighbours, six]).removals == [own])
        let both = try Self.plan([Self.ip("10.1.0.2/24"), Self.ip("fd01::2/64")], [own, neighbours, six])
        #expect(both.removals == [own, six])
        #expect(both.shares.map(\.copies) == [[own], [neighbours, six]])
    }

    @Test("A default route of the same priority is copied instead of made, one of another is both")
    func defaults() throws {
        let ip = try Self.ip("10.1.0.2/24", via: "10.1.0.1")
        let plain = try Self.route("0.0.0.0/0", via: "10.1.0.9")
        #expect(try Self.plan([ip], [plain]).shares.map(\.gateway) == [nil])
        let far = try Self.route("0.0.0.0/0", via: "10.1.0.9", priority: 5)
        #expect(try Self.plan([ip], [far]).shares.map(\.gateway) == [IPAddress("10.1.0.1")])
    }

    @Test("A gateway of the configuration replaces every default route of its family, and none of the other")
    func gateways() throws {
        let ips = try [Self.ip("10.1.0.2/24", via: "10.1.0.1"), Self.ip("fd01::2/64", via: "fd01::1")]
        let routes = try [
            Self.route("0.0.0.0/0", via: "10.1.0.9"), Self.route("::/0", via: "fd01::9", priority: 1024),
        ]
        let plan = try Self.plan(ips, routes, #", "gateways": ["10.1.0.5"]"#)
        #expect(plan.shares.map(\.gateway) == [IPAddress("10.1.0.5"), nil])
        #expect(plan.shares.map(\.copies) == [[], [routes[1]]])
        #expect(Set(plan.removals) == Set(routes))
    }

    @Test("With source hints the main table keeps what ends on the link, with an address to come from")
    func hints() throws {
        let ips = try [Self.ip("10.1.0.2/24"), Self.ip("fd01::2/64")]
        let own = try Self.route("10.1.0.0/24", source: "10.1.0.2")
        let six = try Self.route("fd01::/64", priority: 256)
        let behind = try Self.route("203.0.113.0/24", via: "10.1.0.1")
        let plan = try Self.plan(ips, [own, six, behind], #", "addSourceHints": true"#)
        #expect(plan.removals == [behind])
        #expect(plan.hints.map(\.route) == [six])
        #expect(plan.hints.map(\.address) == [IPAddress("fd01::2")])
    }

    @Test("Every step has one that takes it back, rules first")
    func steps() throws {
        let own = try Self.route("10.1.0.0/24", source: "10.1.0.2")
        let plan = try Self.plan([Self.ip("10.1.0.2/24", via: "10.1.0.1")], [own])
        let filling = plan.filling(link: 9, name: "eth0")
        #expect(
            filling.map(\.request.operation) == [
                "add rule from 10.1.0.2 lookup 100", "add route to 10.1.0.0/24 to table 100",
                "add route to 0.0.0.0/0 via 10.1.0.1 through eth0",
            ]
        )
        #expect(
            filling.map(\.inverse.operation) == [
                "delete rule from 10.1.0.2 lookup 100", "delete route to 10.1.0.0/24 from table 100",
                "delete route to 0.0.0.0/0 via 10.1.0.1 through eth0",
            ]
        )
        #expect(plan.clearing.map(\.request.operation) == ["delete route to 10.1.0.0/24 from table 254"])
        #expect(plan.clearing.map(\.inverse.operation) == ["add route to 10.1.0.0/24 to table 254"])
    }

    @Test(
        "What makes no sense is refused",
        arguments: [
            #""table": 0"#, #""table": 4294967296"#, #""table": "7""#, #""gateways": ["10.0.0.1", "10.0.0.2"]"#,
            #""gateways": [""]"#, #""gateways": ["x"]"#, #""addSourceHints": 1"#,
        ]
    )
    func refused(member: String) throws {
        let request = try Request("{\"name\": \"net\", \(member)}")
        #expect(throws: CNIError.self) { try SourceRoutingConfiguration(request) }
    }
}
