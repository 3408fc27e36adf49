// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding

/// Where a station is known to be.
struct KnownStation: Hashable, Sendable {
    var address: MACAddress
    var vlan: UInt16
    /// A port, or the host when there are that many ports.
    var place: Int
    var isStatic: Bool
}

/// A frame that came out of somewhere.
struct Arrival: Hashable, Sendable {
    /// A port, or the host when there are that many ports.
    var place: Int
    var octets: [UInt8]
}

/// What is wrong with a switch on purpose, to see that it would be found.
enum Defect: String, Hashable, Sendable, CaseIterable {
    case none
    /// Isolated ports reach each other.
    case isolation
    /// Nobody is locked out.
    case locking
    /// Broadcasts leave where they should not.
    case flooding
    /// What leaves a port without a tag leaves with it.
    case untagging
}

/// What `Forwarding` says becomes of frames; it is told of a bridge with ports and a host as a switch of interfaces.
struct PredictedBridge: ~Copyable {
    private let scene: Scene
    private let defect: Defect
    private var theSwitch: VirtualSwitch
    /// By port; the last one is the host's.
    private var interfaces: [InterfaceID?]
    /// By interface.
    private var places: [Int]
    private var now: Ticks = 0
    private let ageing: Ticks

    init(_ scene: Scene, _ defect: Defect) {
        self.scene = scene
        self.defect = defect
        var settings = VirtualSwitch.Settings()
        settings.knowsVLANs = scene.knowsVLANs
        settings.tagProtocol = scene.tagProtocol
        settings.forwardedGroups = scene.allForwardedGroups
        settings.rememberedFlows = scene.rememberedFlows
        settings.maximumInterfaces = 64
        settings.maximumAddresses = 1024
        ageing = settings.ageing
        theSwitch = VirtualSwitch(settings)
        interfaces = Array(repeating: nil, count: scene.portCount + 1)
        places = Array(repeating: 0, count: settings.maximumInterfaces)
        // The host: it hears what is for everybody and for groups, and nothing that is for nobody known.
        var host = VirtualInterface("host")
        host.floodsUnknown = false
        setUp(host, as: scene.portCount)
        addOwnStation(scene.portCount, vlan: 1)
    }

    private mutating func setUp(_ interface: VirtualInterface, as place: Int) {
        guard let id = theSwitch.addInterface(interface) else { return }
        interfaces[place] = id
        places[Int(id.index)] = place
    }

    /// What is sent to a port's own address is for the host.
    private mutating func addOwnStation(_ place: Int, vlan: UInt16) {
        guard let host = interfaces[scene.portCount] else { return }
        theSwitch.addStation(ownAddress(place), vlan: vlan, at: host, now: now)
    }

    private func ownAddress(_ place: Int) -> MACAddress {
        place == scene.portCount ? Scene.bridgeAddress : Scene.address(ofPort: place)
    }

    var usesBursts: Bool { scene.usesBursts }

    private func isUp(_ port: Int) -> Bool {
        interfaces[port].flatMap { theSwitch.interface($0) }?.isUp ?? false
    }

    /// Whether a step makes sense now.
    func admits(_ step: Step) -> Bool {
        switch step {
        case .addPort(let port): interfaces[port] == nil
        case .removePort(let port), .set(let port, _, _): interfaces[port] != nil
        case .bringUp(let port): interfaces[port] != nil && !isUp(port)
        case .bringDown(let port), .setSpanningTree(let port, _): isUp(port)
        case .addVLAN(let port, _): interfaces[port] != nil
        case .removeVLAN(let port, let vlan): isMember(port, vlan)
        case .addStation(_, let vlan, let port): interfaces[port] != nil && (vlan == 0 || isMember(port, vlan))
        case .removeStation(let address, let vlan):
            // Linux takes nothing out of a VLAN that the port has left, though a static station stays in it.
            port(of: address, vlan: vlan).map { vlan == 0 || isMember($0, vlan) } ?? false
        case .flush, .pause, .expire: true
        case .frame(let octets, let port): !isLearnedFromLinkLocal(octets, port)
        }
    }

