// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import Forwarding
import Interfaces
import Linux
import Netlink
import Testing
import Wiring

@testable import Bridge

/// A locally administered address that ends in a number.
private func mac(_ number: UInt8) -> MACAddress {
    MACAddress.locallyAdministered([2, 0, 0, 0, 0, number]) ?? .zero
}

private func plan(_ members: String) throws -> BridgePlan {
    let configuration = try configuration(members)
    return BridgePlan(
        key: AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0"),
        configuration: configuration,
        pair: VethPair(
            host: VethPair.End(name: "veth0", address: mac(1)),
            container: VethPair.End(name: "eth0", address: mac(2)),
            mtu: configuration.mtu.octetsUponMaster
        ),
        sandbox: "/run/netns/c1",
        bridgeAddress: mac(3),
        vlanAddresses: (mac(4), mac(5))
    )
}

/// The steps after the addresses are known.
private func connection(_ members: String, _ ips: [String]? = nil, routes: [String] = []) throws -> [Change] {
    let plan = try plan(members)
    let addresses = try ips.map { BridgeAddressing(try leased($0, routes: routes), plan.configuration) }
    return plan.connection(addresses)
}

@Suite("The bridge's plan")
struct BridgePlanTests {
    private static func cidr(_ text: String) throws -> CIDR {
        try #require(CIDR(text))
    }

    /// The plan's steps by name.
    private static func steps(_ plan: [Change]) -> [String] {
        plan.map { "\($0)".prefix { $0 != "(" }.description }
    }

