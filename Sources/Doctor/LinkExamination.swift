// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import JSON

/// Finds bridges and masters that are not as networks need them.
package struct LinkExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] {
        facts.networks.flatMap { masters($0) } + bridges.flatMap { bridge($0) } + gateways + strangers
    }

    /// Every bridge once, with the first network that has it.
    private var bridges: [(network: NetworkFile, plugin: JSONReader, name: String)] {
        var seen: Set<String> = []
        return facts.networks.flatMap { network in
            network.bridges.compactMap { plugin, name in
                seen.insert(name).inserted ? (network, plugin, name) : nil
            }
        }
    }

    private func masters(_ network: NetworkFile) -> [Finding] {
        network.plugins.compactMap { plugin in
            guard ["macvlan", "ipvlan", "vlan"].contains(plugin.type), !plugin.truth("linkInContainer") else {
                return nil
            }
            let master = plugin.text("master")
            guard !master.isEmpty, facts.link(named: master) == nil else { return nil }
            let names = facts.links.filter { !$0.isLoopback && !$0.kind.isContainersEnd }.map { $0.name }
            let meant = Spelling.nearest(to: master, of: names)
            return Finding(
                .masterMissing,
                network: network.name,
                at: network.place(plugin, "master"),
                "there is no link \"\(master)\"" + (meant.map { ": did you mean \"\($0)\"?" } ?? ""),
                fix: meant.map { "write \"master\": \"\($0)\"" } ?? "write one of: \(names.joined(separator: ", "))"
            )
        }
    }

    private func bridge(_ entry: (network: NetworkFile, plugin: JSONReader, name: String)) -> [Finding] {
        guard let link = facts.link(named: entry.name) else { return [] }
        guard link.kind == "bridge" else {
            return [
                Finding(
                    .bridgeWrongKind,
                    network: entry.network.name,
                    at: "link \(link.name)",
                    "the network wants a bridge of this name, and it is "
                        + (link.kind.isEmpty ? "no virtual link" : "a link of kind \(link.kind)"),
                    fix: "write another \"bridge\" into \(entry.network.path), or ip link set \(link.name) name OTHER"
                )
            ]
        }
        guard !link.isUp, facts.links.contains(where: { $0.master == link.index }) else { return [] }
        return [
            Finding(
                .bridgeDown,
                network: entry.network.name,
                at: "link \(link.name)",
                "it is down, and has ports",
                fix: "ip link set \(link.name) up",
                remedy: .linkUp(index: link.index, name: link.name)
            )
        ]
    }

    // MARK: - Addresses

    /// What containers were told to send to.
    private var gateways: [Finding] {
        var told: Set<String> = []
        return facts.records.filter { $0.isLivingPort }.flatMap { record -> [Finding] in
            guard let network = facts.networks.first(where: { $0.name == record.network }),
                network.bridges.contains(where: { $0.bridge == record.bridge && $0.plugin.isGateway }),
                let link = facts.link(named: record.bridge)
            else { return [] }
            // With a VLAN it is on a link of its own.
            let places = facts.links.filter { $0.name == link.name || $0.name.hasPrefix("\(link.name).") }
            let present = facts.addresses.filter { entry in places.contains { $0.index == entry.link } }
            // Without IPv6 it cannot have one, which is told by itself.
            let isWithout = facts.settings["ipv6/conf/\(link.name)/disable_ipv6"] == "1"
            return record.gateways.compactMap { gateway in
                guard gateway.family == .v4 || !isWithout else { return nil }
                guard places.count == 1, !present.contains(where: { $0.address.address == gateway.address }),
                    told.insert("\(link.name) \(gateway)").inserted
                else { return nil }
                return Finding(
                    .gatewayMissing,
                    network: record.network,
                    at: "link \(link.name)",
                    "containers have \(gateway.address) as their gateway, and the bridge does not have the address",
                    fix: "ip address add \(gateway) dev \(link.name)",
                    remedy: .address(gateway, index: link.index, link: link.name)
                )
            }
        }
    }

    /// Addresses that no network gives its bridge.
    private var strangers: [Finding] {
        bridges.flatMap { network, plugin, name -> [Finding] in
            guard plugin.isGateway, let link = facts.link(named: name), link.kind == "bridge" else { return [] }
            let sharing = facts.networks.filter { $0.bridges.contains { $0.bridge == name } }.map { $0.name }
            let pools = facts.pools.filter { sharing.contains($0.network) }
            guard !pools.isEmpty else { return [] }
            let wanted = Set(
                pools.map { $0.gateway }
                    + facts.records.filter { $0.bridge == name }.flatMap { $0.gateways.map { $0.address } }
            )
            return facts.addresses.filter { entry in
                entry.link == link.index && !entry.isLinkLocal && !wanted.contains(entry.address.address)
            }.map { entry in
                Finding(
                    .foreignAddress,
                    network: network.name,
                    at: "link \(name)",
                    "it has \(entry.address), which is the gateway of none of its networks",
                    fix: "ip address del \(entry.address) dev \(name), if nobody needs it"
                )
            }
        }
    }
}

extension String {
    /// Whether links of this kind are what plugins make for containers.
    fileprivate var isContainersEnd: Bool { ["veth", "ifb", "macvlan", "ipvlan"].contains(self) }
}

extension HostFacts.Record {
    /// Whether it tells of a container that should be behind a bridge now.
    var isLivingPort: Bool { plugin.isEmpty && type == "bridge" && isAttached && !isDead }
}
