// SPDX-License-Identifier: Apache-2.0

extension VirtualSwitch {
    /// Hands over where a frame goes, and how it has to look there: the lowest interface first, then copies.
    ///
    /// - Parameters:
    ///   - decision: of this switch, not changed since.
    ///   - body: called once for each interface.
    public func forEachDelivery(of decision: Decision, _ body: (Delivery) -> Void) {
        var mirrors = InterfaceSet()
        addMirror(decision.ingressMirror, decision, &mirrors)
        addMirror(decision.ruleMirror, decision, &mirrors)
        forEachOutput(of: decision) { interface in
            addMirror(ports[Int(interface.index)].mirror, decision, &mirrors)
            body(Delivery(interface: interface, rewrite: rewrite(of: decision, at: interface), isMirror: false))
        }
        mirrors.forEach { interface in
            body(Delivery(interface: interface, rewrite: Rewrite(), isMirror: true))
        }
    }

    /// The interfaces a frame goes to, copies aside.
    public func outputs(of decision: Decision) -> InterfaceSet {
        var outputs = InterfaceSet()
        forEachOutput(of: decision) { outputs.insert($0) }
        return outputs
    }

    @inline(__always)
    private func forEachOutput(of decision: Decision, _ body: (InterfaceID) -> Void) {
        switch decision.verdict {
        case .forward(let interface), .route(_, let interface):
            body(interface)
        case .flood(let kind):
            let port = ports[Int(decision.ingress.index)]
            for word in 0..<wordCount {
                var rest = floodWord(word, kind, decision.vlan, decision.ingress, port)
                while rest != 0 {
                    body(InterfaceID(index: UInt16(truncatingIfNeeded: word << 6 + rest.trailingZeroBitCount)))
                    rest &= rest &- 1
                }
            }
        case .drop:
            break
        }
    }

    /// A copy goes to an interface that is up, and never back.
    @inline(__always)
    private func addMirror(_ mirror: InterfaceID, _ decision: Decision, _ mirrors: inout InterfaceSet) {
        guard mirror.index < ports.count, mirror != decision.ingress else { return }
        let wanted = PortState.Flag.exists | PortState.Flag.isUp
        if ports[Int(mirror.index)].has(wanted) { mirrors.insert(mirror) }
    }

    private func rewrite(of decision: Decision, at interface: InterfaceID) -> Rewrite {
        var rewrite = Rewrite()
        rewrite.tagProtocol = settings.tagProtocol
        rewrite.tag = tagChange(of: decision, at: Int(interface.index))
        if case .route(let id, _) = decision.verdict {
            let path = paths[id]
            rewrite.isRouted = true
            rewrite.destinationNumber = path.nextHop
            rewrite.sourceNumber = paths.gateway(of: decision.vlan)
        }
        return rewrite
    }

    /// How the tag changes where a frame leaves (IEEE 802.1Q, 8.6.8): its priority stays.
    private func tagChange(of decision: Decision, at index: Int) -> Rewrite.TagChange {
        guard settings.knowsVLANs else { return .keep }
        let vlan = decision.vlan
        let word = untaggedVLANs[index * VLANSet.wordCount + Int(vlan >> 6)]
        if word >> UInt64(vlan & 63) & 1 != 0 { return decision.isTagged ? .pop : .keep }
        guard decision.isTagged else { return .push(control: vlan) }
        return decision.control & 0xfff == vlan ? .keep : .replace(control: decision.control & 0xf000 | vlan)
    }

    // MARK: - Counting

    @inline(__always)
    mutating func count(_ decision: Decision, length: UInt64) {
        let ingress = Int(decision.ingress.index)
        guard ingress < counters.count else { return }
        countReceived(ingress, length)
        var mirrors = decision.ingressMirror != .none || decision.ruleMirror != .none
        switch decision.verdict {
        case .forward(let interface), .route(_, let interface):
            countSent(Int(interface.index), length)
            mirrors = mirrors || ports[Int(interface.index)].mirror != .none
        case .drop(let reason):
            counters[ingress].droppedFrames &+= 1
            drops[ingress &* DropReason.allCases.count &+ Int(reason.rawValue)] &+= 1
        case .flood(let kind):
            return countFlood(decision, kind, length)
        }
        if mirrors { countMirrored(decision) }
    }

    @inline(__always)
    mutating func countReceived(_ index: Int, _ length: UInt64) {
        counters[wrapping: index].receivedFrames &+= 1
        counters[wrapping: index].receivedBytes &+= length
    }

    @inline(__always)
    mutating func countSent(_ index: Int, _ length: UInt64) {
        counters[wrapping: index].sentFrames &+= 1
        counters[wrapping: index].sentBytes &+= length
    }

    private mutating func countFlood(_ decision: Decision, _ kind: Decision.Flood, _ length: UInt64) {
        let port = ports[Int(decision.ingress.index)]
        var mirrors = decision.ingressMirror != .none || decision.ruleMirror != .none
        for word in 0..<wordCount {
            var rest = floodWord(word, kind, decision.vlan, decision.ingress, port)
            while rest != 0 {
                let index = word << 6 &+ rest.trailingZeroBitCount
                countSent(index, length)
                mirrors = mirrors || ports[index].mirror != .none
                rest &= rest &- 1
            }
        }
        if mirrors { countMirrored(decision) }
    }

    @inline(never)
    private mutating func countMirrored(_ decision: Decision) {
        var mirrors = InterfaceSet()
        forEachDelivery(of: decision) { if $0.isMirror { mirrors.insert($0.interface) } }
        for word in 0..<InterfaceSet.wordCount {
            var rest = mirrors[word: word]
            while rest != 0 {
                counters[word << 6 &+ rest.trailingZeroBitCount].mirroredFrames &+= 1
                rest &= rest &- 1
            }
        }
    }
}
