// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// Finds containers that are cut off from their bridge, and frames that are too large for their way.
package struct PortExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { ports + holes + uplinks + overlays }

    private var ports: [Finding] {
        facts.records.filter { $0.isLivingPort && !$0.hostInterface.isEmpty }.compactMap { record in
            guard let port = facts.link(named: record.hostInterface) else {
                return Finding(
                    .portMissing,
                    network: record.network,
                    at: record.name,
                    "link \(record.hostInterface), the host's end of its pair, is gone"
                )
            }
            guard let bridge = facts.link(named: record.bridge), port.master == bridge.index else {
                let now = facts.links.first { $0.index == port.master }.map { "a port of \($0.name)" } ?? "no port"
                return Finding(
                    .portDetached,
                    network: record.network,
                    at: "link \(port.name)",
                    "it should be a port of \(record.bridge) for \(record.name), and is \(now)",
                    fix: "culvert reconcile, or ip link set \(port.name) master \(record.bridge)"
                )
            }
            guard !port.isUp else { return nil }
            return Finding(
                .portDown,
                network: record.network,
                at: "link \(port.name)",
                "the host's end of \(record.name) is down",
                fix: "ip link set \(port.name) up",
                remedy: .linkUp(index: port.index, name: port.name)
            )
        }
    }

    // MARK: - Sizes

    /// A bridge sends no ICMP: what does not fit a port is dropped.
    private var holes: [Finding] {
        configuredBridges.flatMap { network, bridge in
            facts.links.filter { $0.master == bridge.index && $0.mtu < bridge.mtu }.map { port in
                Finding(
                    .pathHole,
                    network: network,
                    at: "link \(port.name)",
                    "its MTU is \(port.mtu), and that of bridge \(bridge.name) \(bridge.mtu)",
                    fix: "ip link set \(bridge.name) mtu \(port.mtu), and \"mtu\": \(port.mtu) in the configuration"
                )
            }
        }
    }

    private var uplinks: [Finding] {
        let indices = Set(facts.routes.filter { $0.destination.isDefaultRoute }.compactMap { $0.link })
        let uplinks = facts.links.filter { indices.contains($0.index) }
        guard let narrow = uplinks.min(by: { $0.mtu < $1.mtu }) else { return [] }
        let routed = Set(facts.networks.filter { $0.isRouted }.map { $0.name })
        return configuredBridges.filter { routed.contains($0.network) && $0.link.mtu > narrow.mtu }.map {
            network,
            bridge in
            Finding(
                .uplinkNarrow,
                network: network,
                at: "link \(bridge.name)",
                "its MTU is \(bridge.mtu), and that of uplink \(narrow.name) \(narrow.mtu)",
                fix: "write \"mtu\": \(narrow.mtu) for plugin bridge, and start the containers anew"
            )
        }
    }

    /// VXLAN adds 50 octets over IPv4: RFC 7348, 5, and the headers around it.
    private var overlays: [Finding] {
        let overhead = 50
        return facts.links.filter { $0.kind == "vxlan" }.compactMap { overlay in
            guard let under = facts.links.first(where: { $0.index == overlay.peer }), overlay.mtu + overhead > under.mtu
            else { return nil }
            return Finding(
                .overlayNarrow,
                at: "link \(overlay.name)",
                "its MTU is \(overlay.mtu); link \(under.name), which carries it, has \(under.mtu), "
                    + "and each packet takes \(overhead) octets more there",
                fix: "ip link set \(overlay.name) mtu \(under.mtu - overhead)"
            )
        }
    }

    private var configuredBridges: [(network: String, link: HostFacts.Link)] {
        var seen: Set<Int32> = []
        return facts.networks.flatMap { network in
            network.bridges.compactMap { _, name in
                guard let link = facts.link(named: name), link.kind == "bridge", seen.insert(link.index).inserted else {
                    return nil
                }
                return (network.name, link)
            }
        }
    }
}
