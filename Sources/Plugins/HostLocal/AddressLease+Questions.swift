// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import LeaseStore
internal import Linux
internal import Plugin

// CHECK and STATUS.
extension AddressLease {
    /// The container has an address, and everything its ADD promised from our ranges is still its own.
    func verify() throws(CNIError) {
        let promised = (request.configuration.previousResult?.ips ?? []).map { $0.address.address }
        let (held, stolen) = try inStore { () throws(KernelError) in
            do throws(KernelError) {
                return try verify(promised)
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                return (false, nil)
            }
        }
        guard held else {
            throw CNIError(
                .verificationFailed,
                "host-local: Failed to find address added by container \(owner.containerID)",
                details: "no lease of \(owner) is in \(path)"
            )
        }
        guard let stolen else { return }
        throw CNIError(
            .verificationFailed,
            "host-local: address \(stolen.address) of container \(owner.containerID) belongs to \(stolen.owner)",
            details: "see \(path)/\(stolen.address)"
        )
    }

    /// Whether the container has any address, and who has what it was promised.
    private func verify(_ promised: [IPAddress]) throws(KernelError) -> (held: Bool, stolen: LeaseRecord?) {
        var ledger = try LeaseLedger(
            path: path,
            runDirectory: request.settings.runDirectory,
            waitingAtMost: request.settings.lockBound
        )
        var held: [IPAddress] = []
        for lease in try ledger.leases(of: owner) where try ledger.confirm(lease) { held.append(lease.address) }
        var stolen: LeaseRecord?
        for address in promised where !held.contains(address) {
            guard configuration.rangeSets.contains(where: { $0.range(containing: address) != nil }) else { continue }
            if let lease = try ledger.lease(of: address), lease.hasFile { stolen = lease }
        }
        ledger.commit()
        return (!held.isEmpty, stolen)
    }

    /// Every range set has an address left, and it can be written down.
    func probe() throws(CNIError) {
        if let obstacle = Machine.obstacle(toWritingBelow: path) {
            throw CNIError(.unavailable, "cannot write leases in \(path)", obstacle)
        }
        let exhausted: [RangeSet]
        do throws(KernelError) {
            exhausted = try exhaustedSets()
        } catch {
            throw CNIError(.unavailable, "cannot read leases in \(path)", error)
        }
        for set in exhausted {
            throw CNIError(
                .unavailable,
                PoolUsage.exhaustion(of: set),
                details: "\(set.capacity) of \(set.capacity) \(set.family.name) addresses are leased in \(path)"
            )
        }
    }

    /// The sets without an address for anybody.
    ///
    /// Whoever works on the leases need not be waited for: names can be read without the lock.
    private func exhaustedSets() throws(KernelError) -> [RangeSet] {
        do throws(KernelError) {
            var ledger = try LeaseLedger(
                path: path,
                runDirectory: request.settings.runDirectory,
                waitingAtMost: min(request.settings.lockBound, .milliseconds(5))
            )
            var exhausted: [RangeSet] = []
            let rules = try rules(&ledger)
            for (index, set) in configuration.rangeSets.enumerated() {
                let wish = PoolSelection(from: set, by: rules)
                let answer = try ledger.choose(wish, from: set, by: rules, rangeSet: index)
                guard case .failure = answer else { continue }
                if try !hasDead(set, &ledger) { exhausted.append(set) }
            }
            ledger.commit()
            return exhausted
        } catch {
            switch error.errno {
            case .noSuchFileOrDirectory: return []
            case .wouldBlock:
                let taken = try LeaseDirectory.takenAddresses(path: path)
                return configuration.rangeSets.filter { $0.free(given: taken) == 0 }
            default: throw error
            }
        }
    }

    /// As an ADD would have them; the configuration's where what operators keep makes no sense.
    private func rules(_ ledger: inout LeaseLedger) throws(KernelError) -> PoolRules {
        let kept = try ledger.keptAddresses()
        return (try? LeaseTerms(configuration, kept, request))?.rules ?? configuration.rules
    }

    /// Whether an ADD would free an address of a set before it failed.
    private func hasDead(_ set: RangeSet, _ ledger: inout LeaseLedger) throws(KernelError) -> Bool {
        let witness = LeaseWitness(request)
        return try ledger.hasDead(where: { set.range(containing: $0) != nil }) { owner throws(KernelError) in
            try witness.evidence(of: owner)
        }
    }
}