    /// Whether Linux learns at a locked port from a frame that is not forwarded.
    ///
    /// It does unless it is told otherwise (`no_linklocal_learn`, which is about all ports), so that whoever is locked out
    /// gets in by any frame to such a group. `Forwarding` does not, and such frames are left out.
    private func isLearnedFromLinkLocal(_ octets: [UInt8], _ port: Int) -> Bool {
        guard let id = interfaces[port], theSwitch.interface(id)?.isLocked == true else { return false }
        return octets.starts(with: [0x01, 0x80, 0xc2, 0, 0]) && octets[5] < 0x10
    }

    private func isMember(_ port: Int, _ vlan: UInt16) -> Bool {
        interfaces[port].flatMap { theSwitch.interface($0) }?.vlans.members.contains(vlan) ?? false
    }

    // MARK: - Steps

    /// Does what a step says that makes sense now, frames aside.
    mutating func apply(_ step: Step) {
        switch step {
        case .addPort(let port): addPort(port)
        case .removePort(let port): removePort(port)
        case .bringUp(let port):
            // Whoever comes up begins anew.
            update(port) {
                $0.bringUp()
                $0.spanningTree = .forwarding
            }
        case .bringDown(let port):
            update(port) { $0.bringDown() }
        case .setSpanningTree(let port, let state):
            update(port) { $0.spanningTree = state }
        case .set(let port, let flag, let isOn):
            let defect = defect
            update(port) { $0.set(flag, isOn, defect) }
        case .addVLAN(let port, let vlan):
            let isLeft = defect == .untagging
            update(port) { $0.vlans.add(vlan, keepingTags: isLeft) }
            addOwnStation(port, vlan: vlan.number)
        case .removeVLAN(let port, let vlan):
            update(port) { $0.vlans.remove(vlan) }
            theSwitch.removeStation(ownAddress(port), vlan: vlan)
        case .addStation(let address, let vlan, let port):
            if let id = interfaces[port] { theSwitch.addStation(address, vlan: vlan, at: id, now: now) }
        case .removeStation(let address, let vlan):
            theSwitch.removeStation(address, vlan: vlan)
        case .flush:
            forget()
        case .pause:
            now += 100
        case .expire:
            theSwitch.age(now: now + ageing - 50)
            theSwitch.age(now: now + ageing - 50)
        case .frame:
            break
        }
    }

    private mutating func update(_ port: Int, _ change: (inout VirtualInterface) -> Void) {
        if let id = interfaces[port] { theSwitch.update(id, change) }
    }

    private mutating func addPort(_ port: Int) {
        setUp(VirtualInterface("p\(port)"), as: port)
        addOwnStation(port, vlan: 1)
    }

    private mutating func removePort(_ port: Int) {
        guard let id = interfaces[port] else { return }
        theSwitch.removeInterface(id)
        interfaces[port] = nil
        // Somebody else may have been heard with the address of the port in a VLAN that it does not belong to.
        for vlan in 0..<4095 as Range<UInt16> {
            let entry = theSwitch.stations.lookup(ownAddress(port), vlan: vlan, now: now)
            if entry?.isStatic == true { theSwitch.removeStation(ownAddress(port), vlan: vlan) }
        }
    }

    /// Forgets everything learned.
    mutating func forget() {
        var learned: [MACTable.Entry] = []
        theSwitch.stations.forEach(now: now) { if !$0.isStatic { learned.append($0) } }
        for entry in learned { theSwitch.removeStation(entry.address, vlan: entry.vlan) }
    }

    /// Which port a station is at that is known; nil when it is at none.
    func port(of address: MACAddress, vlan: UInt16) -> Int? {
        theSwitch.stations.lookup(address, vlan: vlan, now: now).map { places[Int($0.interface.index)] }
    }

