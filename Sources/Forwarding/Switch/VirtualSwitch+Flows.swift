// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension VirtualSwitch {
    /// Grows with every change that could alter a decision: of interfaces, rules, routes, and of what is known about
    /// stations.
    ///
    /// Who remembers decisions forgets them when it has grown. A station that grows too old changes decisions too, and
    /// nothing happens then: what depends on one holds until ``MACTable/Entry/lastHeard`` is too long ago.
    public var generation: UInt64 { changes &+ stations.generation }

    /// How many decisions were remembered ones; see ``Settings/rememberedFlows``.
    public var rememberedDecisions: UInt64 { flows.hits &+ exactFlows.hits }

    /// Does what forwarding does, and decides about frames like earlier ones without asking the rules again.
    @inline(never)
    mutating func forwardRemembering(_ frame: Span<UInt8>, from ingress: InterfaceID, now: Ticks) -> Decision {
        var key = FlowKey()
        let tagProtocol = settings.knowsVLANs ? settings.tagProtocol : 0
        guard let layout = key.read(frame, tagProtocol: tagProtocol) else {
            return forwardAnew(frame, from: ingress, now: now)
        }
        key.ingress = ingress
        let length = UInt64(frame.count)
        if let flow = flows.find(key, now: now, generation: generation) {
            let before = generation
            if flow.learns {
                let source = MACTable.key(key.source.value, flow.decision.vlan)
                let limit = ports[Int(ingress.index)].learnLimit
                _ = stations.learn(source, at: ingress, limit: limit, now: now)
            }
            // When it learned something new, the decision may be another: then the frame is gone about anew, to which
            // it makes no difference that its source is known already.
            if generation == before {
                var decision = flow.decision
                decision.control = layout.control
                decision.isTagged = layout.isTagged
                count(decision, length: length)
                return decision
            }
        }
        let decision = forwardAnew(frame, from: ingress, now: now)
        remember(decision, frame, key, now)
        return decision
    }

    /// Writes down what was decided about a frame, unless something else may be decided about one of the same key.
    private mutating func remember(_ decision: Decision, _ frame: Span<UInt8>, _ frameKey: FlowKey, _ now: Ticks) {
        let ingress = decision.ingress
        guard ingress.index < ports.count else { return }
        let port = ports[Int(ingress.index)]
        // Of what comes to no interface, or one that is down, nothing is read. At a locked one it also counts how long ago
        // the source was heard.
        guard port.has(PortState.Flag.exists | PortState.Flag.isUp), !port.has(PortState.Flag.isLocked) else { return }
        var recorder = FlowRecorder()
        var key = FlowKey()
        let admission = admit(frame, from: ingress, key: &key, &recorder)
        var flow = FlowCache.Flow(decision: decision)
        if admission.reason == nil {
            let rule = rules.lookup(key, unwildcarding: &recorder.mask)
            flow.learns = rule.action != .deny && port.has(PortState.Flag.learns)
            flow.learns = flow.learns && admission.destinationNumber != Self.pauseGroup
            let station = stations.find(MACTable.key(admission.destinationNumber, admission.vlan), now: now)
            // What is routed depends on how long it is and how long it may live.
            guard !station.isGateway else { return }
            if station.key != 0, !station.isStatic { flow.lastTick = station.lastHeard &+ stations.ageing &- 1 }
            recorder.depends { $0.destination = MACAddress(value: .max) }
        }
        guard recorder.isKeyEnough else { return }
        flows.insert(flow, for: frameKey, mask: recorder.mask, generation: generation)
    }
}
