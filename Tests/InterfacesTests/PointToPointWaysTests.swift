// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Netlink
import Testing

@testable import PTP

@Suite("Ways over a point-to-point wire")
struct PointToPointWaysTests {
    private static func leased(_ ips: [(String, String?)]) throws -> AddResult {
        AddResult(
            ips: try ips.map { address, gateway in
                AddResult.IPConfiguration(
                    address: try #require(CIDR(address)),
                    gateway: try gateway.map { try #require(IPAddress($0)) }
                )
            }
        )
    }

    private static func words(_ route: Route) -> String {
        let way = route.gateway.map { " via \($0)" } ?? ""
        let scope = route.scope.map { " scope \($0)" } ?? ""
        return "\(route.destination)\(way)\(scope)" + (route.preferredSource.map { " src \($0)" } ?? "")
    }

    @Test("Both families: the gateway alone is near, the network is behind it")
    func dual() throws {
        let ways = try PointToPointWays(Self.leased([("10.1.0.5/24", "10.1.0.1"), ("fd01::5/64", "fd01::1")]))
        #expect(ways.gateways.map(\.description) == ["10.1.0.1/32", "fd01::1/128"])
        #expect(ways.outside.map(Self.words) == ["10.1.0.5/32 scope 254", "fd01::5/128 scope 254"])
        #expect(
            ways.inside.map(Self.words) == [
                "10.1.0.1/32 scope 253 src 10.1.0.5", "10.1.0.0/24 via 10.1.0.1 src 10.1.0.5",
                "fd01::1/128 scope 253 src fd01::5", "fd01::/64 via fd01::1 src fd01::5",
            ]
        )
    }

    @Test("Two addresses behind one gateway: each way once, both come back")
    func twice() throws {
        let ways = try PointToPointWays(Self.leased([("10.1.0.5/24", "10.1.0.1"), ("10.1.0.6/24", "10.1.0.1")]))
        #expect(ways.gateways.map(\.description) == ["10.1.0.1/32"])
        #expect(ways.outside.count == 2)
        #expect(
            ways.inside.map(Self.words) == [
                "10.1.0.1/32 scope 253 src 10.1.0.5", "10.1.0.0/24 via 10.1.0.1 src 10.1.0.5",
            ]
        )
    }

    @Test("An address that is alone in its network has no network behind the gateway")
    func alone() throws {
        let ways = try PointToPointWays(Self.leased([("10.1.0.5/32", "169.254.1.1")]))
        #expect(ways.inside.map(Self.words) == ["169.254.1.1/32 scope 253 src 10.1.0.5"])
        #expect(ways.gateways.map(\.description) == ["169.254.1.1/32"])
    }

    @Test("Without a gateway of its family an address is refused", arguments: [nil, "fd01::1"])
    func without(gateway: String?) throws {
        #expect(throws: CNIError.self) { try PointToPointWays(Self.leased([("10.1.0.5/24", gateway)])) }
    }
}
