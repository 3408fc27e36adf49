// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding

/// A bridge of the kernel as a switch that can be asked.
struct BridgeTable {
    private let bridge: HostModel.Link
    /// The bridge itself first, then its ports.
    private let members: [HostModel.Link]
    /// What is known behind ports, with their places among the members.
    private let stations: [(HostModel.Station, Int)]

    struct Decision {
        /// Where the frame goes, and how it looks there.
        var deliveries: [(HostModel.Link, Packet)] = []
        /// nil when it goes somewhere.
        var reason: DropReason?
        var vlan: UInt16 = 0
        /// Whether it is known where the destination is.
        var isKnown = false
        /// Where the destination is known to be.
        var target: HostModel.Link?
    }

    init(_ bridge: HostModel.Link, of space: HostModel.Namespace) {
        self.bridge = bridge
        let ports = space.links.filter { $0.master == bridge.index && $0.port != nil }
        members = [bridge] + ports
        let places = Dictionary(zip(ports.map { $0.index }, 1...)) { first, _ in first }
        stations = space.stations.compactMap { station in places[station.link].map { (station, $0) } }
    }

    /// Asks the switch about a frame that comes from a port, or from the bridge itself.
    func decide(_ packet: Packet, from origin: HostModel.Link) -> Decision {
        let tag = packet.vlan == 0 ? origin.port?.native ?? 0 : packet.vlan
        var table = table(of: bridge.filtersVLANs ? tag : 0)
        guard let index = members.firstIndex(where: { $0.index == origin.index }) else {
            return Decision(reason: .noSuchInterface)
        }
        let ingress = InterfaceID(index: UInt16(index))
        let frame = packet.frame
        let explanation = table.explain(frame.span, from: ingress, now: 0)
        var decision = Decision(reason: explanation.decision.dropReason)
        for step in explanation.steps {
            switch step {
            case .admitted(let vlan): decision.vlan = bridge.filtersVLANs ? vlan : 0
            case .station(let entry):
                decision.isKnown = entry != nil
                decision.target = entry.flatMap { member($0.interface) }
            default: break
            }
        }
        table.forEachDelivery(of: explanation.decision) { delivery in
            guard !delivery.isMirror, let link = member(delivery.interface) else { return }
            var copy = packet
            switch delivery.rewrite.tag {
            case .keep: break
            case .pop: copy.vlan = 0
            case .push(let control), .replace(let control): copy.vlan = control & 0xfff
            }
            decision.deliveries.append((link, copy))
        }
        return decision
    }

    /// The switch as far as frames of one VLAN have to do with it: ports may be in thousands of others.
    private func table(of vlan: UInt16) -> VirtualSwitch {
        let known = places(in: vlan)
        var settings = VirtualSwitch.Settings()
        // Linux gives a bridge 1023 ports (BR_PORT_BITS), which with itself is what there is room for.
        settings.maximumInterfaces = min(members.count, 1024)
        settings.maximumAddresses = known.count
        settings.knowsVLANs = bridge.filtersVLANs
        var table = VirtualSwitch(settings)
        for member in members { _ = table.addInterface(interface(member, vlan)) }
        for (address, place) in known {
            table.addStation(address, vlan: vlan, at: InterfaceID(index: UInt16(place)), now: 0)
        }
        return table
    }

    private func member(_ id: InterfaceID) -> HostModel.Link? {
        Int(id.index) < members.count ? members[Int(id.index)] : nil
    }

    private func interface(_ link: HostModel.Link, _ vlan: UInt16) -> VirtualInterface {
        var interface = VirtualInterface(link.name)
        if !link.isUp { interface.bringDown() }
        guard let port = link.port ?? (link.index == bridge.index ? HostModel.Port() : nil) else { return interface }
        let isBridge = link.index == bridge.index
        let states: [SpanningTreeState] = [.disabled, .listening, .learning, .forwarding, .blocking]
        interface.spanningTree = isBridge || Int(port.state) >= states.count ? .forwarding : states[Int(port.state)]
        interface.isHairpin = port.isHairpin
        interface.isIsolated = port.isIsolated
        interface.isLocked = port.isLocked
        // What is unknown does not come to the host itself, unless it asked for everything.
        interface.floodsUnknown = !isBridge && port.floodsUnknown
        interface.floodsBroadcast = port.floodsBroadcast
        interface.floodsMulticast = port.floodsMulticast
        interface.vlans = VLANMembership(
            native: port.native == 0 ? nil : port.native,
            members: VLANSet([vlan].filter { port.vlans.contains($0) }),
            untagged: VLANSet([vlan].filter { port.untagged.contains($0) })
        )
        return interface
    }

    /// Where among the members the stations of a VLAN are: those that were learned or written down, and the addresses of
    /// the bridge and of its ports, which are the host's own.
    private func places(in vlan: UInt16) -> [MACAddress: Int] {
        var places: [MACAddress: Int] = [:]
        for (station, place) in stations where bridge.hasOneTableForVLANs || station.vlan == vlan {
            places[station.address] = place
        }
        for member in members { places[member.address] = 0 }
        return places
    }
}
