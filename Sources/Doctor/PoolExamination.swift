// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Pools

/// Finds pools that are full or in somebody's way, and leases that are wrong.
package struct PoolExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] { full + overlapping + onHost + leases }

    private var full: [Finding] {
        facts.pools.compactMap { pool in
            guard pool.total > 0 else { return nil }
            let count = "\(pool.taken) of \(pool.total) addresses are taken"
            if pool.taken >= pool.total {
                return Finding(.poolExhausted, network: pool.network, at: pool.place, "\(count) of \(pool.subnet)")
            }
            guard pool.taken * 10 >= pool.total * 9, pool.total >= 10 else { return nil }
            return Finding(.poolNearlyFull, network: pool.network, at: pool.place, "\(count) of \(pool.subnet)")
        }
    }

    private var overlapping: [Finding] {
        facts.pools.enumerated().compactMap { position, pool in
            guard let other = facts.pools[..<position].first(where: { clashes($0, pool) }) else { return nil }
            return Finding(
                .poolOverlap,
                network: pool.network,
                at: pool.place,
                "\(pool.subnet) and \(other.subnet) of network \"\(other.network)\" (\(other.place)) overlap",
                fix: "give one of the networks another subnet"
            )
        }
    }

    /// Two bridges need two subnets; whoever shares a wire has to share leases, or give different addresses.
    private func clashes(_ one: HostFacts.Pool, _ other: HostFacts.Pool) -> Bool {
        guard one.directory != other.directory else { return false }
        let areApart = one.isRouted && other.isRouted && one.bridge != other.bridge
        if areApart { return one.subnet.overlaps(other.subnet) }
        guard one.isRouted == other.isRouted, one.first.family == other.first.family else { return false }
        return one.first <= other.last && other.first <= one.last
    }

    /// Networks that share a wire with the host have its subnet on purpose.
    private var onHost: [Finding] {
        facts.pools.filter { $0.isRouted }.compactMap { pool in
            let strangers = facts.links.filter { link in
                !link.isLoopback && link.kind != "veth" && link.name != pool.bridge
                    && !link.name.hasPrefix("\(pool.bridge).")
            }
            let names = Dictionary(strangers.map { ($0.index, $0.name) }) { first, _ in first }
            if let entry = facts.addresses.first(where: {
                names[$0.link] != nil && !$0.isLinkLocal && $0.address.network.overlaps(pool.subnet)
                    && !isOfNetwork(named: names[$0.link] ?? "")
            }) {
                return onHost(pool, "\(names[entry.link] ?? "") has \(entry.address)")
            }
            let routed = facts.routes.first { route in
                guard let link = route.link, names[link] != nil, !isOfNetwork(named: names[link] ?? "") else {
                    return false
                }
                return !route.destination.isDefaultRoute && route.destination.overlaps(pool.subnet)
            }
            return routed.map { onHost(pool, "\($0.destination) is routed to \($0.link.flatMap { names[$0] } ?? "")") }
        }
    }

    private func onHost(_ pool: HostFacts.Pool, _ what: String) -> Finding {
        Finding(
            .poolOnHost,
            network: pool.network,
            at: pool.place,
            "\(pool.subnet) is in use on the host: \(what)",
            fix: "give the network another subnet, or take that one off the host's link"
        )
    }

    /// Whether a bridge is another network's: that both overlap is told otherwise.
    private func isOfNetwork(named name: String) -> Bool {
        facts.networks.contains { $0.bridges.contains { $0.bridge == name } }
    }

    // MARK: - Leases

    private var leases: [Finding] {
        facts.leaseProblems.map { problem in
            let place = "\(problem.directory)" + (problem.address.map { "/\($0)" } ?? "")
            switch problem.kind {
            case .duplicate:
                return Finding(
                    .leaseDuplicate,
                    network: problem.network,
                    at: place,
                    problem.finding,
                    fix: problem.remedy
                )
            case .deadOwner:
                return Finding(
                    .leaseDead,
                    network: problem.network,
                    at: place,
                    problem.finding,
                    fix: "ipam gc --yes",
                    remedy: .collect(directory: problem.directory)
                )
            case .outside, .barred, .garbage, .leftover, .unleased, .index, .lastReserved, .reservation:
                return Finding(
                    .leaseDamaged,
                    network: problem.network,
                    at: place,
                    problem.finding,
                    fix: problem.remedy,
                    remedy: isCollectable(problem) ? .collect(directory: problem.directory) : nil
                )
            }
        }
    }

    /// Whether a collection of garbage puts it right.
    private func isCollectable(_ problem: PoolProblem) -> Bool {
        switch problem.kind {
        case .leftover, .lastReserved, .index: true
        case .garbage: problem.remedy.hasPrefix("ipam gc")
        default: false
        }
    }
}

extension HostFacts.Pool {
    /// Whether the network has its subnet for itself.
    fileprivate var isRouted: Bool { type == "bridge" || type == "ptp" }
}
