// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import Wiring

/// Why a plan cannot be carried out, one reason for every step of it.
enum Obstacle: String, CaseIterable, Sendable {
    case bridgeIsNone
    case bridgeNameIsNone
    case bridgeHasAnotherAddress
    case hostNameIsTaken
    case containerNameIsTaken
    case mtuIsNone
    case portTakesNoStation
    case addressIsTwice
    case gatewayIsElsewhere
    case routeIsTwice
    case pairVanishes

    /// Puts what is in the way into the namespaces.
    func prepare(_ host: borrowing NetlinkSocket, _ inside: borrowing NetlinkSocket) throws {
        switch self {
        case .bridgeHasAnotherAddress:
            try host.execute(.addBridge("br0", address: mac(9), mtu: 0, filtersVLANs: false))
            guard let bridge = try host.link(named: "br0") else { return }
            try host.execute(.addAddress(try cidr("10.7.7.1/24"), to: bridge.index, name: "br0"))
        case .containerNameIsTaken:
            try inside.execute(.addBridge("eth0", address: mac(9), mtu: 0, filtersVLANs: false))
        case .bridgeIsNone, .bridgeNameIsNone, .hostNameIsTaken, .mtuIsNone, .portTakesNoStation, .addressIsTwice,
            .gatewayIsElsewhere, .routeIsTwice, .pairVanishes:
            break
        }
    }

    /// Makes the plan one that cannot be carried out.
    func change(_ plan: inout Plan) {
        switch self {
        case .bridgeIsNone: plan.bridge = Self.bridge("lo")
        case .bridgeNameIsNone: plan.bridge = Self.bridge("a/b")
        case .hostNameIsTaken: plan.pair = Self.pair(host: "lo")
        case .mtuIsNone: plan.pair = Self.pair(mtu: 67)
        case .portTakesNoStation: plan.stations = [.zero]
        case .addressIsTwice: plan.addresses.append(plan.addresses[0])
        case .gatewayIsElsewhere: plan.routes.append(("10.8.0.0/16", "10.7.7.7"))
        case .routeIsTwice: plan.routes.append(plan.routes[0])
        case .pairVanishes: plan.vanishes = true
        case .bridgeHasAnotherAddress, .containerNameIsTaken: break
        }
    }

    /// What was asked of the kernel when it refused.
    var operation: String {
        switch self {
        case .bridgeIsNone: "use lo as bridge"
        case .bridgeNameIsNone: "add bridge a/b"
        case .bridgeHasAnotherAddress: "add address 10.1.2.1/24 to br0"
        case .hostNameIsTaken: "add veth lo with peer eth0"
        case .containerNameIsTaken, .mtuIsNone: "add veth veth0 with peer eth0"
        case .portTakesNoStation: "write down station 00:00:00:00:00:00 at port veth0"
        case .addressIsTwice: "add address 10.1.2.3/24 to eth0"
        case .gatewayIsElsewhere: "add route to 10.8.0.0/16 via 10.7.7.7 through eth0"
        case .routeIsTwice: "add route to 0.0.0.0/0 via 10.1.2.1 through eth0"
        case .pairVanishes: "bring bridge port veth0 into operation"
        }
    }

    /// What it answered.
    var errno: Errno {
        switch self {
        case .bridgeIsNone, .hostNameIsTaken, .containerNameIsTaken, .addressIsTwice, .routeIsTwice: .fileExists
        case .bridgeNameIsNone, .mtuIsNone, .portTakesNoStation: .invalidArgument
        case .bridgeHasAnotherAddress: .addressInUse
        case .gatewayIsElsewhere: .networkUnreachable
        case .pairVanishes: .noSuchDevice
        }
    }

    private static func bridge(_ name: String) -> BridgeSpecification {
        BridgeSpecification(name: name, address: mac(1), mtu: 0, isPromiscuous: false, filtersVLANs: false)
    }

    private static func pair(host: String = "veth0", mtu: Int = 0) -> VethPair {
        VethPair(
            host: VethPair.End(name: host, address: mac(2)),
            container: VethPair.End(name: "eth0", address: mac(3)),
            mtu: mtu
        )
    }
}
