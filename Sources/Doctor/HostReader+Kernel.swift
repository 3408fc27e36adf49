// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import IPTables
internal import Linux
internal import Netlink
internal import PacketFilter

extension HostReader {
    mutating func readLinks() {
        if let found = seeing("links", { () throws(KernelError) in try HostReader.tables() }) {
            (facts.links, facts.addresses, facts.routes) = found
        }
        let plugins = facts.networks.flatMap { $0.plugins }
        let wanted = Set(plugins.compactMap { KernelExamination.kind(of: $0.type) })
        let kinds = wanted.subtracting(facts.links.map { $0.kind })
        facts.missingKinds =
            seeing("kinds of links that the kernel has") { () throws(KernelError) in
                let socket = try NetlinkSocket()
                var missing: Set<String> = []
                for kind in kinds where try !HostReader.hasLinks(ofKind: kind, on: socket) { missing.insert(kind) }
                return missing
            } ?? []
    }

    private static func hasLinks(
        ofKind kind: String,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) -> Bool {
        do throws(KernelError) {
            // rtnetlink refuses to make these even where the kernel has them (tun_validate).
            if kind == "tun" { try TapDevice.require() } else { try socket.require(kind: kind) }
            return true
        } catch {
            guard error.errno == .notSupported else { throw error }
            return false
        }
    }

    private static func tables() throws(KernelError) -> ([HostFacts.Link], [HostFacts.Address], [HostFacts.Route]) {
        let socket = try NetlinkSocket()
        let links = try socket.everyLink().map { link($0) }
        let addresses = try socket.everyAddress().map { entry in
            HostFacts.Address(entry.address, link: entry.link, isLinkLocal: entry.isLinkLocal)
        }
        var routes: [HostFacts.Route] = []
        for family in AddressFamily.allFamilies {
            for route in try socket.installedRoutes(family) where route.table == InstalledRoute.mainTable {
                routes.append(HostFacts.Route(route.destination, link: route.link))
            }
        }
        return (links, addresses, routes)
    }

    private static func link(_ noted: NotedLink) -> HostFacts.Link {
        var link = HostFacts.Link(index: noted.link.index, name: noted.link.name, kind: noted.link.kind)
        link.mtu = Int(noted.link.mtu)
        (link.master, link.peer) = (noted.link.master, noted.link.peerIndex)
        (link.isPeerAbroad, link.isUp) = (noted.link.isPeerAbroad, noted.link.isUp)
        link.isLoopback = noted.link.isLoopback
        // Whether it filters, a bridge says on every kernel; its own VLAN only where it could (br_fill_info).
        link.knowsVLANs = noted.link.bridge?.canFilterVLANs ?? true
        link.alias = noted.alias
        return link
    }

    // MARK: - Packet filters

    mutating func readFilters() {
        let answer = seeing("packet filters") {
            () throws(KernelError) -> (hasKernel: Bool, chains: [HostFacts.Chain]) in
            do throws(KernelError) {
                return (true, try HostReader.chains(try PacketFilterSocket()))
            } catch {
                guard error.meansNoPacketFilter else { throw error }
                return (false, [])
            }
        }
        if let answer { (facts.hasPacketFilter, facts.chains) = (answer.hasKernel, answer.chains) }
        readLegacyTables()
    }

    /// Every chain; of those in which plugins name the owners of rules, the comments too.
    private static func chains(_ socket: borrowing PacketFilterSocket) throws(KernelError) -> [HostFacts.Chain] {
        _ = try socket.generation()
        var found: [HostFacts.Chain] = []
        for installed in try socket.tables() where !installed.isDormant {
            for chain in try socket.chains(of: installed.table) {
                var comments: [String] = []
                if ownedTables.contains("\(installed.table)") {
                    comments = try socket.rules(of: chain.chain).compactMap { $0.rule.comment }
                }
                found.append(
                    HostFacts.Chain(
                        table: "\(installed.table)",
                        name: chain.chain.name,
                        dropsForwarded: chain.hook?.point == .forward && chain.hook?.policy == .drop
                            && installed.table.family != .bridge,
                        comments: comments
                    )
                )
            }
        }
        return found
    }

    /// Ours, and those that both implementations have.
    private static let ownedTables: Set<String> = [
        "inet cni_plugins_masquerade", "inet culvert_portmap", "inet culvert_firewall", "bridge nat",
    ]

    /// A table appears with the first look at it: only one with rules is in use.
    private mutating func readLegacyTables() {
        let programs = [(AddressFamily.v4, "/usr/sbin/iptables-legacy-save"), (.v6, "/usr/sbin/ip6tables-legacy-save")]
        for (family, program) in programs {
            let tables = seeing("tables of iptables-legacy") { () throws(KernelError) in try LegacyTables.inUse(family)
            }
            guard let tables, !tables.isEmpty else { continue }
            let full = HostReader.tablesWithRules(program) ?? tables
            facts.legacyTables += full.map { "\($0) (\(family.name))" }
        }
    }

    /// Nil when the program is not there.
    private static func tablesWithRules(_ program: String) -> [String]? {
        do throws(KernelError) {
            let child = try ChildProcess.run(program, [program], environment: [], input: [], errorLimit: 4096)
            var tables: [String] = []
            var table = ""
            for line in String(decoding: child.output, as: UTF8.self).split(separator: "\n") {
                if line.hasPrefix("*") { table = String(line.dropFirst()) }
                if line.hasPrefix("-A"), tables.last != table { tables.append(table) }
            }
            return tables
        } catch {
            return nil
        }
    }

    // MARK: - Settings

    mutating func readSettings() {
        let links = Set(facts.routes.filter { $0.destination.isDefaultRoute }.compactMap { $0.link })
        let uplinks = facts.links.filter { links.contains($0.index) }.map { $0.name }
        let bridges = Set(facts.networks.flatMap { $0.bridges.map { $0.bridge } })
        var names =
            [
                "ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/disable_ipv6",
                "ipv4/conf/all/rp_filter", "bridge/bridge-nf-call-iptables", "netfilter/nf_conntrack_count",
                "netfilter/nf_conntrack_max",
            ]
        names += uplinks.map { "ipv4/conf/\($0)/rp_filter" }
        for bridge in bridges {
            names += ["ipv4/conf/\(bridge)/forwarding", "ipv6/conf/\(bridge)/forwarding"]
            names.append("ipv6/conf/\(bridge)/disable_ipv6")
        }
        for name in names where !name.contains("..") {
            facts.settings[name] = Sysctl(name).readIfPossible()
        }
    }
}
