// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

extension Walk {
    /// Whether a frame goes past a bridge.
    ///
    /// Only frames that nobody has anything to say about do; hence the verdict is the bridge's either way.
    enum Passage {
        /// Nobody asked for a shortcut between these.
        case none
        /// It does, but for one from time to time that renews the bridge's memory.
        case past
        /// It could, if it were not for something.
        case refused(String)
        case unknown(String)
    }

    /// What stands at the end of a bridge's step.
    func words(_ passage: Passage) -> String {
        switch passage {
        case .none: ""
        case .past: "; the shortcut is taken"
        case .refused(let reason): "; the shortcut is not taken: \(reason)"
        case .unknown(let reason): "; the shortcut may be taken or not: \(reason)"
        }
    }

    /// Whether a frame that a bridge would hand from one port to another goes past the bridge.
    func past(
        _ bridge: HostModel.Link,
        _ packet: Packet,
        from port: HostModel.Link?,
        to target: HostModel.Link,
        of namespace: Int
    ) -> Passage {
        let space = model.namespaces[namespace]
        guard let port, port.index != target.index, let own = space.shortcuts[port.index],
            let other = space.shortcuts[target.index], packet.family != nil, packet.vlan == 0
        else { return .none }
        guard own.bridge == bridge.index, other.bridge == bridge.index, own.vlan == other.vlan else { return .none }
        guard other.isStation, other.address == packet.destination else {
            return .refused("the shortcut does not know \(packet.destination)")
        }
        guard own.isAttached else { return .refused("the shortcut's program is not at \(port.name)") }
        guard own.address == packet.source, own.addresses?.contains(packet.sourceAddress) ?? true else {
            return .refused("it is from another address than the shortcut knows")
        }
        if let reason = obstacle(bridge, port, target, own.vlan) { return .refused(reason) }
        if let reason = own.refusesFrom { return .refused("of \(port.name), \(reason)") }
        if let reason = other.refusesTo { return .refused("of \(target.name), \(reason)") }
        return rules(space, bridge, port, target, ignoringIP: own.ignoresFilterOfIP)
    }

    /// What the bridge would do beside sending.
    private func obstacle(
        _ bridge: HostModel.Link,
        _ port: HostModel.Link,
        _ target: HostModel.Link,
        _ vlan: UInt16
    ) -> String? {
        if bridge.isPromiscuous { return "somebody looks at all frames of \(bridge.name)" }
        if let shaping = port.shaping ?? target.shaping { return shaping }
        for end in [port, target] where end.port?.doesMore == true || end.port?.isLocked == true {
            return "the bridge does more with frames of \(end.name) than to send them on"
        }
        guard bridge.filtersVLANs else { return nil }
        let native = port.port?.native ?? 0
        let isOneVLAN = native != 0 && native == target.port?.native && (vlan == 0 || vlan == native)
        return isOneVLAN ? nil : "frames without a tag are of different VLANs there"
    }

    /// Whether anybody has rules on the way: of bridges, of either port, or of IP where it is shown what bridges forward.
    private func rules(
        _ space: HostModel.Namespace,
        _ bridge: HostModel.Link,
        _ port: HostModel.Link,
        _ target: HostModel.Link,
        ignoringIP: Bool
    ) -> Passage {
        let bases = space.ruleset.chains.compactMap { chain in chain.hook.map { (chain.chain, $0) } }
        let atPorts = bases.first { _, hook in
            hook.point == .ingress && hook.isAt(port.name) || hook.point == .egress && hook.isAt(target.name)
        }
        if let (chain, _) = atPorts { return .refused("chain \(chain) has rules there") }
        let between: [ChainHook.Point] = [.prerouting, .forward, .postrouting]
        let ofBridges = bases.first { $0.0.table.family == .bridge && between.contains($0.1.point) }
        if let (chain, _) = ofBridges { return .refused("chain \(chain) has rules for bridges") }
        // Of a port whose ADD saw br_netfilter switched off, it is the bridge's own setting that counts.
        let isThere = space.settings["bridge/bridge-nf-call-iptables"] != nil
        guard isThere, !ignoringIP || bridge.showsIPv4 || bridge.showsIPv6 else { return .past }
        if let unseen = space.unseenRules { return .unknown(unseen) }
        let ofIP = bases.first { chain, hook in
            guard [.ip, .ip6, .inet].contains(chain.table.family) else { return false }
            return between.contains(hook.point) || hook.kind == .nat
        }
        if let (chain, _) = ofIP {
            return .refused("br_netfilter may show frames to rules of IP, and there is chain \(chain)")
        }
        return tracksConnections(space) ? .refused("br_netfilter is there, and so is connection tracking") : .past
    }

    /// Whether rules of IP have the kernel keep track of connections, which is on the way of every packet then.
    private func tracksConnections(_ space: HostModel.Namespace) -> Bool {
        space.ruleset.rules.contains { chain, rules in
            [.ip, .ip6, .inet].contains(chain.table.family)
                && rules.contains { rule in
                    rule.rule.expressions.contains { expression in
                        switch expression {
                        case .ct, .ctSet, .connectionLimit, .nat, .masquerade, .redirect: true
                        default: false
                        }
                    }
                }
        }
    }
}
