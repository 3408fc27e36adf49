// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding

/// A bridge of the kernel as a switch that can be asked.
struct BridgeTable {
    private let bridge: HostModel.Link
    /// The bridge itself first, then its ports.
    private let members: [HostModel.Link]
    private let stations: [HostModel.Station]

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
        members = [bridge] + ports.prefix(1000)
        stations = space.stations.filter { station in ports.contains { $0.index == station.link } }
    }

    /// Asks the switch about a frame that comes from a port, or from the bridge itself.
    func decide(_ packet: Packet, from origin: HostModel.Link) -> Decision {
        var settings = VirtualSwitch.Settings()
        settings.maximumInterfaces = min(max(members.count, 1), 1024)
        settings.knowsVLANs = bridge.filtersVLANs
        var table = VirtualSwitch(settings)
        for member in members { _ = table.addInterface(interface(member)) }
        addStations(&table, for: packet.vlan == 0 ? origin.port?.native ?? 0 : packet.vlan)
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

    private func member(_ id: InterfaceID) -> HostModel.Link? {
        Int(id.index) < members.count ? members[Int(id.index)] : nil
    }

    private func interface(_ link: HostModel.Link) -> VirtualInterface {
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
            members: VLANSet(port.vlans),
            untagged: VLANSet(port.untagged)
        )
        return interface
    }

    /// The addresses of the bridge and of its ports are the host's own; then what was learned.
    ///
    /// `asked`: the VLAN of the frame in question, where one table goes for all VLANs.
    private func addStations(_ table: inout VirtualSwitch, for asked: UInt16) {
        let vlans: Set<UInt16>
        if bridge.hasOneTableForVLANs {
            vlans = [asked]
        } else {
            vlans = bridge.filtersVLANs ? Set([0] + members.flatMap { $0.port?.vlans ?? [] }) : [0]
        }
        for vlan in vlans {
            for member in members {
                table.addStation(member.address, vlan: vlan, at: InterfaceID(index: 0), now: 0)
            }
        }
        for station in stations where !members.contains(where: { $0.address == station.address }) {
            guard let index = members.firstIndex(where: { $0.index == station.link }) else { continue }
            let vlan = bridge.hasOneTableForVLANs ? asked : bridge.filtersVLANs ? station.vlan : 0
            table.addStation(station.address, vlan: vlan, at: InterfaceID(index: UInt16(index)), now: 0)
        }
    }
}
