// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import Linux
internal import Netlink
internal import Wiring

/// What has to become true for one container to be on the network: decided from values, touching nothing.
struct BridgePlan {
    let key: AttachmentKey
    let configuration: BridgeConfiguration
    let pair: VethPair
    let sandbox: String
    /// Of a bridge that is made for this.
    let bridgeAddress: MACAddress
    /// Of the links that carry a VLAN's gateway, if they are made for this.
    let vlanAddresses: (MACAddress, MACAddress)
    /// What iptables masquerades for the container's other interfaces on the network.
    var siblings: [CIDR] = []

    /// What comes before the addresses: shared, and the place to find out that a kernel lacks something.
    var preparation: [Change] {
        [
            .bridge(
                BridgeSpecification(
                    name: configuration.bridge,
                    address: bridgeAddress,
                    mtu: pair.mtu,
                    isPromiscuous: configuration.isPromiscuous,
                    filtersVLANs: configuration.filtersVLANs,
                    mayUsePrograms: configuration.hasShortcut
                )
            )
        ]
    }

    /// A link that passes frames, for who asks for addresses through it.
    var presence: [Change] {
        let interface = InterfaceSpecification(
            name: pair.container.name,
            addresses: [],
            routes: [],
            isUp: true,
            detectsDuplicates: configuration.detectsDuplicates
        )
        return [
            .pair(pair, bridge: configuration.bridge), .port(port), .interface(interface),
            .operational(port: pair.host.name),
        ]
    }

    /// Everything else, once the addresses are known; without addresses, a network of frames only.
    ///
    /// First what belongs to the container, and goes again when something is refused; then what stays.
    ///
    /// `isPresent`: what is in ``presence`` has been done.
    func connection(_ addresses: BridgeAddressing?, isPresent: Bool = false) -> [Change] {
        let interface = InterfaceSpecification(
            name: pair.container.name,
            addresses: addresses?.result.ips.map { $0.address } ?? [],
            routes: addresses?.routes ?? [],
            isUp: !configuration.disablesContainerInterface,
            detectsDuplicates: configuration.detectsDuplicates,
            mayHaveAddresses: isPresent
        )
        var plan: [Change] = isPresent ? [] : [.pair(pair, bridge: configuration.bridge), .port(port)]
        plan.append(.interface(interface))
        if let addresses { plan += gateway(addresses) }
        let own = addresses?.result.ips.map { $0.address } ?? []
        let filter = filter(own)
        if !filter.isEmpty { plan.append(.filter(filter)) }
        // Behind the rules, which what goes past the bridge does not meet.
        let shortcut = configuration.shortcut(pair.host.name, address: pair.container.address, own)
        if let shortcut { plan.append(.shortcut(shortcut)) }
        if interface.isUp { plan.append(.operational(port: pair.host.name)) }
        return plan
    }

    private func gateway(_ addresses: BridgeAddressing) -> [Change] {
        var plan: [Change] = []
        let vlanInterface = vlanInterface(addresses)
        if let vlanInterface { plan.append(.vlanInterface(vlanInterface)) }
        let place = vlanInterface?.gateway.name ?? configuration.bridge
        for gateway in addresses.gateways {
            let address = SharedAddress(gateway, link: place, replacesOthers: configuration.forcesAddress)
            plan.append(.sharedAddress(address))
        }
        for family in [AddressFamily.v4, .v6] where addresses.gateways.contains(where: { $0.family == family }) {
            plan.append(.forwarding(family))
        }
        return plan
    }

    private func filter(_ addresses: [CIDR]) -> FilterPlan {
        configuration.filters.plan(
            for: key,
            port: pair.host.name,
            address: pair.container.address,
            addresses,
            siblings: siblings
        )
    }

    /// What becomes of the pair's end on the host.
    var portChange: Change { .port(port) }

    private var port: PortSpecification { configuration.port(pair.host.name, address: pair.container.address) }

    /// The gateway of a VLAN cannot be on the bridge itself, which is in none: it gets a port of its own.
    ///
    /// nil where there is no gateway: frames alone need none.
    func vlanInterface(_ addresses: BridgeAddressing?) -> VLANInterface? {
        guard configuration.vlan != 0, let addresses, !addresses.gateways.isEmpty else { return nil }
        let name = "\(configuration.bridge).\(configuration.vlan)"
        return VLANInterface(
            gateway: VethPair.End(name: name, address: vlanAddresses.0),
            port: VethPair.End(name: "veth" + SHA512(of: name).hexadecimal(digits: 8), address: vlanAddresses.1),
            bridge: configuration.bridge,
            vlan: configuration.vlan,
            keepsDefaultVLAN: configuration.keepsDefaultVLAN
        )
    }

    /// The answer to ADD: the bridge, the host's end, the container's end, and the VLAN's gateway if there is one.
    ///
    /// `mtu`: of both ends, in octets; 0 when unknown.
    func result(_ addresses: BridgeAddressing?, bridge: Link, vlanInterface: Link?, mtu: Int = 0) -> AddResult {
        let inside = pair.container
        var interfaces = [
            AddResult.Interface(name: bridge.name, mac: bridge.address.map { "\($0)" } ?? "", mtu: Int(bridge.mtu)),
            AddResult.Interface(name: pair.host.name, mac: "\(pair.host.address)", mtu: mtu),
            AddResult.Interface(name: inside.name, mac: "\(inside.address)", sandbox: sandbox, mtu: mtu),
        ]
        if let vlanInterface {
            let mac = vlanInterface.address.map { "\($0)" } ?? ""
            interfaces.append(AddResult.Interface(name: vlanInterface.name, mac: mac, mtu: Int(vlanInterface.mtu)))
        }
        var result = AddResult(interfaces: interfaces)
        if let leased = addresses?.result {
            result.ips = leased.ips.map { ip in
                AddResult.IPConfiguration(address: ip.address, gateway: ip.gateway, interface: 2)
            }
            result.routes = leased.routes
            result.dns = leased.dns
        }
        if !configuration.dns.isEmpty { result.dns = configuration.dns }
        return result
    }
}
