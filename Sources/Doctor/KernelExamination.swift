// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// Finds what networks need and this kernel does not have.
package struct KernelExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { facts.networks.flatMap { packetFilter($0) + vlans($0) + links($0) } }

    private func packetFilter(_ network: NetworkFile) -> [Finding] {
        guard facts.hasPacketFilter == false else { return [] }
        let user = network.plugins.first { plugin in
            switch plugin.type {
            case "portmap": plugin.text("backend") != "iptables"
            case "firewall": ["", "nftables"].contains(plugin.text("backend"))
            case "bridge", "ptp":
                plugin.truth("macspoofchk") || plugin.truth("ipspoofchk")
                    || (plugin.truth("ipMasq") && plugin.text("ipMasqBackend") != "iptables")
            default: false
            }
        }
        return user.map { plugin in
            [
                Finding(
                    .kernelNoPacketFilter,
                    network: network.name,
                    at: network.place(plugin),
                    "\(plugin.type) keeps its rules in nf_tables, which this kernel does not have"
                )
            ]
        } ?? []
    }

    private func vlans(_ network: NetworkFile) -> [Finding] {
        guard facts.links.contains(where: { $0.kind == "bridge" && !$0.knowsVLANs }) else { return [] }
        // Where there can be a shortcut, programs at the ports do it.
        let isKept = facts.shortcutFailure == nil
        return network.plugins.filter { $0.usesVLANs && !($0.asksForShortcut && isKept) }.map { plugin in
            Finding(
                .kernelNoVLANs,
                network: network.name,
                at: network.place(plugin),
                "bridges of this kernel do not tell VLANs apart"
            )
        }
    }

    private func links(_ network: NetworkFile) -> [Finding] {
        network.plugins.compactMap { plugin in
            guard let kind = KernelExamination.kind(of: plugin.type), facts.missingKinds.contains(kind) else {
                return nil
            }
            let module = kind == "vlan" ? "8021q" : kind
            return Finding(
                .kernelNoLinks,
                network: network.name,
                at: network.place(plugin),
                "this kernel makes no links of kind \(kind)",
                fix: "modprobe \(module), or use a kernel with support for it"
            )
        }
    }

    /// The kind of links that a plugin makes besides what every kernel for containers has.
    package static func kind(of type: String) -> String? {
        switch type {
        case "macvlan", "ipvlan", "vlan", "dummy", "vrf": type
        case "tap", "vswitch": "tun"
        case "bandwidth": "ifb"
        case "bridge": "bridge"
        case "ptp": "veth"
        default: nil
        }
    }
}
