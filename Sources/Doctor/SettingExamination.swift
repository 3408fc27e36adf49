// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import JSON

/// Finds settings of the kernel that keep packets of containers from their way.
package struct SettingExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] {
        forwarding + disabled + reversePath + bridgeFilter + tracking
    }

    // MARK: - Forwarding

    /// The plugins switch it on with each ADD, so that it matters where somebody has joined.
    private var forwarding: [Finding] {
        AddressFamily.allFamilies.flatMap { family -> [Finding] in
            let users = facts.networks.filter { $0.isRouted && facts.families(of: $0.name).contains(family) }
            let living = users.filter { facts.hasLiving($0.name) }
            guard let network = living.first else { return [] }
            let name = family == .v4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding"
            if facts.settings[name] == "0" {
                return [off(name, "the host forwards no \(family.name) at all", network.name)]
            }
            return living.flatMap { $0.bridges }.filter { $0.plugin.isGateway }.compactMap { _, bridge in
                let own = "\(family == .v4 ? "ipv4" : "ipv6")/conf/\(bridge)/forwarding"
                return facts.settings[own] == "0"
                    ? off(own, "what comes from bridge \(bridge) is not forwarded", network.name) : nil
            }
        }
    }

    private func off(_ setting: String, _ what: String, _ network: String) -> Finding {
        Finding(
            .forwardingOff,
            network: network,
            at: "net/\(setting)",
            what,
            fix: "sysctl -w net/\(setting)=1, and keep it in /etc/sysctl.d",
            remedy: .setting(setting, value: "1")
        )
    }

    private var disabled: [Finding] {
        facts.networks.flatMap { network -> [Finding] in
            guard facts.families(of: network.name).contains(.v6) else { return [] }
            let bridges = network.bridges.filter { $0.plugin.isGateway }.map { $0.bridge }
            return bridges.compactMap { bridge in
                let own = "ipv6/conf/\(bridge)/disable_ipv6"
                let setting = facts.settings[own] == nil ? "ipv6/conf/default/disable_ipv6" : own
                guard facts.settings[setting] == "1" else { return nil }
                return Finding(
                    .ipv6Disabled,
                    network: network.name,
                    at: "net/\(setting)",
                    "the network gives IPv6 addresses, and IPv6 is switched off",
                    fix: "sysctl -w net/\(setting)=0, or remove the IPv6 range from \(network.path)"
                )
            }
        }
    }

    // MARK: - Filters

    /// With one uplink every answer comes in where it would go out.
    private var reversePath: [Finding] {
        let uplinks = Set(
            facts.routes.filter { $0.destination.isDefaultRoute && $0.destination.family == .v4 }
                .compactMap { $0.link }
        )
        guard uplinks.count > 1, facts.networks.contains(where: { $0.isRouted }) else { return [] }
        let everywhere = Int(facts.settings["ipv4/conf/all/rp_filter"] ?? "") ?? 0
        return facts.links.filter { uplinks.contains($0.index) }.compactMap { link in
            // ip-sysctl: the higher of the two counts, and 2 is loose.
            let own = Int(facts.settings["ipv4/conf/\(link.name)/rp_filter"] ?? "") ?? 0
            guard max(everywhere, own) == 1 else { return nil }
            return Finding(
                .strictReversePath,
                at: "net/ipv4/conf/\(link.name)/rp_filter",
                "the reverse path is checked strictly, and \(uplinks.count) links lead to the default gateway",
                fix: "sysctl -w net/ipv4/conf/\(link.name)/rp_filter=2, and keep it in /etc/sysctl.d"
            )
        }
    }

    private var bridgeFilter: [Finding] {
        let value = facts.settings["bridge/bridge-nf-call-iptables"]
        let networks = facts.networks.filter { !$0.bridges.isEmpty }
        if facts.signs.contains(SystemSigns.kubelet), value != "1", let network = networks.first {
            let state = value == nil ? "br_netfilter is not loaded" : "it is off"
            return [Finding(.bridgeFilterOff, network: network.name, at: "net/bridge/bridge-nf-call-iptables", state)]
        }
        guard value == "1", let chain = facts.chains.first(where: { $0.dropsForwarded }) else { return [] }
        return networks.filter { !$0.isRouted && facts.hasLiving($0.name) }.map { network in
            Finding(
                .bridgeFilterDrops,
                network: network.name,
                at: "net/bridge/bridge-nf-call-iptables",
                "frames of the bridge are shown to chain \(chain.table) \(chain.name), whose policy is drop"
            )
        }
    }

    /// Nine tenths: what comes next is dropped in a burst.
    private var tracking: [Finding] {
        guard let count = facts.settings["netfilter/nf_conntrack_count"].flatMap({ Int($0) }),
            let most = facts.settings["netfilter/nf_conntrack_max"].flatMap({ Int($0) }),
            most > 0, count * 10 >= most * 9
        else { return [] }
        return [
            Finding(
                .trackingFull,
                at: "net/netfilter/nf_conntrack_max",
                "\(count) of \(most) connections are tracked",
                fix: "sysctl -w net/netfilter/nf_conntrack_max=\(most * 2), and keep it in /etc/sysctl.d"
            )
        ]
    }
}

extension AddressFamily {
    static let allFamilies: [AddressFamily] = [.v4, .v6]
}

extension HostFacts {
    /// The families of addresses that a network gives.
    func families(of network: String) -> Set<AddressFamily> {
        let given = records.filter { $0.network == network }.flatMap { $0.addresses }
        return Set(pools.filter { $0.network == network }.map { $0.subnet.family } + given.map { $0.family })
    }

    /// Whether somebody has joined a network who is not known to be dead.
    func hasLiving(_ network: String) -> Bool {
        records.contains { $0.network == network && !$0.isDead } || otherOwners.contains { $0.network == network }
    }

    func link(named name: String) -> Link? { links.first { $0.name == name } }
}
