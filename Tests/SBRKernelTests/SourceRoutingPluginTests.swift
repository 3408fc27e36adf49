// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Linux
import Netlink
import Plugin
import SBR
import TestSupport
import Testing

@Suite("The sbr plugin", .enabled(if: canUnshare, "needs root"))
struct SourceRoutingPluginTests {
    /// What one verb answered, and how the container routed afterwards.
    private struct Outcome: Sendable {
        var error: CNIError?
        var rules: [String] = []
        /// Of the interface: table and destination.
        var routes: Set<String> = []
    }

    private static func look(_ socket: borrowing NetlinkSocket, _ index: Int32) throws -> ([String], Set<String>) {
        let rules = try (socket.rules(.v4) + socket.rules(.v6)).compactMap { rule in
            rule.source.map { "\($0) \(rule.table)" }
        }
        let routes = try (socket.installedRoutes(.v4) + socket.installedRoutes(.v6)).filter { $0.link == index }
        return (rules.sorted(), Set(routes.map { "\($0.table) \($0)" }))
    }

    /// Runs verbs one after the other for a container whose `eth0` has an address of either family.
    private static func run(
        _ members: String,
        gateway: String = "10.1.0.1",
        _ verbs: [@Sendable (Request) -> Verb]
    ) throws -> [Outcome] {
        try inNewNamespace {
            let home = try NetworkNamespace.current()
            let container = try anotherNamespace()
            let inside = try container.socket(from: home)
            let address = MACAddress("0a:00:00:00:00:01") ?? .zero
            try inside.execute(.addBridge("eth0", address: address, mtu: 1500, filtersVLANs: false))
            let index = try inside.link(named: "eth0")?.index ?? 0
            for text in ["10.1.0.2/24", "fd01::2/64"] {
                guard let cidr = CIDR(text) else { continue }
                try inside.execute(.addAddress(cidr, to: index, name: "eth0"))
            }
            try inside.execute(.setUp(true, link: index, name: "eth0"))
            let text = """
                {"cniVersion": "1.1.0", "name": "blue"\(members), "prevResult": {"ips": [
                {"address": "10.1.0.2/24", "gateway": "\(gateway)"}, {"address": "fd01::2/64", "gateway": "fd01::1"}]}}
                """
            let request = try Request(text, ["CNI_NETNS": container.path])
            return try verbs.map { verb in
                var outcome = Outcome()
                do throws(CNIError) {
                    _ = try sbr.answer(verb(request))
                } catch {
                    outcome.error = error
                }
                (outcome.rules, outcome.routes) = try look(inside, index)
                return outcome
            }
        }
    }

    @Test("ADD gives each address a table, CHECK agrees, DEL puts the routes back, and can be repeated")
    func story() throws {
        let outcomes = try Self.run(
            "",
            [{ .check($0) }, { .add($0) }, { .check($0) }, { .delete($0) }, { .delete($0) }, { .add($0) }]
        )
        #expect(outcomes[0].error?.details.contains("rule from 10.1.0.2 is missing") == true)
        #expect(outcomes.dropFirst().allSatisfy { $0.error == nil })
        #expect(outcomes[1].rules == ["10.1.0.2/32 100", "fd01::2/128 101"])
        #expect(outcomes[1].routes.isSuperset(of: ["100 route to 10.1.0.0/24", "100 route to 0.0.0.0/0 via 10.1.0.1"]))
        #expect(outcomes[1].routes.isSuperset(of: ["101 route to fd01::/64", "101 route to ::/0 via fd01::1"]))
        #expect(outcomes[1].routes.isDisjoint(with: ["254 route to 10.1.0.0/24", "254 route to fd01::/64"]))
        for outcome in outcomes[3...4] {
            #expect(outcome.rules == [])
            #expect(outcome.routes.isSuperset(of: outcomes[0].routes))
            #expect(outcome.routes.allSatisfy { $0.hasPrefix("254 ") })
        }
        #expect(outcomes[5].rules == outcomes[1].rules)
    }

    @Test("With a table there are only rules, however often they are asked for")
    func table() throws {
        let outcomes = try Self.run(
            #", "table": 70000"#,
            [{ .check($0) }, { .add($0) }, { .add($0) }, { .check($0) }, { .delete($0) }]
        )
        #expect(outcomes[0].error != nil && outcomes.dropFirst().allSatisfy { $0.error == nil })
        #expect(outcomes[2].rules == ["10.1.0.2/32 70000", "fd01::2/128 70000"])
        #expect(outcomes.map(\.routes) == Array(repeating: outcomes[0].routes, count: 5))
        #expect(outcomes[4].rules == [])
    }

    @Test("A gateway nobody can reach is refused, and everything is as it was")
    func refusal() throws {
        let outcomes = try Self.run("", gateway: "10.99.0.1", [{ .check($0) }, { .add($0) }])
        #expect(outcomes[1].error?.code == CNIError.Code.kernelRefused.rawValue)
        #expect(outcomes[1].error?.details.contains("add route to 0.0.0.0/0 via 10.99.0.1 through eth0") == true)
        #expect(outcomes[1].rules == [] && outcomes[1].routes == outcomes[0].routes)
    }

    @Test("DEL needs no namespace", arguments: ["", "/nowhere/at/all", "/etc/passwd"])
    func gone(path: String) throws {
        let request = try Request(#"{"name": "blue", "table": "x"}"#, ["CNI_COMMAND": "DEL", "CNI_NETNS": path])
        #expect(try sbr.answer(.delete(request)) == .nothing)
    }
}
