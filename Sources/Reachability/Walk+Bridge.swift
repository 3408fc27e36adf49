// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Doctor
internal import Forwarding
internal import PacketFilter

extension Walk {
    /// A bridge gets a frame: from a port, or from the host itself.
    mutating func bridge(
        _ original: Packet,
        _ bridge: HostModel.Link,
        from port: HostModel.Link?,
        of namespace: Int
    ) -> [Arrival] {
        var packet = original
        guard bridge.isUp else {
            let reason = "bridge \(bridge.name) is down"
            let advice = "ip link set \(bridge.name) up"
            return [.stopped(stop(.dropped, namespace, reason, advice: advice, finding: .bridgeDown))]
        }
        var wasAsked = false
        if let port {
            if let blocked = spanningTree(port, bridge, namespace) { return [.stopped(blocked)] }
            if let hidden = hiddenVLANs(port, namespace) { return [.stopped(hidden)] }
            let place = HookPlace(point: .prerouting, namespace: namespace, input: port, output: nil, bridge: bridge)
            if let verdict = ask(place, &packet) { return [.stopped(verdict)] }
            if showsPackets(packet, bridge, namespace) {
                wasAsked = true
                shown = (namespace, port, packet.source)
                if let verdict = showPrerouting(&packet, bridge, namespace) { return [.stopped(verdict)] }
            }
        }
        return decide(packet, bridge, from: port, of: namespace, wasAsked: wasAsked)
    }

    private func spanningTree(_ port: HostModel.Link, _ bridge: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        guard let state = port.port?.state, state != 3 else { return nil }
        let names = ["disabled", "listening", "learning", "forwarding", "blocking"]
        let name = Int(state) < names.count ? names[Int(state)] : "\(state)"
        return stop(.dropped, namespace, "port \(port.name) of bridge \(bridge.name) is \(name)", finding: .portDown)
    }

    private func hiddenVLANs(_ port: HostModel.Link, _ namespace: Int) -> TraceVerdict? {
        guard port.port?.hidesVLANs == true else { return nil }
        let reason = "programs keep port \(port.name) to VLANs that they do not tell"
        let advice = "culvert reconcile replaces those of a former version, where there is a record"
        return stop(.unknown, namespace, reason, advice: advice)
    }

    // MARK: - br_netfilter

    /// Whether the rules of IP are shown what a bridge forwards.
    private func showsPackets(_ packet: Packet, _ bridge: HostModel.Link, _ namespace: Int) -> Bool {
        guard let family = packet.family, packet.vlan == 0 else { return false }
        if family == .v4 ? bridge.showsIPv4 : bridge.showsIPv6 { return true }
        let name = family == .v4 ? "bridge-nf-call-iptables" : "bridge-nf-call-ip6tables"
        return model.namespaces[namespace].setting("bridge/\(name)") != 0
    }

    private mutating func showPrerouting(
        _ packet: inout Packet,
        _ bridge: HostModel.Link,
        _ namespace: Int
    ) -> TraceVerdict? {
        let before = packet.destinationAddress
        let place = HookPlace(point: .prerouting, namespace: namespace, input: bridge, output: nil, bridge: nil)
        (mark, isUntracked, attached) = (0, false, nil)
        if let verdict = ask(place, &packet) { return verdict }
        guard packet.destinationAddress != before else { return nil }
        guard packet.family == .v6 || forwardingOff(packet, namespace, bridge) == nil else {
            packet.destination = bridge.address
            return nil
        }
        // The kernel asks the routes at once, and stays on the bridge when they lead there.
        let answer = lookup(packet, namespace, input: bridge)
        if packet.family == .v6, case .stopped(var verdict, _) = answer {
            // br_nf_pre_routing_finish_ipv6 of the kernel
            if verdict.outcome == .unreachable { verdict.outcome = .dropped }
            return verdict
        }
        guard case .found(let way) = answer, way.route.kind == .unicast, way.link.index == bridge.index else {
            packet.destination = bridge.address
            return nil
        }
        nextHop = way.route.gateway
        let target = nextHop ?? packet.destinationAddress
        switch neighbour(target, on: bridge, of: namespace, from: packet.sourceAddress) {
        case .known(let address): packet.destination = address
        case .stopped(let verdict) where verdict.outcome == .unknown: return verdict
        case .stopped, .beyond: packet.destination = bridge.address
        }
        return nil
    }

    private mutating func show(
        _ point: ChainHook.Point,
        _ packet: inout Packet,
        _ bridge: HostModel.Link,
        _ namespace: Int
    ) -> TraceVerdict? {
        let input = point == .forward ? bridge : nil
        nextHop = nil
        return ask(HookPlace(point: point, namespace: namespace, input: input, output: bridge, bridge: nil), &packet)
    }

