// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import Attachments
package import Linux
internal import Netlink
package import SwitchControl
internal import Wiring

/// A bridge of the kernel, in the words in which the switch in user space says what it is.
package struct KernelSwitch: Hashable, Sendable {
    package let view: SwitchView
    package let stations: [SwitchStationView]
    /// Those of them that frames are led to past the bridge.
    let led: Set<SwitchStationView>

    /// Looks at bridges of this host; changes nothing.
    ///
    /// - Parameters:
    ///   - name: which one; nil is all of them.
    ///   - attachments: whose ports are whose.
    /// - Returns: bridges by name; none when there is no such bridge.
    /// - Throws: ``KernelError``.
    package static func all(
        named name: String? = nil,
        _ attachments: [AttachmentFacts]
    ) throws(KernelError) -> [KernelSwitch] {
        let facts = try TopologyFacts(looking: attachments, askingDaemons: false)
        let socket = try NetlinkSocket()
        var found: [KernelSwitch] = []
        for link in facts.links where link.kind == "bridge" && (name == nil || name == link.name) {
            found.append(KernelSwitch(link, in: facts, try socket.stations(ofBridge: link.index)))
        }
        return found.sorted { $0.view.name < $1.view.name }
    }

    /// Puts together what was seen of one bridge.
    init(_ bridge: TopologyFacts.Link, in facts: TopologyFacts, _ known: [BridgeStation]) {
        let owners = Dictionary(facts.attachments.map { ($0.facts.hostInterface, $0.facts.key) }) { first, _ in first }
        let ports = facts.links.filter { $0.master == bridge.index }.map { SwitchPortView($0, owners[$0.name]) }
        view = SwitchView(
            name: bridge.name,
            ports: ports.sorted { $0.name < $1.name },
            stations: known.count,
            maximumStations: 0
        )
        let links = Dictionary(facts.links.map { ($0.index, $0) }) { first, _ in first }
        var led: Set<SwitchStationView> = []
        let views = known.map { station in
            // A permanent entry is an address that the host itself hears, whatever port it was given for (bridge(8)).
            let port = station.isPermanent ? nil : links[station.port]
            let view = SwitchStationView(
                switchName: bridge.name,
                address: "\(station.address)",
                vlan: Int(bridge.hasGuardedPorts ? port?.onlyVLAN ?? 0 : station.vlan),
                port: station.port == bridge.index ? "" : port?.name ?? "",
                isStatic: station.isStatic,
                age: Int((station.idleMilliseconds ?? 0) / 1000)
            )
            if port?.isLedTo(station, inNoVLAN: bridge.hasGuardedPorts) == true { led.insert(view) }
            return view
        }
        self.led = led
        stations = views.sorted { ($0.vlan, $0.address, $0.port) < ($1.vlan, $1.address, $1.port) }
    }
}

extension TopologyFacts.Link {
    /// Whether frames to a station behind the port are led there past the bridge.
    ///
    /// `inNoVLAN`: the bridge's table has none of the port's VLANs.
    fileprivate func isLedTo(_ station: BridgeStation, inNoVLAN: Bool) -> Bool {
        let native = inNoVLAN ? nil : nativeVLAN
        return shortcut?.leads(to: station.address, vlan: station.vlan, native: native) ?? false
    }

    private var nativeVLAN: UInt16? { vlans?.runs.first { $0.isNative }?.identifiers.lowerBound }

    /// The VLAN of whoever is behind the port, where no frame has a tag; nil where several may be meant.
    fileprivate var onlyVLAN: UInt16? { vlans?.runs.allSatisfy { $0.isUntagged } == true ? nativeVLAN : nil }
}

extension SwitchPortView {
    /// A port of a bridge, and whose it is by the records.
    init(_ link: TopologyFacts.Link, _ owner: AttachmentKey?) {
        let isElsewhere = link.kind == "tun" || (link.kind == "veth" && link.isPeerAbroad)
        var flags: [String] = []
        if link.port?.isIsolated == true { flags.append("isolated") }
        if link.port?.isHairpin == true { flags.append("hairpin") }
        if let word = link.shortcut?.word { flags.append(word) }
        if link.hidesVLANs { flags.append("vlans-unknown") }
        // A port that is down forwards nothing either: that is said elsewhere.
        if link.isUp, link.hasCarrier, link.port?.isForwarding == false { flags.append("blocked") }
        if owner == nil, isElsewhere { flags.append("no-record") }
        let tagged = link.vlans?.runs.filter { !$0.isUntagged } ?? []
        self.init(
            name: link.name,
            number: Int(link.index),
            kind: owner != nil || isElsewhere ? .container : link.peer != nil ? .gateway : .uplink,
            network: owner?.network ?? "",
            container: owner?.containerID ?? "",
            interface: owner?.interfaceName ?? "",
            isUp: link.isUp && link.hasCarrier,
            native: link.vlans?.runs.first { $0.isNative }.map { Int($0.identifiers.lowerBound) },
            tagged: tagged.map { Int($0.identifiers.lowerBound)...Int($0.identifiers.upperBound) },
            flags: flags,
            mirror: "",
            counters: SwitchPortCounters(link.counters ?? LinkCounters())
        )
    }
}

extension SwitchPortCounters {
    /// What the kernel counted: of drops it says how many, and not why.
    fileprivate init(_ counters: LinkCounters) {
        self.init()
        receivedFrames = Int(clamping: counters.receivedPackets)
        receivedBytes = Int(clamping: counters.receivedOctets)
        sentFrames = Int(clamping: counters.sentPackets)
        sentBytes = Int(clamping: counters.sentOctets)
        refusedDrops = Int(clamping: counters.sentDrops)
        guard counters.receivedDrops > 0 else { return }
        drops = [
            Drop(
                reason: "kernel",
                explanation: "the kernel dropped it, and does not say why",
                frames: Int(clamping: counters.receivedDrops)
            )
        ]
    }
}