    // MARK: - Frames

    /// What becomes of a frame; everything that comes out is handed over.
    mutating func forward(_ octets: [UInt8], from port: Int, _ body: (Arrival) -> Void) {
        guard let id = interfaces[port] else { return }
        deliver(octets, theSwitch.forward(octets.span, from: id, now: now), body)
    }

    /// What becomes of frames that come at once.
    mutating func forward(_ frames: [(octets: [UInt8], port: Int)], _ body: (Arrival) -> Void) {
        var memory: [UInt8] = []
        var references: [FrameReference] = []
        var taken: [[UInt8]] = []
        for (octets, port) in frames {
            guard let id = interfaces[port] else { continue }
            let (offset, length) = (UInt32(memory.count), UInt32(octets.count))
            references.append(FrameReference(offset: offset, length: length, ingress: id))
            memory += octets
            taken.append(octets)
        }
        guard let first = references.first else { return }
        let none: [UInt8] = []
        let nothing = theSwitch.explain(none.span, from: first.ingress, now: now).decision
        var decisions = Array(repeating: nothing, count: references.count)
        var span = decisions.mutableSpan
        theSwitch.forward(references.span, in: memory.span, now: now, into: &span)
        for (octets, decision) in zip(taken, decisions) { deliver(octets, decision, body) }
    }

    private func deliver(_ octets: [UInt8], _ decision: Decision, _ body: (Arrival) -> Void) {
        theSwitch.forEachDelivery(of: decision) { delivery in
            var output = Array(repeating: 0 as UInt8, count: octets.count + 4)
            var span = output.mutableSpan
            let length = delivery.rewrite.write(octets.span, into: &span) ?? 0
            output.removeLast(output.count - length)
            body(Arrival(place: places[Int(delivery.interface.index)], octets: output))
        }
    }

    /// Why that becomes of a frame, in words.
    mutating func explain(_ octets: [UInt8], from port: Int) -> String {
        guard let id = interfaces[port] else { return "p\(port) is no port" }
        let explanation = theSwitch.explain(octets.span, from: id, now: now)
        let steps = explanation.steps.map { "\($0)" }.joined(separator: "; ")
        let reason = explanation.decision.dropReason.map { ": \($0.explanation)" } ?? ""
        return "\(explanation.decision.verdict)\(reason) [\(steps)]"
    }

    /// What is known of stations.
    func stations() -> Set<KnownStation> {
        var known = Set<KnownStation>()
        theSwitch.stations.forEach(now: now) { entry in
            let place = places[Int(entry.interface.index)]
            known.insert(
                KnownStation(address: entry.address, vlan: entry.vlan, place: place, isStatic: entry.isStatic)
            )
        }
        return known
    }
}

extension VirtualInterface {
    fileprivate mutating func set(_ flag: PortFlag, _ isOn: Bool, _ defect: Defect) {
        switch flag {
        case .learning: learns = isOn
        case .floodsUnknown: floodsUnknown = isOn
        case .floodsMulticast: floodsMulticast = isOn
        case .floodsBroadcast: floodsBroadcast = isOn || defect == .flooding
        case .isolated: isIsolated = isOn && defect != .isolation
        case .hairpin: isHairpin = isOn
        case .locked: isLocked = isOn && defect != .locking
        }
    }
}

extension VLANMembership {
    /// As `bridge vlan add` does: what it does not say of the VLAN is not so.
    fileprivate mutating func add(_ vlan: PortVLAN, keepingTags: Bool) {
        members.insert(vlan.number)
        if vlan.isUntagged, !keepingTags { untagged.insert(vlan.number) } else { untagged.remove(vlan.number) }
        if vlan.isNative {
            native = vlan.number
        } else if native == vlan.number {
            native = nil
        }
    }

    fileprivate mutating func remove(_ vlan: UInt16) {
        members.remove(vlan)
        untagged.remove(vlan)
        if native == vlan { native = nil }
    }
}
