// SPDX-License-Identifier: Apache-2.0
internal import Netlink
internal import SwitchControl
internal import Wiring

/// Where switches in user space stand in the tree: their numbers are below those of links, and of the host.
struct SwitchPlaces {
    private let switches: [TopologyFacts.UserSwitch]
    private var attachments: [AttachmentKey: Int32] = [:]
    private var links: [String: Int32] = [:]

    init(_ switches: [TopologyFacts.UserSwitch]) {
        self.switches = switches
        for (place, found) in zip(places, switches) {
            for key in found.attachments { attachments[key] = place }
            for link in found.links { links[link] = place }
        }
    }

    /// The numbers of all of them.
    var places: [Int32] { switches.indices.map { -1 - Int32($0) } }

    subscript(place: Int32) -> TopologyFacts.UserSwitch { switches[Int(-1 - place)] }

    /// On which of them an attachment hangs.
    func place(of key: AttachmentKey) -> Int32? { attachments[key] }

    /// Of which of them a link of the host is a port.
    func place(ofLink name: String) -> Int32? { links[name] }
}

extension Topology.Node {
    mutating func describe(_ found: TopologyFacts.UserSwitch) {
        (switchName, daemon, kind) = (found.name, found.daemon, "switch")
        if !found.isThere { marks.append(Topology.Mark(.noDaemon, "no daemon")) }
    }

    /// What the daemon says of the port behind which a container is; nil when it has none.
    mutating func describeContainer(_ port: SwitchPortView?) {
        if let port { describe(port) }
        let isDead = marks.contains { [.linkDown, .dead].contains($0.kind) }
        if !isDead, port?.isUp != true { marks.append(Topology.Mark(.noCarrier, "no carrier")) }
    }

    mutating func describe(_ port: SwitchPortView) {
        vlans = PortVLANs(port)
        traits += port.flags
    }
}

extension PortVLANs {
    fileprivate init(_ port: SwitchPortView) {
        func number(_ vlan: Int) -> UInt16 { UInt16(clamping: vlan) }
        var runs = port.tagged.map { Run(number($0.lowerBound)...number($0.upperBound)) }
        if let native = port.native {
            runs.append(Run(number(native)...number(native), isNative: true, isUntagged: true))
        }
        self.init(runs.sorted { $0.identifiers.lowerBound < $1.identifiers.lowerBound })
    }
}
