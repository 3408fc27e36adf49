// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
package import Addressing
internal import HostLocal
internal import LeaseStore

/// Finds what is wrong with a network; touches nothing, and knows only what it is given.
package struct PoolCheckup {
    private let facts: NetworkFacts
    private let network: PoolNetwork
    /// By address; of several files, the one whose name is spelled right.
    private let leases: [IPAddress: LeaseRecord]
    /// What may be given, by anybody's configuration; nil when nobody says so here.
    private let pools: AddressSet?

    package init(_ facts: NetworkFacts) {
        self.facts = facts
        network = facts.network
        var leases: [IPAddress: LeaseRecord] = [:]
        for place in facts.survey.places where place.isSpelledRight { leases[place.address] = place.lease }
        self.leases = leases
        let sets = facts.network.configurations.map { $0.pools.rangeSets }
        // A plugin without ranges of its own gets them from the runtime.
        let isKnown = !sets.isEmpty && sets.allSatisfy { !$0.isEmpty }
        pools = isKnown ? AddressSet(sets.flatMap { $0.flatMap { $0.ranges.map { $0.run } } }) : nil
    }

    /// Everything, in the order of kinds, and within one of addresses.
    package var problems: [PoolProblem] {
        let found =
            files + owners + places + attachments + reservations + index + hints
        return PoolProblem.Kind.allCases.flatMap { kind in found.filter { $0.kind == kind } }
    }

    // MARK: - Names and files

    private var files: [PoolProblem] {
        var found = facts.survey.leftovers.map { name in
            PoolProblem(
                .leftover,
                in: network,
                finding: "\(name) was being written by somebody who died",
                remedy: "ipam gc --yes removes it"
            )
        }
        for place in facts.survey.places {
            switch place.content {
            case .debris: found.append(garbage(place, "\(place.name) names no owner", "ipam gc --yes removes it"))
            case .foreign:
                found.append(garbage(place, "\(place.name) is no lease file", "look at it, and remove it by hand"))
            case .lease(let lease):
                if !place.isSpelledRight { found.append(misspelled(place, lease)) }
                guard !lease.owner.isPossible, !lease.owner.isReservation else { continue }
                let finding = "\(place.name) names an owner that no container can be: \(lease.owner)"
                found.append(garbage(place, finding, "ipam release --force \(place.address) frees the address"))
            }
        }
        return found
    }

    private func garbage(_ place: LeaseSurvey.Place, _ finding: String, _ remedy: String) -> PoolProblem {
        PoolProblem(.garbage, in: network, place.address, finding: finding, remedy: remedy)
    }

    /// Nobody finds such a file by its address; if there is another, two believe that they have it.
    private func misspelled(_ place: LeaseSurvey.Place, _ lease: LeaseRecord) -> PoolProblem {
        let remedy = "remove \(place.name) by hand"
        guard let other = leases[place.address] else {
            let finding = "\(place.name) is not how the address is written, so that nobody respects the lease"
            return garbage(place, finding, "rename it to \(place.address)")
        }
        let finding = "\(place.name) gives it to \(lease.owner), and \(place.address) to \(other.owner)"
        return PoolProblem(.duplicate, in: network, place.address, finding: finding, remedy: remedy)
    }

    // MARK: - Whose they are

    private var owners: [PoolProblem] {
        facts.survey.places.compactMap { place in
            guard place.isSpelledRight, let lease = place.lease, lease.isCollectable(facts.survey.kept),
                let finding = facts.fates[place.address]?.finding(lease)
            else { return nil }
            let remedy = "ipam release \(place.address), or ipam gc --yes for all of them"
            var problem = PoolProblem(.deadOwner, in: network, place.address, finding: finding, remedy: remedy)
            (problem.owner, problem.file, problem.isReleasable) = (lease.owner, lease.file, true)
            return problem
        }
    }

    /// Leases where none should be.
    private var places: [PoolProblem] {
        guard let pools else { return [] }
        return facts.survey.places.compactMap { place in
            guard let lease = place.lease, place.isSpelledRight, !lease.owner.isReservation else { return nil }
            var problem: PoolProblem
            if !pools.contains(place.address) {
                problem = PoolProblem(
                    .outside,
                    in: network,
                    place.address,
                    finding: "\(lease.owner) has it, and it is in no pool of the network",
                    remedy: "nothing, if the pools were changed on purpose: it ends with its container"
                )
            } else if let reason = barring(place.address) {
                problem = PoolProblem(
                    .barred,
                    in: network,
                    place.address,
                    finding: "\(lease.owner) has it, and it is \(reason)",
                    remedy: "start the container anew, so that it gets another address"
                )
            } else {
                return nil
            }
            (problem.owner, problem.file) = (lease.owner, lease.file)
            return problem
        }
    }

    /// Why no configuration would give an address; nil when one would.
    private func barring(_ address: IPAddress) -> String? {
        var reason: String?
        for configuration in network.configurations {
            for set in configuration.pools.rangeSets where set.range(containing: address) != nil {
                let rules = configuration.pools.rules
                if set.ranges.contains(where: { $0.gateway == address }) {
                    reason = "a gateway"
                } else if rules.excluded.contains(address), !rules.reservations.addresses.contains(address) {
                    reason = "excluded by \(configuration.file)"
                } else {
                    return nil
                }
            }
        }
        return reason
    }

    // MARK: - What containers have

    private var attachments: [PoolProblem] {
        var found: [PoolProblem] = []
        var holders: [IPAddress: LeaseOwner] = [:]
        for attached in facts.attached where attached.isLiving {
            let address = attached.address
            if let other = holders.updateValue(attached.owner, forKey: address), other != attached.owner {
                let finding = "\(other) and \(attached.owner) both live and were given it"
                let remedy = "stop one of the two"
                found.append(PoolProblem(.duplicate, in: network, address, finding: finding, remedy: remedy))
            }
            guard pools?.contains(address) ?? true else { continue }
            let holder = leases[address]?.owner
            guard holder?.covers(attached.owner) != true else { continue }
            let instead = holder.map { "the lease is \($0)'s" } ?? "there is no lease"
            var problem = PoolProblem(
                .unleased,
                in: network,
                address,
                finding: "\(attached.owner) lives and has it, but \(instead)",
                remedy: holder == nil
                    ? "ipam allocate --network \(network.name) --ip \(address) --owner \(attached.owner.containerID) "
                        + "--ifname \(attached.owner.interfaceName)"
                    : "stop one of the two"
            )
            problem.owner = attached.owner
            found.append(problem)
        }
        return found
    }
}

