// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Reachability
import Testing

/// A host with a bridge of two containers, and one uplink.
struct SmallHost {
    static let host = 0
    static let first = 1
    static let second = 2

    var model = HostModel()

    init() throws {
        var host = HostModel.Namespace("host")
        host.links = [
            loopback(), link(10, "br0", "bridge", 1), port(11, "veth1", peer: 2, 2), port(12, "veth2", peer: 2, 3),
            link(20, "eth0", "", 4),
        ]
        host.addresses = [
            try address("127.0.0.1/8", 1), try address("10.0.0.1/24", 10), try address("192.0.2.1/24", 20),
        ]
        host.routes = [
            try route("10.0.0.0/24", 10), try route("192.0.2.0/24", 20), try route("0.0.0.0/0", 20, via: "192.0.2.9"),
        ]
        host.settings = ["ipv4/conf/br0/forwarding": 1, "ipv4/conf/eth0/forwarding": 1]
        model.namespaces = [try finished(host)]
        for (number, name) in ["c1", "c2"].enumerated() {
            var space = HostModel.Namespace(name)
            var end = link(2, "eth0", "veth", UInt64(16 + number))
            (end.peer, end.isPeerAbroad) = (Int32(11 + number), true)
            space.links = [loopback(), end]
            space.addresses = [try address("127.0.0.1/8", 1), try address("10.0.0.\(2 + number)/24", 2)]
            space.routes = [try route("10.0.0.0/24", 2), try route("0.0.0.0/0", 2, via: "10.0.0.1")]
            space.sockets = [try socket(80)]
            model.namespaces.append(try finished(space))
        }
    }

    /// Local routes and the usual rules.
    private func finished(_ original: HostModel.Namespace) throws -> HostModel.Namespace {
        var space = original
        for entry in space.addresses {
            var own = HostModel.Route(CIDR.host(entry.address.address), link: entry.link)
            (own.kind, own.table) = (.local, 255)
            space.routes.append(own)
        }
        space.policies = [
            HostModel.Policy(.v4, priority: 0, table: 255), HostModel.Policy(.v4, priority: 32766, table: 254),
        ]
        return space
    }

    private func loopback() -> HostModel.Link {
        var link = HostModel.Link(index: 1, name: "lo", kind: "", address: .zero)
        link.isLoopback = true
        return link
    }

    private func link(_ index: Int32, _ name: String, _ kind: String, _ number: UInt64) -> HostModel.Link {
        HostModel.Link(index: index, name: name, kind: kind, address: MACAddress(value: 0x0200_0000_0000 | number))
    }

    private func port(_ index: Int32, _ name: String, peer: Int32, _ number: UInt64) -> HostModel.Link {
        var port = link(index, name, "veth", number)
        (port.peer, port.isPeerAbroad, port.master, port.port) = (peer, true, 10, HostModel.Port())
        return port
    }

    private func address(_ text: String, _ link: Int32) throws -> HostModel.Address {
        HostModel.Address(try #require(CIDR(text)), link: link)
    }

    func route(_ text: String, _ link: Int32?, via gateway: String? = nil) throws -> HostModel.Route {
        var route = HostModel.Route(try #require(CIDR(text)), link: link)
        route.gateway = gateway.flatMap { IPAddress($0) }
        return route
    }

    func socket(_ port: UInt16, at address: String = "0.0.0.0") throws -> HostModel.Socket {
        let own = try #require(IPAddress(address))
        return HostModel.Socket(transport: 6, address: own, port: port, hearsIPv4: true, hearsIPv6: false)
    }

    /// Changes one of the host's links.
    mutating func change(_ name: String, _ body: (inout HostModel.Link) -> Void) {
        for index in model.namespaces[0].links.indices where model.namespaces[0].links[index].name == name {
            body(&model.namespaces[0].links[index])
        }
    }

    /// Hooks a chain with some rules into the host.
    mutating func add(
        _ family: Family,
        _ hook: ChainHook,
        _ rules: [[Statement]],
        table: String = "t",
        chain: String = "c"
    ) {
        let chain = Chain(Table(family, table), chain)
        model.namespaces[0].ruleset.chains.append(InstalledChain(chain, at: hook))
        model.namespaces[0].ruleset.rules[chain] = rules.enumerated().map { index, statements in
            installed(Rule(chain, statements), UInt64(index + 1))
        }
    }

    mutating func add(_ expressions: [Expression], to point: ChainHook.Point) {
        let chain = Chain(Table(.inet, "raw"), "x\(point)")
        let hook = ChainHook(.filter, point, priority: .filter, policy: .accept)
        model.namespaces[0].ruleset.chains.append(InstalledChain(chain, at: hook))
        model.namespaces[0].ruleset.rules[chain] = [installed(Rule(chain, expressions: expressions), 1)]
    }

    private func installed(_ rule: Rule, _ handle: UInt64) -> InstalledRule {
        InstalledRule(rule, handle: handle)
    }

    func trace(_ origin: Int, _ target: String, _ port: UInt16 = 80, source: String? = nil) throws -> Trace {
        let destination = try #require(IPAddress(target))
        let source = source.flatMap { IPAddress($0) }
        return Trace(Flow(origin: origin, source: source, destination: destination, destinationPort: port), on: model)
    }
}
