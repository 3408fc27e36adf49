// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import JSON
package import LeaseStore
internal import Linux
package import Plugin

/// Something that a collection of garbage does, or would do.
package struct GarbageAction: Hashable, Sendable {
    /// What is done, by the word that reports use; these words stay.
    package enum Kind: String, Hashable, Sendable {
        /// A dead container's address is given back.
        case free
        /// From now on a container counts as suspect; if it still seems dead after a minute, its address is freed.
        case suspect
        /// A file that is of no use is removed.
        case remove
        /// What is left of a reservation is completed, or removed.
        case complete
        /// What the index says of an address is read from the directory anew.
        case reindex
    }

    package let kind: Kind
    package let network: String
    package let address: IPAddress?
    package let owner: LeaseOwner?
    /// Why.
    package let finding: String

    package var json: JSONValue {
        .object([
            "action": .string(kind.rawValue), "network": .string(network),
            "address": address.map { .string("\($0)") } ?? .null,
            "containerID": owner.map { .string($0.containerID) } ?? .null,
            "interface": owner.map { .string($0.interfaceName) } ?? .null,
            "finding": .string(finding),
        ])
    }
}

extension NetworkFacts {
    /// What a collection would do about what was found.
    package var garbage: [GarbageAction] {
        PoolCheckup(self).problems.compactMap { problem in
            let kind: GarbageAction.Kind
            switch problem.kind {
            case .deadOwner: kind = isDead(problem.address) ? .free : .suspect
            case .leftover, .lastReserved: kind = .remove
            case .garbage where isDebris(problem.address): kind = .remove
            case .reservation where problem.address != nil: kind = .complete
            case .index: kind = .reindex
            case .garbage, .reservation, .duplicate, .outside, .barred, .unleased: return nil
            }
            return GarbageAction(
                kind: kind,
                network: problem.network,
                address: problem.address,
                owner: problem.owner,
                finding: problem.finding
            )
        }
    }

    private func isDead(_ address: IPAddress?) -> Bool {
        guard let address, case .dead = fates[address] else { return false }
        return true
    }

    private func isDebris(_ address: IPAddress?) -> Bool {
        survey.places.contains { $0.address == address && $0.content == .debris }
    }
}

extension PoolNetwork {
    /// Removes what is provably of no use any more, as far as that was found before.
    ///
    /// Everything is judged again under the lock: who came to life since keeps what he has.
    ///
    /// - Parameters:
    ///   - facts: what was found.
    ///   - settings: where the index and the records are, and how long to wait for the lock.
    /// - Returns: what was done; leases that became dead since are among it.
    /// - Throws: ``PoolFailure``; part of it may have been done then.
    package func collectGarbage(
        _ facts: NetworkFacts,
        _ settings: Settings
    ) throws(PoolFailure) -> [GarbageAction] {
        let planned = facts.garbage
        let done = try changing(settings, "collect garbage") { ledger throws(PoolFailure) in
            try store("collect garbage") { () throws(KernelError) in
                let doubtful = planned.filter { $0.kind == .reindex || ($0.kind == .remove && $0.address != nil) }
                try ledger.review(doubtful.compactMap { $0.address })
                let completed = Set(try ledger.completeReservations())
                try removeHints(facts, &ledger)
                let freed = try ledger.reclaim(
                    isUrgent: true,
                    where: { _ in true },
                    evidence: evidence(settings)
                )
                let gone = Dictionary(freed.map { ($0.address, $0) }) { first, _ in first }
                return report(planned, gone, completed, facts)
            }
        }
        return done ?? []
    }

    /// What was done of what was planned, and what was freed besides.
    private func report(
        _ planned: [GarbageAction],
        _ freed: [IPAddress: LeaseRecord],
        _ completed: Set<IPAddress>,
        _ facts: NetworkFacts
    ) -> [GarbageAction] {
        var done = planned.filter { action in
            guard action.kind == .free, let address = action.address else { return true }
            return freed[address] != nil
        }
        let known = Set(done.compactMap { $0.kind == .free ? $0.address : nil })
        // Whose minute is over.
        done.removeAll { $0.kind == .suspect && $0.address.map { freed[$0] != nil } == true }
        for (address, lease) in freed.sorted(by: { $0.key < $1.key }) where !known.contains(address) {
            let finding = facts.fates[address]?.finding(lease) ?? "\(lease.owner) is dead"
            done.append(
                GarbageAction(kind: .free, network: name, address: address, owner: lease.owner, finding: finding)
            )
        }
        return done
    }

    private func removeHints(_ facts: NetworkFacts, _ ledger: inout LeaseLedger) throws(KernelError) {
        let wrong = PoolCheckup(facts).wrongHints
        for hint in facts.survey.hints where wrong.contains(hint.rangeSet) {
            guard ledger.lastReserved(rangeSet: hint.rangeSet) == hint.address else { continue }
            try ledger.forgetLastReserved(rangeSet: hint.rangeSet)
        }
    }
}
