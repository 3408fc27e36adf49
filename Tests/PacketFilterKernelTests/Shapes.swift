// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Testing

/// One rule: how it is composed, and how nft 1.0.6 prints it.
struct Shape: Sendable, CustomTestStringConvertible {
    let family: Family
    let hook: ChainHook
    let text: String
    let statements: [Statement]

    init(_ family: Family, _ hook: ChainHook, _ text: String, _ statements: Statement...) {
        self.family = family
        self.hook = hook
        self.text = text
        self.statements = statements
    }

    init(_ family: Family, _ text: String, _ statements: Statement...) {
        self.family = family
        hook = family == .arp ? Shape.arpInput : family == .bridge ? Shape.bridgeForward : Shape.forward
        self.text = text
        self.statements = statements
    }

    var testDescription: String { "\(family.name): \(text)" }

    static let forward = ChainHook(.filter, .forward, priority: .filter, policy: .accept)
    static let bridgeForward = ChainHook(.filter, .forward, priority: .bridgeFilter, policy: .accept)
    static let arpInput = ChainHook(.filter, .input, priority: .filter, policy: .accept)
    static let prerouting = ChainHook(.nat, .prerouting, priority: .dstnat, policy: .accept)
    static let postrouting = ChainHook(.nat, .postrouting, priority: .srcnat, policy: .accept)
    static let input = ChainHook(.filter, .input, priority: .filter, policy: .accept)
    static let raw = ChainHook(.filter, .prerouting, priority: .raw, policy: .accept)

    static func address(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }

    static func network(_ text: String) -> Datum {
        guard let network = CIDR(text) else { preconditionFailure("\(text) is no network") }
        return .network(network)
    }

    static func host(_ text: String) -> Datum { .address(address(text)) }

    static func station(_ text: String) -> Datum {
        guard let address = MACAddress(text) else { preconditionFailure("\(text) is no address") }
        return .ether(address)
    }
}

/// The sets that shapes look into.
struct ShapeSets {
    let table: Table

    init(_ family: Family) {
        table = Table(family, "t")
    }

    var addresses: NamedSet { NamedSet(table, "addresses", key: [.ipv4Address]) }
    var addresses6: NamedSet { NamedSet(table, "addresses6", key: [.ipv6Address]) }
    var networks: NamedSet { NamedSet(table, "networks", key: [.ipv4Address], flags: .interval) }
    var destinations: NamedSet {
        NamedSet(table, "destinations", key: [.ipv4Address, .inetProto, .inetService], flags: .interval)
    }
    var pairs: NamedSet { NamedSet(table, "pairs", key: [.ipv4Address, .ipv4Address]) }
    var stations: NamedSet { NamedSet(table, "stations", key: [.interfaceName, .etherAddress]) }
    var marked: NamedSet { NamedSet(table, "marked", key: [.mark, .ipv4Address], flags: .interval) }
    var interfaces: NamedSet { NamedSet(table, "interfaces", key: [.interfaceName], content: .verdict) }
    var ways: NamedSet { NamedSet(table, "ways", key: [.interfaceName, .interfaceName], content: .verdict) }
    var ports: NamedSet {
        NamedSet(table, "ports", key: [.inetProto, .inetService], content: .values([.ipv4Address, .inetService]))
    }
    var hostPorts: NamedSet {
        NamedSet(
            table,
            "hostPorts",
            key: [.ipv4Address, .inetProto, .inetService],
            content: .values([.ipv4Address, .inetService])
        )
    }
    var hostPorts6: NamedSet {
        NamedSet(
            table,
            "hostPorts6",
            key: [.ipv6Address, .inetProto, .inetService],
            content: .values([.ipv6Address, .inetService])
        )
    }
    var backends: NamedSet {
        NamedSet(table, "backends", key: [.inetService], content: .values([.ipv4Address]))
    }
    var marks: NamedSet { NamedSet(table, "marks", key: [.ipv4Address], content: .values([.mark])) }

    var all: [NamedSet] {
        [
            addresses, addresses6, networks, destinations, pairs, stations, marked, interfaces, ways, ports, hostPorts,
            hostPorts6, backends, marks,
        ]
    }
}