// MARK: - What is kept besides leases

extension PoolCheckup {
    fileprivate var reservations: [PoolProblem] {
        let kept = facts.survey.kept
        var found: [PoolProblem] = []
        let completing = "ipam gc --yes completes it; ipam unreserve ends it"
        if kept.damagedLineCount > 0 {
            let finding = "\(kept.damagedLineCount) lines of .culvert.kept make no sense"
            let remedy = "reserve again what is missing in ipam list"
            found.append(PoolProblem(.reservation, in: network, finding: finding, remedy: remedy))
        }
        for entry in kept.entries {
            for address in entry.run.lowest(KeptAddresses.largestRun) {
                let lease = leases[address]
                guard entry.purpose == .reserved ? lease == nil : lease.map({ kept.isAllocated($0) }) != true
                else { continue }
                let finding =
                    entry.purpose == .reserved
                    ? "it is reserved, but has no file that others would respect"
                    : "it was given by hand to \(entry.key), which does not have it any more"
                found.append(
                    PoolProblem(.reservation, in: network, address, finding: finding, remedy: completing)
                )
            }
        }
        let reserved = kept.reserved
        for place in facts.survey.places where place.lease?.owner.isReservation == true {
            guard !reserved.contains(place.address) else { continue }
            let finding = "it has the file of a reservation, but .culvert.kept does not know of it"
            found.append(PoolProblem(.reservation, in: network, place.address, finding: finding, remedy: completing))
        }
        return found
    }

    fileprivate var index: [PoolProblem] {
        facts.survey.misindexed.map { address in
            PoolProblem(
                .index,
                in: network,
                address,
                finding: "the index says something else about it than the directory",
                remedy: "ipam gc --yes has the index read it anew"
            )
        }
    }

    fileprivate var hints: [PoolProblem] {
        facts.survey.hints.compactMap { hint in
            guard let finding = self.finding(hint) else { return nil }
            return PoolProblem(
                .lastReserved,
                in: network,
                hint.address,
                finding: finding,
                remedy: "ipam gc --yes removes it; the next search begins at the first address then"
            )
        }
    }

    /// The range sets of which a wrong word says where the next search begins.
    var wrongHints: Set<Int> { Set(facts.survey.hints.filter { finding($0) != nil }.map { $0.rangeSet }) }

    private func finding(_ hint: LeaseSurvey.Hint) -> String? {
        let name = "last_reserved_ip.\(hint.rangeSet)"
        guard let address = hint.address else { return "\(name) holds no address" }
        let sets = network.configurations.map { $0.pools.rangeSets }.filter { hint.rangeSet < $0.count }
        guard !sets.isEmpty, pools != nil,
            sets.allSatisfy({ $0[hint.rangeSet].range(containing: address) == nil })
        else { return nil }
        return "\(name) says \(address), which is not in range set \(hint.rangeSet)"
    }
}

extension AddressRun {
    /// The lowest addresses, one by one.
    package func lowest(_ limit: Int) -> [IPAddress] {
        var addresses: [IPAddress] = []
        var next: IPAddress? = first
        while let address = next, address <= last, addresses.count < limit {
            addresses.append(address)
            next = address.advanced(by: 1)
        }
        return addresses
    }
}
