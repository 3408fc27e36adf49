// SPDX-License-Identifier: Apache-2.0
internal import Forwarding
internal import SwitchControl
internal import Wiring

// What people and programs are told of a switch.
extension RunningSwitch {
    var view: SwitchView {
        SwitchView(
            name: name,
            ports: ports.values.sorted { $0.id < $1.id }.map { view(of: $0) },
            stations: live.pointee.core.stations.count,
            maximumStations: live.pointee.core.stations.capacity
        )
    }

    private func view(of port: OpenPort) -> SwitchPortView {
        let interface = live.pointee.core.interface(port.id) ?? VirtualInterface(port.name)
        let members = interface.vlans.members
        let tagged = (1...4094).filter { vlan in
            members.contains(UInt16(vlan)) && !interface.vlans.untagged.contains(UInt16(vlan))
        }
        var flags: [String] = []
        if interface.isIsolated { flags.append("isolated") }
        if interface.isHairpin { flags.append("hairpin") }
        if interface.allowedSources != nil { flags.append("macspoofchk") }
        if interface.allowedAddresses != nil { flags.append("ipspoofchk") }
        if !port.rules.isEmpty { flags.append("rules") }
        return SwitchPortView(
            name: port.name,
            number: Int(port.id.index),
            kind: port.kind,
            network: port.order?.key.network ?? "",
            container: port.order?.key.containerID ?? "",
            interface: port.link,
            isUp: interface.isUp,
            native: interface.vlans.native.map { Int($0) },
            tagged: RunningSwitch.runs(tagged),
            flags: flags,
            mirror: interface.mirror.flatMap { ports[$0.index]?.name } ?? "",
            counters: counters(of: port)
        )
    }

    /// Numbers in order, as runs of neighbours.
    static func runs(_ numbers: [Int]) -> [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs
    }

    private func counters(of port: OpenPort) -> SwitchPortCounters {
        let seen = live.pointee.core.counters(of: port.id)
        let outlet = live.pointee.outlets[Int(port.id.index)]
        var counters = SwitchPortCounters()
        counters.receivedFrames = Int(clamping: seen.receivedFrames)
        counters.receivedBytes = Int(clamping: seen.receivedBytes)
        counters.sentFrames = Int(clamping: seen.sentFrames)
        counters.sentBytes = Int(clamping: seen.sentBytes)
        counters.mirroredFrames = Int(clamping: seen.mirroredFrames)
        counters.refusedDrops = Int(clamping: outlet.refusedDrops)
        counters.fullDrops = Int(clamping: outlet.fullDrops + (live.pointee.streams[port.id.index]?.lost ?? 0))
        for reason in DropReason.allCases {
            let frames = live.pointee.core.dropCount(of: port.id, for: reason)
            guard frames > 0 else { continue }
            counters.drops.append(
                .init(reason: "\(reason)", explanation: reason.explanation, frames: Int(clamping: frames))
            )
        }
        return counters
    }

    func stations(now: Ticks) -> [SwitchStationView] {
        var views: [SwitchStationView] = []
        live.pointee.core.stations.forEach(now: now) { entry in
            views.append(
                SwitchStationView(
                    switchName: name,
                    address: "\(entry.address)",
                    vlan: Int(entry.vlan),
                    port: ports[entry.interface.index]?.name ?? "",
                    isStatic: entry.isStatic,
                    age: Int((now &- entry.lastHeard) / 100)
                )
            )
        }
        return views.sorted { ($0.vlan, $0.address) < ($1.vlan, $1.address) }
    }

    // MARK: - Why

    /// What would become of a frame that came from a port now.
    func trace(_ frame: [UInt8], from port: OpenPort, now: Ticks) -> SwitchTraceView {
        let explanation = live.pointee.core.explain(frame.span, from: port.id, now: now)
        let decision = explanation.decision
        var outputs: [SwitchTraceView.Output] = []
        live.pointee.core.forEachDelivery(of: decision) { delivery in
            outputs.append(
                SwitchTraceView.Output(
                    port: ports[delivery.interface.index]?.name ?? "",
                    change: RunningSwitch.words(delivery.rewrite.tag),
                    isCopy: delivery.isMirror
                )
            )
        }
        let (verdict, reason, sentence) = words(decision.verdict)
        return SwitchTraceView(
            switchName: name,
            port: port.name,
            verdict: verdict,
            reason: reason,
            explanation: sentence,
            vlan: Int(decision.vlan),
            outputs: outputs,
            steps: explanation.steps.map { words($0) }
        )
    }

    private func words(_ verdict: Decision.Verdict) -> (verdict: String, reason: String, sentence: String) {
        switch verdict {
        case .forward(let id): ("forward", "", "it goes to \(ports[id.index]?.name ?? "port \(id.index)")")
        case .flood(.unknown): ("flood", "unknown", "the destination is not known, so it goes to all others")
        case .flood(.multicast): ("flood", "multicast", "it is for a group, so it goes to all others")
        case .flood(.broadcast): ("flood", "broadcast", "it is for everybody, so it goes to all others")
        case .route(_, let id): ("route", "", "it is routed to \(ports[id.index]?.name ?? "port \(id.index)")")
        case .drop(let reason): ("drop", "\(reason)", reason.explanation)
        }
    }

    private func words(_ step: ForwardingStep) -> String {
        switch step {
        case .admitted(let vlan): return "it is taken, and belongs to VLAN \(vlan)"
        case .rule(nil, _): return "no rule is about it"
        case .rule(let id?, _) where live.pointee.core.rules.rule(id)?.priority == RunningSwitch.guardPriority:
            return "what it holds cannot be read, and rules keep some of that back: it is dropped"
        case .rule(_?, let action): return "a rule says: \(words(action))"
        case .station(nil): return "the destination is not known"
        case .station(let entry?):
            let place = ports[entry.interface.index]?.name ?? "port \(entry.interface.index)"
            return "\(entry.address) is at \(place)" + (entry.isStatic ? ", as was written down" : "")
        case .route(let route): return route == nil ? "no route leads there" : "a route leads there"
        }
    }

    private func words(_ action: RuleAction) -> String {
        switch action {
        case .permit: "it may pass"
        case .deny: "it is dropped"
        case .redirect(let id): "it goes to \(ports[id.index]?.name ?? "port \(id.index)")"
        case .mirror(let id): "\(ports[id.index]?.name ?? "port \(id.index)") gets a copy"
        }
    }

    private static func words(_ change: Rewrite.TagChange) -> String {
        switch change {
        case .keep: ""
        case .pop: "without its tag"
        case .push(let control): "with a tag of VLAN \(control & 0xfff)"
        case .replace(let control): "with the tag of VLAN \(control & 0xfff)"
        }
    }
}
