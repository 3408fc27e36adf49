// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import PacketFilter

extension Walk {
    /// Whether a frame that a bridge would hand from one port to another goes past the bridge.
    ///
    /// Only frames that nobody has anything to say about do; hence the verdict is the bridge's either way.
    func goesPast(
        _ bridge: HostModel.Link,
        _ packet: Packet,
        from port: HostModel.Link?,
        to target: HostModel.Link,
        of namespace: Int
    ) -> Bool {
        let space = model.namespaces[namespace]
        guard let port, port.index != target.index, let own = space.shortcuts[port.index],
            let other = space.shortcuts[target.index], other.isStation, other.address == packet.destination,
            own.address == packet.source, packet.family != nil, packet.vlan == 0
        else { return false }
        guard own.bridge == bridge.index, other.bridge == bridge.index, own.vlan == other.vlan,
            own.addresses?.contains(packet.sourceAddress) ?? true
        else { return false }
        guard port.shaping == nil, target.shaping == nil else { return false }
        return !isFiltered(space, port, target, ignoringIP: own.ignoresFilterOfIP)
    }

    /// Whether anybody has rules on the way: of bridges, of either port, or of IP where it is shown what bridges forward.
    private func isFiltered(
        _ space: HostModel.Namespace,
        _ port: HostModel.Link,
        _ target: HostModel.Link,
        ignoringIP: Bool
    ) -> Bool {
        let isShown = ["iptables", "ip6tables"].contains { space.setting("bridge/bridge-nf-call-\($0)") != 0 }
        return space.ruleset.chains.contains { chain in
            guard let hook = chain.hook else { return false }
            if let device = hook.device { return device == port.name || device == target.name }
            switch chain.chain.table.family {
            case .bridge: return [.prerouting, .forward, .postrouting].contains(hook.point)
            case .ip, .ip6, .inet: return isShown && !ignoringIP
            default: return true
            }
        }
    }
}
