// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Netlink
import Testing

@testable import Bridge

/// What an IPAM plugin gave.
///
/// - Parameters:
///   - ips: addresses, with their gateway behind a blank if there is one.
///   - routes: destinations, likewise.
/// - Returns: the result.
/// - Throws: when a text is no address.
func leased(_ ips: [String], routes: [String] = []) throws -> AddResult {
    AddResult(
        ips: try ips.map { text in
            let words = text.split(separator: " ").map(String.init)
            return AddResult.IPConfiguration(
                address: try #require(CIDR(words[0])),
                gateway: words.count > 1 ? IPAddress(words[1]) : nil
            )
        },
        routes: try routes.map { text in
            let words = text.split(separator: " ").map(String.init)
            return AddResult.Route(
                destination: try #require(CIDR(words[0])),
                gateway: words.count > 1 ? IPAddress(words[1]) : nil
            )
        }
    )
}

@Suite("What addresses mean on a bridge")
struct BridgeAddressingTests {
    private static func text(_ routes: [Route]) -> [String] {
        routes.map { route in "\(route.destination)" + (route.gateway.map { " \($0)" } ?? "") }
    }

    @Test(
        "The bridge carries the gateways, given or first of the network, each once, with the network's prefix",
        arguments: [
            (["10.1.2.3/24 10.1.2.254"], ["10.1.2.254/24"]), (["10.1.2.3/24"], ["10.1.2.1/24"]),
            (["10.1.2.3/24", "fd00::5/64 fd00::1"], ["10.1.2.1/24", "fd00::1/64"]),
            (["10.1.2.3/24", "10.1.2.4/24"], ["10.1.2.1/24"]),
            (["10.1.2.3/24", "10.1.3.3/24"], ["10.1.2.1/24", "10.1.3.1/24"]),
            (["fd00::5/64"], ["fd00::1/64"]), (["10.1.2.3/24 fd00::1"], []), ([], []),
            (["10.1.2.3/32"], ["10.1.2.4/32"]),
            (["255.255.255.255/32"], []),
        ]
    )
    func gateways(ips: [String], expected: [String]) throws {
        let addressing = BridgeAddressing(try leased(ips), try configuration(#""isGateway": true"#))
        #expect(addressing.gateways.map { "\($0)" } == expected)
    }

    @Test("A bridge that is no gateway carries nothing, and no gateway is made up")
    func noGateway() throws {
        let given = try leased(["10.1.2.3/24", "fd00::5/64 fd00::1"], routes: ["0.0.0.0/0", "::/0"])
        let addressing = BridgeAddressing(given, try configuration(""))
        #expect(addressing.gateways == [])
        #expect(addressing.result == given)
        #expect(Self.text(addressing.routes) == ["0.0.0.0/0", "::/0 fd00::1"])
    }

    @Test(
        "A default gateway means a default route per family, unless one with a gateway is given",
        arguments: [
            (["10.1.2.3/24"], [], ["0.0.0.0/0 10.1.2.1"]),
            (["10.1.2.3/24", "fd00::5/64"], [], ["0.0.0.0/0 10.1.2.1", "::/0 fd00::1"]),
            (["10.1.2.3/24"], ["0.0.0.0/0 10.1.2.9"], ["0.0.0.0/0 10.1.2.9"]),
            (["10.1.2.3/24"], ["10.9.0.0/16"], ["10.9.0.0/16 10.1.2.1", "0.0.0.0/0 10.1.2.1"]),
            (["10.1.2.3/24", "fd00::5/64"], ["::/0 fd00::9"], ["::/0 fd00::9", "0.0.0.0/0 10.1.2.1"]),
            (["10.1.2.3/24 10.1.2.7", "10.1.3.3/24"], [], ["0.0.0.0/0 10.1.2.7"]), ([], [], []),
        ]
    )
    func defaultRoutes(ips: [String], routes: [String], expected: [String]) throws {
        let addressing = BridgeAddressing(
            try leased(ips, routes: routes),
            try configuration(#""isDefaultGateway": true"#)
        )
        #expect(Self.text(addressing.routes) == expected)
        // The answer tells the container's owner the same.
        #expect(addressing.result.routes.map { "\($0.destination)" } == addressing.routes.map { "\($0.destination)" })
    }

    @Test("Routes go through their own gateway, else the first of their family, else to the link")
    func routes() throws {
        let given = try leased(
            ["10.1.2.3/24 10.1.2.1", "10.1.3.3/24 10.1.3.1", "fd00::5/64"],
            routes: ["10.8.0.0/16 10.1.3.9", "10.9.0.0/16", "fd09::/64"]
        )
        let addressing = BridgeAddressing(given, try configuration(""))
        #expect(Self.text(addressing.routes) == ["10.8.0.0/16 10.1.3.9", "10.9.0.0/16 10.1.2.1", "fd09::/64"])
    }

    @Test("What a route says besides is applied")
    func metrics() throws {
        var given = try leased(["10.1.2.3/24"])
        let destination = try #require(CIDR("10.9.0.0/16"))
        given.routes = [
            AddResult.Route(destination: destination, mtu: 1300, advmss: 1260, priority: 7, table: 1000, scope: 253)
        ]
        let route = try #require(BridgeAddressing(given, try configuration("")).routes.first)
        #expect(route.mtu == 1300 && route.advertisedSegmentSize == 1260)
        #expect(route.priority == 7 && route.table == 1000 && route.scope == 253)
    }

    @Test("A gateway is on the link where the route says so, and where there is none nothing is")
    func onLink() throws {
        var given = try leased(["10.1.2.3/24 169.254.1.1"])
        let destination = try #require(CIDR("10.9.0.0/16"))
        given.routes = [
            AddResult.Route(destination: destination, isOnLink: true), AddResult.Route(destination: destination),
            AddResult.Route(destination: destination, scope: 253, isOnLink: true),
        ]
        let routes = BridgeAddressing(given, try configuration("")).routes
        #expect(routes.map(\.gateway) == [IPAddress("169.254.1.1"), IPAddress("169.254.1.1"), nil])
        #expect(routes.map(\.isOnLink) == [true, false, false])
    }
}
