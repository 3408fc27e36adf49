// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Linux
import Netlink
import TestSupport
import Wiring

/// A locally administered address that ends in a number.
func mac(_ number: UInt8) -> MACAddress {
    MACAddress.locallyAdministered([2, 0, 0, 0, 0, number]) ?? .zero
}

struct Malformed: Error {
    let text: String
}

/// Reads a network that the test vouches for.
func cidr(_ text: String) throws(Malformed) -> CIDR {
    guard let cidr = CIDR(text) else { throw Malformed(text: text) }
    return cidr
}

/// A plan as a bridge network would make it.
struct Plan: Sendable {
    var bridge = BridgeSpecification(
        name: "br0",
        address: mac(1),
        mtu: 0,
        isPromiscuous: false,
        filtersVLANs: false
    )
    var gateway = "10.1.2.1/24"
    var replacesOthers = false
    var pair = VethPair(
        host: VethPair.End(name: "veth0", address: mac(2)),
        container: VethPair.End(name: "eth0", address: mac(3)),
        mtu: 1400
    )
    var isHairpin = true
    /// Who may send; nil is anybody.
    var stations: [MACAddress]?
    var addresses = ["10.1.2.3/24", "fd00::5/64"]
    var routes = [("0.0.0.0/0", "10.1.2.1"), ("10.9.0.0/16", "10.1.2.1")]
    var isUp = true
    var awaitsPort = true
    /// Somebody removes the pair when all but the last step is done.
    var vanishes = false

    /// The whole plan, whose steps 0 to 3 concern the host alone.
    func changes() throws -> [Change] {
        var station = VirtualInterface(pair.host.name)
        station.isHairpin = isHairpin
        station.isIsolated = true
        station.allowedSources = stations
        let port = PortSpecification(station, of: bridge.name, knowsVLANs: false)
        let interface = InterfaceSpecification(
            name: pair.container.name,
            addresses: try addresses.map { text throws(Malformed) in try cidr(text) },
            routes: try routes.map { destination, gateway throws(Malformed) in
                Route(destination: try cidr(destination), gateway: IPAddress(gateway))
            },
            isUp: isUp,
            detectsDuplicates: false
        )
        let shared = SharedAddress(try cidr(gateway), link: bridge.name, replacesOthers: replacesOthers)
        var changes: [Change] = [
            .bridge(bridge), .sharedAddress(shared), .forwarding(.v4), .forwarding(.v6),
            .pair(pair, bridge: bridge.name), .port(port), .interface(interface),
        ]
        if vanishes { changes.append(.noLink(pair.host.name)) }
        if awaitsPort { changes.append(.operational(port: pair.host.name)) }
        return changes
    }
}

/// What was left behind by a plan, seen from outside of it.
struct Scene: Equatable, Sendable {
    var bridge: Link?
    var port: Link?
    var interface: Link?
    var gateways: [String]
    var addresses: [String]
    var routes: [String]
}

/// Both namespaces of a test, on its own thread.
struct Stage: ~Copyable {
    let home: NetworkNamespace
    let container: NetworkNamespace
    let host: NetlinkSocket
    let inside: NetlinkSocket

    init() throws {
        let home = try NetworkNamespace.current()
        let container = try anotherNamespace()
        let host = try NetlinkSocket()
        let inside = try container.socket(from: home)
        self.home = home
        self.container = container
        self.host = host
        self.inside = inside
    }

    /// A transaction from here into the container.
    borrowing func transaction() throws -> Transaction {
        try Transaction(into: try NetworkNamespace(path: container.path))
    }

    borrowing func look() throws -> Scene {
        let bridge = try host.link(named: "br0")
        let interface = try inside.link(named: "eth0")
        let routes = try interface == nil ? [] : inside.routes(.v4) + inside.routes(.v6)
        return Scene(
            bridge: bridge,
            port: try host.link(named: "veth0"),
            interface: interface,
            gateways: try bridge.map { try Stage.addresses(of: $0, on: host) } ?? [],
            addresses: try interface.map { try Stage.addresses(of: $0, on: inside) } ?? [],
            routes: routes.filter { $0.gateway != nil }.map { "\($0.destination)" }
        )
    }

    private static func addresses(of link: Link, on socket: borrowing NetlinkSocket) throws -> [String] {
        try socket.addresses(ofLink: link.index).filter { !$0.isLinkLocal }.map { "\($0.address)" }.sorted()
    }
}

extension Transaction {
    /// Applies a plan.
    ///
    /// - Returns: why not, or nil.
    mutating func failure(of plan: [Change]) -> PlanFailure? {
        do throws(PlanFailure) {
            try apply(plan)
            return nil
        } catch {
            return error
        }
    }
}
