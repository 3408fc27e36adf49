// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding

/// A frame as the model sees it: what it says, not its octets.
struct PlainFrame {
    var source: MACAddress
    var destination: MACAddress
    /// Nil without a tag.
    var control: UInt16?
    var ingress: InterfaceID

    var octets: [UInt8] {
        Frames.ethernet(from: source, to: destination, tag: control)
    }
}

/// What becomes of a frame, spelled out.
enum PlainOutcome: Equatable {
    case drop(DropReason)
    /// Where to, and the tag there.
    case send([InterfaceID: UInt16?])
}

/// A switch that is obviously right: it asks all interfaces and all stations, one after the other.
struct ListOfEverything {
    struct Station {
        var address: MACAddress
        var vlan: UInt16
        var port: InterfaceID
        var isStatic: Bool
        var heard: Ticks
    }

    var interfaces: [InterfaceID: VirtualInterface] = [:]
    var stations: [Station] = []
    var rules: [(RuleMatch, RuleAction)] = []
    var knowsVLANs = true
    let ageing: Ticks = 100

    mutating func forward(_ frame: PlainFrame, now: Ticks) -> PlainOutcome {
        guard let port = interfaces[frame.ingress] else { return .drop(.noSuchInterface) }
        guard port.isUp else { return .drop(.interfaceDown) }
        if frame.source.isMulticast || frame.source.isZero { return .drop(.invalidSource) }
        guard port.spanningTree == .learning || port.spanningTree == .forwarding else {
            return .drop(.spanningTreeBlocks)
        }
        let vlan: UInt16
        switch classify(frame, port) {
        case .success(let found): vlan = found
        case .failure(let refusal): return .drop(refusal.reason)
        }
        if let allowed = port.allowedSources, !allowed.contains(frame.source) { return .drop(.sourceNotAllowed) }
        let action = rule(frame, vlan)
        if action == .deny { return .drop(.deniedByRule) }
        if port.isLocked {
            if station(frame.source, vlan, now)?.port != frame.ingress { return .drop(.lockedInterface) }
        }
        if port.learns {
            learn(frame, vlan, limit: Int(port.learnLimit), now)
        }
        if frame.destination.value >> 4 == 0x0180_c200_000 { return .drop(.linkLocalGroup) }
        if port.spanningTree == .learning { return .drop(.spanningTreeLearns) }
        if case .redirect(let target) = action { return send(frame, port, vlan, to: target) }
        if !frame.destination.isMulticast, let station = station(frame.destination, vlan, now) {
            return send(frame, port, vlan, to: station.port)
        }
        return flood(frame, port, vlan)
    }

    struct Refusal: Error { var reason: DropReason }

    func classify(_ frame: PlainFrame, _ port: VirtualInterface) -> Result<UInt16, Refusal> {
        guard knowsVLANs else { return .success(0) }
        let tag = (frame.control ?? 0) & 0xfff
        if tag != 0, port.vlans.admission == .onlyUntagged { return .failure(Refusal(reason: .taggedNotAdmitted)) }
        if tag == 0, port.vlans.admission == .onlyTagged { return .failure(Refusal(reason: .untaggedNotAdmitted)) }
        guard let vlan = tag == 0 ? port.vlans.native : tag else {
            return .failure(Refusal(reason: .untaggedNotAdmitted))
        }
        return port.vlans.members.contains(vlan) ? .success(vlan) : .failure(Refusal(reason: .vlanNotAllowed))
    }

    func rule(_ frame: PlainFrame, _ vlan: UInt16) -> RuleAction {
        var key = FlowKey()
        key.source = frame.source
        key.destination = frame.destination
        key.vlan = vlan
        key.ingress = frame.ingress
        return rules.first { $0.0.contains(key) }?.1 ?? .permit
    }

    func station(_ address: MACAddress, _ vlan: UInt16, _ now: Ticks) -> Station? {
        stations.first {
            $0.address == address && $0.vlan == vlan && ($0.isStatic || now &- $0.heard < ageing)
        }
    }

    mutating func learn(_ frame: PlainFrame, _ vlan: UInt16, limit: Int, _ now: Ticks) {
        let index = stations.firstIndex { $0.address == frame.source && $0.vlan == vlan }
        if let index, stations[index].isStatic { return }
        if let index, stations[index].port == frame.ingress {
            stations[index].heard = now
            return
        }
        let count = stations.count { $0.port == frame.ingress && !$0.isStatic }
        if limit > 0, count >= limit { return }
        let station = Station(address: frame.source, vlan: vlan, port: frame.ingress, isStatic: false, heard: now)
        if let index { stations[index] = station } else { stations.append(station) }
    }

    func isUsable(_ port: VirtualInterface) -> Bool {
        port.isUp && port.spanningTree == .forwarding
    }

    func send(_ frame: PlainFrame, _ port: VirtualInterface, _ vlan: UInt16, to target: InterfaceID) -> PlainOutcome {
        let output = interfaces[target]
        if target == frame.ingress, output?.isHairpin != true { return .drop(.sameInterface) }
        guard let output, isUsable(output) else { return .drop(.outputDown) }
        if port.isIsolated, output.isIsolated { return .drop(.isolated) }
        if knowsVLANs, !output.vlans.members.contains(vlan) { return .drop(.outputNotInVLAN) }
        return .send([target: tag(frame, vlan, output)])
    }

    func flood(_ frame: PlainFrame, _ port: VirtualInterface, _ vlan: UInt16) -> PlainOutcome {
        var outputs: [InterfaceID: UInt16?] = [:]
        for (id, output) in interfaces {
            let wants =
                frame.destination == broadcast
                ? output.floodsBroadcast
                : frame.destination.isMulticast ? output.floodsMulticast : output.floodsUnknown
            guard wants, isUsable(output), !(port.isIsolated && output.isIsolated) else { continue }
            guard id != frame.ingress || output.isHairpin else { continue }
            guard !knowsVLANs || output.vlans.members.contains(vlan) else { continue }
            outputs[id] = .some(tag(frame, vlan, output))
        }
        return outputs.isEmpty ? .drop(.nobodyThere) : .send(outputs)
    }

    func tag(_ frame: PlainFrame, _ vlan: UInt16, _ output: VirtualInterface) -> UInt16? {
        guard knowsVLANs else { return frame.control }
        return output.vlans.untagged.contains(vlan) ? nil : (frame.control ?? 0) & 0xf000 | vlan
    }
}
