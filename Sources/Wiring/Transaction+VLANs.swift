// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import FastPath
package import Linux
package import Netlink

// Ports of bridges that tell VLANs apart.
extension Transaction {
    /// `byPrograms`: whether programs at the ports may keep VLANs apart where the kernel's bridge cannot.
    /// - Throws: ``KernelError``, `EOPNOTSUPP`, saying what is missing.
    package static func requireVLANFiltering(of link: Link, byPrograms: Bool = false) throws(KernelError) {
        let operation = "use VLANs on bridge \(link.name)"
        guard link.bridge?.filtersVLANs != true else { return }
        guard link.bridge?.canFilterVLANs != true else {
            let command = "ip link set \(link.name) type bridge vlan_filtering 1"
            throw KernelError(operation, .notSupported, explanation: "it does not filter VLANs; run: \(command)")
        }
        let obstacle = FastPath.probe()
        guard !byPrograms || obstacle != nil else { return }
        throw lackOfVLANFiltering(link.name, obstacle)
    }

    /// `obstacle`: why programs cannot stand in for it.
    static func lackOfVLANFiltering(_ bridge: String, _ obstacle: FastPathFailure?) -> KernelError {
        let missing = "this kernel was built without CONFIG_BRIDGE_VLAN_FILTERING"
        let instead = "with \"fastPath\": \"ebpf\" programs at the ports keep VLANs apart"
        return KernelError(
            "use VLANs on bridge \(bridge)",
            .notSupported,
            explanation: missing + "; " + (obstacle.map { "nor can programs at the ports do it: \($0)" } ?? instead)
        )
    }

    /// What puts a port into its VLANs.
    ///
    /// `defaultVLAN`: the one it is to leave, which every new port of its bridge is in; 0 or nil is none. Of a port that
    /// has left it before, that is no error.
    static func requests(
        joining memberships: [NetlinkRequest.VLANMembership],
        leaving defaultVLAN: UInt16?,
        port index: Int32,
        name: String
    ) -> [NetlinkRequest] {
        let addition = NetlinkRequest.addVLANs(memberships, to: index, name: name)
        guard let defaultVLAN, defaultVLAN != 0, !memberships.contains(.native(defaultVLAN)) else { return [addition] }
        return [.removeVLANs([.tagged(defaultVLAN...defaultVLAN)], from: index, name: name), addition]
    }

    mutating func make(_ interface: VLANInterface) throws(KernelError) {
        let name = interface.gateway.name
        let bridge = link(interface.bridge)
        var found = try host.link(named: name)
        if found == nil {
            let pair = VethPair(host: interface.gateway, container: interface.port, mtu: Int(bridge.mtu))
            try makeShared(.addVethPair(here: pair, bridge: bridge.index, isUp: !bridge.isGuarded))
            found = try host.link(named: name)
        }
        guard let link = found else {
            let explanation = "\(interface.port.name), its peer's name, is taken"
            throw KernelError("add veth \(name)", .fileExists, explanation: explanation)
        }
        try complete(link, as: interface, of: bridge)
        remember(link)
    }

    /// Makes true of a pair what is not.
    ///
    /// Who made it may have died over it, and a bridge that was removed and made again has lost the port.
    private mutating func complete(
        _ link: Link,
        as interface: VLANInterface,
        of bridge: Link
    ) throws(KernelError) {
        // Anything else is an administrator's own way into the VLAN, such as a VLAN link upon the bridge.
        guard link.kind == "veth" else { return }
        guard let port = try peer(of: link), port.master == nil || port.master == bridge.index else {
            let operation = "use \(link.name) as gateway of VLAN \(interface.vlan)"
            let explanation = "the link exists, and its peer is no port of \(bridge.name)"
            throw KernelError(operation, .fileExists, explanation: explanation)
        }
        var requests: [NetlinkRequest] = []
        if port.master == nil { requests.append(.setMaster(bridge.index, link: port.index, name: port.name)) }
        if bridge.isGuarded {
            try keep(port, to: interface.vlanGuard)
        } else {
            requests += Transaction.requests(
                joining: [.native(interface.vlan)],
                leaving: interface.keepsDefaultVLAN ? nil : bridge.bridge?.defaultVLAN,
                port: port.index,
                name: port.name
            )
        }
        for end in [port, link] where !end.isUp {
            requests.append(.setUp(true, link: end.index, name: end.name))
        }
        // The host is not an IPv6 client of its containers.
        setIfPossible(Sysctl("ipv6", link: link.name, "accept_ra"), "0")
        try host.execute(requests)
    }

    /// The other end of a pair; nil when it is in another namespace, or on its way out.
    private func peer(of link: Link) throws(KernelError) -> Link? {
        guard !link.isPeerAbroad, let index = link.peerIndex else { return nil }
        return try host.link(index: index)
    }
}
