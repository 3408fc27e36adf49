// SPDX-License-Identifier: Apache-2.0
import Addressing
import Bridge
import CNI
import Linux
import Netlink
import Plugin
import TestSupport
import Testing

@Suite("Routes of a container on a bridge", .enabled(if: canUnshare, "needs root"))
struct BridgeRouteTests {
    /// An IPAM plugin that has one answer.
    private static func addresses(_ ips: [String], routes: [AddResult.Route]) throws -> Program {
        let ips = try ips.map { text in
            let words = text.split(separator: " ").map(String.init)
            return AddResult.IPConfiguration(address: try #require(CIDR(words[0])), gateway: IPAddress(words[1]))
        }
        return Program(name: "fake", about: "fake: for tests") { verb throws(CNIError) in
            guard case .add = verb else { return .nothing }
            return .result(AddResult(ips: ips, routes: routes))
        }
    }

    /// The routes of the main table and of table 1000 after an ADD, those that come with addresses left out.
    private static func routes(_ ipam: Program) throws -> (error: CNIError?, routes: [Route]) {
        try withTemporaryDirectory { root in
            try makeSymbolicLink("\(root)/fake", to: "/proc/self/exe")
            let text = #"{"cniVersion": "1.1.0", "name": "blue", "type": "bridge", "ipam": {"type": "fake"}}"#
            return try inNewNamespace {
                let home = try NetworkNamespace.current()
                let container = try anotherNamespace()
                let request = try Request(
                    text,
                    ["CNI_NETNS": container.path, "CULVERT_RUN_DIR": root, "CNI_PATH": root],
                    siblings: [ipam]
                )
                do throws(CNIError) {
                    _ = try bridge.answer(.add(request))
                } catch {
                    return (error, [])
                }
                let inside = try container.socket(from: home)
                let all = try inside.routes(.v4) + inside.routes(.v6)
                return (nil, all.filter { [254, 1000].contains($0.table) && ($0.gateway != nil || $0.scope == 253) })
            }
        }
    }

    @Test("A route has all that IPAM says of it")
    func everything() throws {
        let destination = try #require(CIDR("10.9.0.0/16"))
        let given = AddResult.Route(
            destination: destination,
            gateway: IPAddress("10.1.2.9"),
            mtu: 1300,
            advmss: 1260,
            priority: 77,
            table: 1000,
            scope: 0
        )
        let (error, routes) = try Self.routes(Self.addresses(["10.1.2.3/24 10.1.2.1"], routes: [given]))
        #expect(error == nil)
        let route = try #require(routes.first { $0.destination == destination })
        #expect(route.gateway == given.gateway && route.mtu == 1300 && route.advertisedSegmentSize == 1260)
        #expect(route.priority == 77 && route.table == 1000 && route.scope == 0)
    }

    @Test("A gateway outside of every subnet is used when it has a route on the link, or is said to be on the link")
    func onLink() throws {
        let (any, gateway) = try (#require(CIDR("0.0.0.0/0")), #require(IPAddress("169.254.1.1")))
        let near = AddResult.Route(destination: .host(gateway), scope: 253)
        let through = AddResult.Route(destination: any)
        let direct = AddResult.Route(destination: any, isOnLink: true)
        let answers = try [[near, through], [direct], [through]].map { routes in
            try Self.routes(Self.addresses(["10.1.2.3/24 169.254.1.1"], routes: routes))
        }
        #expect(answers.map { $0.error == nil } == [true, true, false])
        for answer in answers.prefix(2) {
            #expect(answer.routes.first { $0.destination == any }?.gateway == gateway)
        }
    }
}
