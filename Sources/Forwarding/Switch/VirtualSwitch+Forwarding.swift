// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension VirtualSwitch {
    /// Where frames go that ask the other end of a link to pause: they are about the link and teach a switch nothing (IEEE
    /// 802.3, annex 31B).
    static let pauseGroup: UInt64 = 0x0180_c200_0001

    /// Decides what becomes of a frame, learns from it and counts it.
    ///
    /// - Parameters:
    ///   - frame: without the checksum of Ethernet.
    ///   - ingress: where it came from.
    ///   - now: the moment; never earlier than that of the frame before.
    /// - Returns: where the frame goes, or why nowhere.
    /// - Complexity: constant but for rules (a probe for each mask in use) and floods (a step for each interface).
    public mutating func forward(_ frame: Span<UInt8>, from ingress: InterfaceID, now: Ticks) -> Decision {
        flows.capacity == 0
            ? forwardAnew(frame, from: ingress, now: now) : forwardRemembering(frame, from: ingress, now: now)
    }

    /// The same without a look at what was decided about other frames.
    @inline(__always)
    mutating func forwardAnew(_ frame: Span<UInt8>, from ingress: InterfaceID, now: Ticks) -> Decision {
        var nobody = Inattentive()
        var key = FlowKey()
        let admission = admit(frame, from: ingress, key: &key, &nobody)
        let rule = admission.reason == nil ? rules.lookup(key) : RuleVerdict()
        return conclude(admission, rule, frame, now)
    }

    /// The key of a frame by which ``Explanation/mask`` goes; its VLAN is that of the tag.
    ///
    /// - Returns: nil when the frame ends before its type does.
    public func key(of frame: Span<UInt8>, from ingress: InterfaceID) -> FlowKey? {
        FlowKey(frame, from: ingress, tagProtocol: settings.knowsVLANs ? settings.tagProtocol : 0)
    }

    /// What the switch would do with a frame now, and why; nothing changes.
    ///
    /// The frame teaches it nothing either: one that is sent to its own source may be flooded here, and is not when it
    /// really comes. That this is `mutating` only spares those copies that share the code.
    public mutating func explain(_ frame: Span<UInt8>, from ingress: InterfaceID, now: Ticks) -> Explanation {
        var recorder = Recorder()
        var key = FlowKey()
        let admission = admit(frame, from: ingress, key: &key, &recorder)
        var rule = RuleVerdict()
        var reason = admission.reason
        if reason == nil {
            recorder.step(.admitted(vlan: admission.vlan))
            var mask = FlowKey()
            rule = rules.lookup(key, unwildcarding: &mask)
            recorder.depends { $0.formUnion(mask) }
            recorder.step(.rule(rule.id, rule.action))
            if rule.action != .deny, isStranger(admission, now) { reason = .lockedInterface }
        }
        let decision = decide(admission, rule, reason, frame, now, &recorder)
        return Explanation(
            decision: decision,
            steps: recorder.steps,
            mask: recorder.isKeyEnough ? recorder.mask : nil
        )
    }

    /// The part of forwarding that changes the switch, and has to be done frame by frame.
    @inline(__always)
    mutating func conclude(
        _ admission: Admission,
        _ rule: RuleVerdict,
        _ frame: Span<UInt8>,
        _ now: Ticks
    ) -> Decision {
        var reason = admission.reason
        if reason == nil, rule.packedAction != RuleAction.deny.packed {
            let port = ports[Int(admission.ingress.index)]
            if isStranger(admission, now) {
                reason = .lockedInterface
            } else if port.has(PortState.Flag.learns), admission.destinationNumber != Self.pauseGroup {
                // Who is known at a locked interface stays known by being heard.
                let key = MACTable.key(admission.sourceNumber, admission.vlan)
                _ = stations.learn(key, at: admission.ingress, limit: port.learnLimit, now: now)
            }
        }
        var nobody = Inattentive()
        let decision = decide(admission, rule, reason, frame, now, &nobody)
        count(decision, length: UInt64(admission.length))
        return decision
    }

    /// Whether the interface is locked, and the source is not known to be there.
    @inline(__always)
    private func isStranger(_ admission: Admission, _ now: Ticks) -> Bool {
        guard ports[Int(admission.ingress.index)].has(PortState.Flag.isLocked) else { return false }
        let slot = stations.find(MACTable.key(admission.sourceNumber, admission.vlan), now: now)
        return slot.key == 0 || slot.interface != admission.ingress
    }

    @inline(__always)
    private mutating func decide<Observer: ForwardingObserver>(
        _ admission: Admission,
        _ rule: RuleVerdict,
        _ reason: DropReason?,
        _ frame: Span<UInt8>,
        _ now: Ticks,
        _ observer: inout Observer
    ) -> Decision {
        var decision = Decision(.drop(.noSuchInterface), from: admission.ingress)
        guard reason != .noSuchInterface else { return decision }
        let port = ports[Int(admission.ingress.index)]
        if reason != .interfaceDown { decision.ingressMirror = port.mirror }
        decision.vlan = admission.vlan
        decision.control = admission.control
        decision.isTagged = admission.isTagged
        if let reason {
            decision.verdict = .drop(reason)
            return decision
        }
        var target = InterfaceID.none
        // Nearly always there is nothing to do, which is found out at once.
        if rule.packedAction != RuleAction.permit.packed {
            switch rule.action {
            case .permit:
                break
            case .deny:
                decision.verdict = .drop(.deniedByRule)
                return decision
            case .mirror(let interface):
                decision.ruleMirror = interface
            case .redirect(let interface):
                target = interface
            }
        }
        destine(&decision, admission, target, port, frame, now, &observer)
        return decision
    }

    /// Finds out where an admitted frame goes that no rule denies.
    @inline(__always)
    private mutating func destine<Observer: ForwardingObserver>(
        _ decision: inout Decision,
        _ admission: Admission,
        _ target: InterfaceID,
        _ port: PortState,
        _ frame: Span<UInt8>,
        _ now: Ticks,
        _ observer: inout Observer
    ) {
        let destination = admission.destinationNumber
        observer.depends { $0.destination = MACAddress(value: .max) }
        if destination & ~0xf == 0x0180_c200_0000, !isForwardedGroup(destination) {
            decision.verdict = .drop(.linkLocalGroup)
        } else if !port.has(PortState.Flag.forwards) {
            decision.verdict = .drop(.spanningTreeLearns)
        } else if target != .none {
            send(&decision, to: target, port)
        } else if destination & 1 << 40 != 0 {
            flood(&decision, destination == 0xffff_ffff_ffff ? .broadcast : .multicast, port)
        } else {
            let slot = stations.find(MACTable.key(destination, admission.vlan), now: now)
            observer.step(.station(slot.key == 0 ? nil : MACTable.Entry(slot)))
            if slot.key == 0 {
                flood(&decision, .unknown, port)
            } else if slot.isGateway {
                route(&decision, admission, frame, &observer)
            } else {
                send(&decision, to: slot.interface, port)
            }
        }
    }

    private func isForwardedGroup(_ destination: UInt64) -> Bool {
        destination != Self.pauseGroup && settings.forwardedGroups >> UInt16(destination & 0xf) & 1 != 0
    }

    @inline(__always)
    private func send(_ decision: inout Decision, to target: InterfaceID, _ port: PortState) {
        decision.verdict = .forward(target)
        guard target.index < ports.count else { return decision.verdict = .drop(.outputDown) }
        let output = ports[Int(target.index)]
        if target == decision.ingress, !output.has(PortState.Flag.isHairpin) {
            decision.verdict = .drop(.sameInterface)
        } else if !output.has(PortState.Flag.usable) {
            decision.verdict = .drop(.outputDown)
        } else if port.flags & output.flags & PortState.Flag.isIsolated != 0 {
            decision.verdict = .drop(.isolated)
        } else if settings.knowsVLANs, !isMember(Int(target.index), decision.vlan) {
            decision.verdict = .drop(.outputNotInVLAN)
        }
    }

    private mutating func flood(_ decision: inout Decision, _ kind: Decision.Flood, _ port: PortState) {
        var all: UInt64 = 0
        for word in 0..<wordCount { all |= floodWord(word, kind, decision.vlan, decision.ingress, port) }
        decision.verdict = all == 0 ? .drop(.nobodyThere) : .flood(kind)
    }

    /// Sixty-four of the interfaces a flood reaches.
    @inline(__always)
    func floodWord(
        _ word: Int,
        _ kind: Decision.Flood,
        _ vlan: UInt16,
        _ ingress: InterfaceID,
        _ port: PortState
    ) -> UInt64 {
        var reached = sets.word(word, of: Row.usable) & vlanMembers.word(word, of: Int(vlan))
        reached &= sets.word(word, of: Row.flooded &+ Int(kind.rawValue))
        if port.has(PortState.Flag.isIsolated) { reached &= ~sets.word(word, of: Row.isolated) }
        if !port.has(PortState.Flag.isHairpin), Int(ingress.index &>> 6) == word {
            reached &= ~(1 &<< UInt64(ingress.index & 63))
        }
        return reached
    }
}