    @Test(
        "First of all the bridge is there, as the network wants it",
        arguments: [
            ("", "cni0", 0, false, false), (#""bridge": "br7", "mtu": 1400"#, "br7", 1400, false, false),
            (#""promiscMode": true"#, "cni0", 0, true, false), (#""vlan": 5"#, "cni0", 0, false, true),
            (#""vlanTrunk": [{"id": 5}]"#, "cni0", 0, false, true),
        ]
    )
    func preparation(members: String, name: String, mtu: Int, isPromiscuous: Bool, filtersVLANs: Bool) throws {
        let bridge = BridgeSpecification(
            name: name,
            address: mac(3),
            mtu: mtu,
            isPromiscuous: isPromiscuous,
            filtersVLANs: filtersVLANs
        )
        #expect(try plan(members).preparation == [.bridge(bridge)])
    }

    @Test("Without addresses there is nothing but a pair, a port and an interface in operation")
    func frames() throws {
        let plan = try connection(#""isGateway": true"#)
        let pair = VethPair(
            host: VethPair.End(name: "veth0", address: mac(1)),
            container: VethPair.End(name: "eth0", address: mac(2)),
            mtu: 0
        )
        let port = PortSpecification(VirtualInterface("veth0"), of: "cni0", knowsVLANs: false)
        let interface = InterfaceSpecification(
            name: "eth0",
            addresses: [],
            routes: [],
            isUp: true,
            detectsDuplicates: false
        )
        #expect(
            plan == [.pair(pair, bridge: "cni0"), .port(port), .interface(interface), .operational(port: "veth0")]
        )
    }

    @Test(
        "A gateway comes behind the container, with forwarding for the families it has",
        arguments: [
            (#""isGateway": true"#, ["10.1.2.3/24"], ["sharedAddress", "forwarding"]),
            (
                #""isGateway": true"#, ["10.1.2.3/24", "fd00::5/64"],
                ["sharedAddress", "sharedAddress", "forwarding", "forwarding"]
            ),
            (#""isGateway": true"#, ["fd00::5/64"], ["sharedAddress", "forwarding"]),
            ("", ["10.1.2.3/24", "fd00::5/64"], []),
        ]
    )
    func gateway(members: String, ips: [String], expected: [String]) throws {
        let steps = Self.steps(try connection(members, ips))
        #expect(steps == ["pair", "port", "interface"] + expected + ["operational"])
    }

    @Test(
        "Packet filters come behind the gateway and before the port's operation, and only where they have work",
        arguments: [
            (#""ipMasq": true"#, ["10.1.2.3/24"], ["filter"]), (#""ipMasq": true"#, nil, []),
            (#""macspoofchk": true"#, nil, ["filter"]),
            (
                #""ipMasq": true, "ipspoofchk": true, "isGateway": true"#, ["10.1.2.3/24"],
                ["sharedAddress", "forwarding", "filter"]
            ),
        ] as [(String, [String]?, [String])]
    )
    func filters(members: String, ips: [String]?, expected: [String]) throws {
        let steps = Self.steps(try connection(members, ips))
        #expect(steps == ["pair", "port", "interface"] + expected + ["operational"])
    }

    @Test("The gateway replaces others only by force", arguments: [false, true])
    func force(isForced: Bool) throws {
        let plan = try connection("\"isGateway\": true, \"forceAddress\": \(isForced)", ["10.1.2.3/24"])
        let shared = SharedAddress(try Self.cidr("10.1.2.1/24"), link: "cni0", replacesOthers: isForced)
        #expect(plan[3...4] == [.sharedAddress(shared), .forwarding(.v4)])
    }

    @Test(
        "The interface gets the addresses and routes, and looks for duplicates if it should",
        arguments: [false, true]
    )
    func interface(detectsDuplicates: Bool) throws {
        let plan = try connection(
            "\"isDefaultGateway\": true, \"enabledad\": \(detectsDuplicates)",
            ["10.1.2.3/24", "fd00::5/64"],
            routes: ["10.9.0.0/16 10.1.2.9"]
        )
        let routes = try [("10.9.0.0/16", "10.1.2.9"), ("0.0.0.0/0", "10.1.2.1"), ("::/0", "fd00::1")].map {
            Route(destination: try Self.cidr($0), gateway: IPAddress($1))
        }
        let interface = InterfaceSpecification(
            name: "eth0",
            addresses: [try Self.cidr("10.1.2.3/24"), try Self.cidr("fd00::5/64")],
            routes: routes,
            isUp: true,
            detectsDuplicates: detectsDuplicates
        )
        #expect(plan.contains(.interface(interface)))
    }

    @Test("An interface that is to stay down stays down, and nobody waits for its port")
    func down() throws {
        let plan = try connection(#""disableContainerInterface": true"#)
        let interface = InterfaceSpecification(
            name: "eth0",
            addresses: [],
            routes: [],
            isUp: false,
            detectsDuplicates: false
        )
        #expect(plan.last == .interface(interface))
    }

    @Test(
        "The port is a hairpin, isolated and in its VLANs as configured",
        arguments: [
            (#""hairpinMode": true"#, true, false, [], false), (#""portIsolation": true"#, false, true, [], false),
            (#""vlan": 5"#, false, false, [.native(5)], false),
            (#""vlan": 5, "preserveDefaultVlan": true"#, false, false, [.native(5)], true),
            (#""vlan": 1"#, false, false, [.native(1)], false),
            (#""vlanTrunk": [{"id": 7}]"#, false, false, [.tagged(7...7), .native(1)], false),
            (#""vlan": 5, "vlanTrunk": [{"id": 1}]"#, false, false, [.tagged(1...1), .native(5)], false),
        ] as [(String, Bool, Bool, [NetlinkRequest.VLANMembership], Bool)]
    )
    func port(
        members: String,
        isHairpin: Bool,
        isIsolated: Bool,
        vlans: [NetlinkRequest.VLANMembership],
        keepsDefaultVLAN: Bool
    ) throws {
        var found: PortSpecification?
        for case .port(let port) in try connection(members) { found = port }
        let port = try #require(found)
        #expect(port.name == "veth0" && port.bridge == "cni0" && port.station == nil)
        #expect(port.flags == .init(isHairpin: isHairpin, isIsolated: isIsolated))
        #expect(port.memberships == vlans && port.keepsDefaultVLAN == keepsDefaultVLAN)
    }

    @Test("Who may have no other address is written down at its port")
    func station() throws {
        var found: [PortSpecification] = []
        for case .port(let port) in try connection(#""macspoofchk": true"#) { found.append(port) }
        #expect(found.map(\.interface.allowedSources) == [[mac(2)]])
        #expect(found.first?.station?.address == mac(2))
    }

    @Test("The gateway of a VLAN is on a link of its own", arguments: [false, true])
    func vlanGateway(keepsDefaultVLAN: Bool) throws {
        let plan = try connection(
            "\"isGateway\": true, \"vlan\": 5, \"preserveDefaultVlan\": \(keepsDefaultVLAN)",
            ["10.1.2.3/24"]
        )
        let interface = VLANInterface(
            gateway: VethPair.End(name: "cni0.5", address: mac(4)),
            port: VethPair.End(name: "veth" + SHA512(of: "cni0.5").hexadecimal(digits: 8), address: mac(5)),
            bridge: "cni0",
            vlan: 5,
            keepsDefaultVLAN: keepsDefaultVLAN
        )
        let shared = SharedAddress(try Self.cidr("10.1.2.1/24"), link: "cni0.5", replacesOthers: false)
        #expect(plan[3...4] == [.vlanInterface(interface), .sharedAddress(shared)])
    }

    @Test(
        "Without a gateway, without a VLAN or without addresses there is no such link",
        arguments: [
            (#""vlan": 5"#, ["10.1.2.3/24"]), (#""isGateway": true"#, ["10.1.2.3/24"]),
            (#""isGateway": true, "vlan": 5"#, []), (#""isGateway": true, "vlan": 5"#, nil),
        ] as [(String, [String]?)]
    )
    func noVLANInterface(members: String, ips: [String]?) throws {
        let plan = try plan(members)
        let addresses = try ips.map { BridgeAddressing(try leased($0), plan.configuration) }
        #expect(plan.vlanInterface(addresses) == nil)
        #expect(!Self.steps(plan.connection(addresses)).contains("vlanInterface"))
    }

    @Test("Who asks for addresses through the link finds it in operation, and nothing is made twice")
    func presence() throws {
        let plan = try plan(#""isGateway": true"#)
        let addresses = BridgeAddressing(try leased(["10.1.2.3/24"]), plan.configuration)
        #expect(Self.steps(plan.presence) == ["pair", "port", "interface", "operational"])
        #expect(plan.presence[0...1] == plan.connection(addresses)[0...1])
        let later = plan.connection(addresses, isPresent: true)
        #expect(Self.steps(later) == Self.steps(Array(plan.connection(addresses)[2...])))
        #expect(later.dropFirst() == plan.connection(addresses)[3...])
        guard case .interface(let interface) = plan.presence[2], case .interface(let final) = later[0] else { return }
        #expect(interface.isUp && interface.addresses.isEmpty && interface.routes.isEmpty)
        #expect(final.addresses == [try Self.cidr("10.1.2.3/24")] && final.mayHaveAddresses)
    }
}