    // MARK: - The decision

    private mutating func decide(
        _ packet: Packet,
        _ bridge: HostModel.Link,
        from port: HostModel.Link?,
        of namespace: Int,
        wasAsked: Bool
    ) -> [Arrival] {
        let table = BridgeTable(bridge, of: model.namespaces[namespace])
        let decision = table.decide(packet, from: port ?? bridge)
        if let reason = decision.reason {
            note(.bridge, namespace, "bridge \(bridge.name): \(reason.explanation)")
            return [.stopped(refusal(reason, packet, bridge, port, decision.target, namespace))]
        }
        var arrivals: [Arrival] = []
        for (target, frame) in decision.deliveries {
            if decision.deliveries.count == 1 {
                let vlan = decision.vlan == 0 ? "" : " of VLAN \(decision.vlan)"
                let goal = target.index == bridge.index ? "to \(title(namespace)) itself" : "to port \(target.name)"
                let from = port.map { "from port \($0.name)" } ?? "from \(title(namespace)) itself"
                let known = decision.isKnown ? "\(frame.destination)\(vlan) is known there" : "flooded\(vlan)"
                let passage = words(past(bridge, frame, from: port, to: target, of: namespace))
                note(.bridge, namespace, "bridge \(bridge.name): \(from) \(goal), \(known)\(passage)")
            }
            arrivals += pass(frame, bridge, from: port, to: target, of: namespace, wasAsked: wasAsked)
        }
        if decision.deliveries.count > 1 {
            note(.bridge, namespace, "bridge \(bridge.name): flooded to \(decision.deliveries.count) ports")
        }
        return arrivals
    }

    private mutating func pass(
        _ frame: Packet,
        _ bridge: HostModel.Link,
        from port: HostModel.Link?,
        to target: HostModel.Link,
        of namespace: Int,
        wasAsked: Bool
    ) -> [Arrival] {
        var packet = frame
        var place = HookPlace(point: .forward, namespace: namespace, input: port, output: target, bridge: bridge)
        if target.index == bridge.index {
            (place.point, place.output) = (.input, nil)
            if let verdict = ask(place, &packet) { return [.stopped(verdict)] }
            guard packet.vlan == 0 else { return enter(packet, by: bridge, of: namespace) }
            return [.up(namespace, bridge, packet, wasAsked: wasAsked)]
        }
        if let hidden = hiddenVLANs(target, namespace) { return [.stopped(hidden)] }
        if port == nil { place.point = .output }
        if let verdict = ask(place, &packet) { return [.stopped(verdict)] }
        if wasAsked, let verdict = show(.forward, &packet, bridge, namespace) { return [.stopped(verdict)] }
        place.point = .postrouting
        if let verdict = ask(place, &packet) { return [.stopped(verdict)] }
        if wasAsked, let verdict = show(.postrouting, &packet, bridge, namespace) { return [.stopped(verdict)] }
        if let shaping = target.shaping { note(.remark, namespace, "\(target.name) is slowed down: \(shaping)") }
        return spread(packet, by: target, of: namespace)
    }

    private func refusal(
        _ reason: DropReason,
        _ packet: Packet,
        _ bridge: HostModel.Link,
        _ port: HostModel.Link?,
        _ target: HostModel.Link?,
        _ namespace: Int
    ) -> TraceVerdict {
        let ends = [port?.name, target?.name].compactMap { $0 }.joined(separator: " to ")
        let text = "bridge \(bridge.name)\(ends.isEmpty ? "" : ", \(ends)"): \(reason.explanation)"
        var verdict = stop(.dropped, namespace, text)
        switch reason {
        case .isolated, .nobodyThere:
            guard port?.port?.isIsolated ?? false else {
                if bridge.filtersVLANs { verdict.plugin = "bridge (vlan, vlanTrunk)" }
                break
            }
            verdict.plugin = "bridge (portIsolation) or firewall (ingressPolicy isolated)"
            verdict.advice = "both ports are isolated: turn that off for the network, or talk by a published port"
        case .sameInterface:
            verdict.plugin = "bridge (hairpinMode)"
            verdict.advice = "set \"hairpinMode\" of the network"
        case .vlanNotAllowed, .outputNotInVLAN, .taggedNotAdmitted, .untaggedNotAdmitted:
            verdict.plugin = "bridge (vlan, vlanTrunk)"
            verdict.advice = "bridge vlan show: both ports have to be in one VLAN"
        case .outputDown, .interfaceDown: verdict.finding = .portDown
        default: break
        }
        return verdict
    }
}
