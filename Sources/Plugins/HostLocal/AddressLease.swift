// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import JSON
internal import Journal
internal import LeaseStore
internal import Linux
internal import Plugin

/// The addresses of one interface of one container.
struct AddressLease {
    let request: Request
    let configuration: HostLocalConfiguration
    let path: String

    init(_ request: Request) throws(CNIError) {
        self.request = request
        configuration = try HostLocalConfiguration(request)
        path = try LeaseRelease.directory(request)
    }

    var owner: LeaseOwner {
        LeaseOwner(containerID: request.invocation.containerID, interfaceName: request.invocation.interfaceName)
    }

    /// Takes one address of every range set, all of them under one lock or none.
    func take() throws(CNIError) -> AddResult {
        let dns = try configuration.dns()
        var ledger = try inStore { () throws(KernelError) in
            try LeaseLedger(
                creating: path,
                runDirectory: request.settings.runDirectory,
                waitingAtMost: request.settings.lockBound
            )
        }
        let terms = try terms(&ledger)
        let claimant = LeaseClaimant(request, owner, Workload(request), identity: stickyIdentity ?? "")
        let held = try inStore { () throws(KernelError) in try ledger.leases(of: owner) }
        try refuseSecondNamespace(claimant, held)
        var selection = AddressSelection(
            requested: configuration.requested,
            held: held.map { $0.address },
            remembered: stickyIdentity.map { memory.addresses(of: $0) } ?? [],
            rules: terms.rules,
            identity: terms.identity
        )
        var choices: [PoolChoice] = []
        do throws(CNIError) {
            for (index, set) in configuration.rangeSets.enumerated() {
                choices.append(try take(selection.next(from: set), (index, set), terms, claimant, held, &ledger))
            }
            try selection.finish()
            let superseded = selection.superseded(by: choices)
            try inStore { () throws(KernelError) in
                for (index, choice) in choices.enumerated() where choice.reason != .held {
                    try ledger.setLastReserved(choice.address, rangeSet: index)
                }
                for lease in held where superseded.contains(lease.address) {
                    if try ledger.release(lease) { request.notes.leases.release(isV6: lease.address.family == .v6) }
                }
            }
        } catch {
            throw giveBack(choices, to: &ledger, because: error)
        }
        ledger.commit()
        for choice in choices where choice.reason != .held {
            request.notes.leases.give(isV6: choice.address.family == .v6)
        }
        remember(choices)
        return result(choices, dns)
    }

    /// Whom the addresses are remembered for; nil when for nobody.
    private var stickyIdentity: String? { configuration.isSticky ? configuration.identity : nil }

    /// What operators keep is asked of the ledger; from then on it gives what they keep for this container.
    func terms(_ ledger: inout LeaseLedger) throws(CNIError) -> LeaseTerms {
        let kept = try inStore { () throws(KernelError) in try ledger.keptAddresses() }
        let terms = try LeaseTerms(configuration, kept, request)
        ledger.claim(terms.claimed)
        return terms
    }

    private var memory: AddressMemory { AddressMemory(root: request.settings.stateDirectory, leases: path) }

    /// Remembers for next time; that it cannot be done fails nobody.
    private func remember(_ choices: [PoolChoice]) {
        guard let identity = stickyIdentity else { return }
        let addresses = choices.map { $0.address }
        do throws(KernelError) {
            if memory.addresses(of: identity) == addresses {
                try memory.refresh(identity)
            } else {
                try memory.remember(addresses, for: identity)
            }
        } catch {
            Machine.log("host-local: cannot remember the addresses of \(identity): \(error)")
        }
    }

    private func take(
        _ selection: PoolSelection,
        _ place: (index: Int, set: RangeSet),
        _ terms: LeaseTerms,
        _ claimant: LeaseClaimant,
        _ held: [LeaseRecord],
        _ ledger: inout LeaseLedger
    ) throws(CNIError) -> PoolChoice {
        let (index, set) = place
        var hasReclaimed = false
        while true {
            let answer = try inStore { () throws(KernelError) in
                try ledger.choose(selection, from: set, by: terms.rules, rangeSet: index)
            }
            let choice: PoolChoice
            switch answer {
            case .success(let found):
                choice = found
            case .failure(let refusal):
                if let error = refusal.error(for: set, index: index) { throw error }
                let reclaimed = hasReclaimed ? 0 : try reclaim(set, for: claimant.namespaceIdentity, &ledger)
                hasReclaimed = true
                if reclaimed > 0 { continue }
                throw try exhaustion(of: set, index, terms.rules, &ledger)
            }
            let isOurs = try inStore { () throws(KernelError) in
                guard let lease = held.first(where: { $0.address == choice.address }) else {
                    return try ledger.take(choice.address, for: claimant)
                }
                try ledger.renew(lease, for: claimant)
                return true
            }
            // Else somebody took it although we hold the lock.
            if isOurs { return choice }
        }
    }

    /// A container has one interface of a name: who asks for it from another namespace while the first one lives is
    /// another container, or a runtime that has lost count.
    private func refuseSecondNamespace(_ claimant: LeaseClaimant, _ held: [LeaseRecord]) throws(CNIError) {
        for lease in held {
            guard let first = lease.namespaceIdentity, let second = claimant.namespaceIdentity, first != second,
                lease.isInLivingNamespace
            else { continue }
            throw CNIError(
                .addressConflict,
                "\(lease.address) has been allocated to \(owner.containerID), duplicate allocation is not allowed",
                details: """
                    interface \(owner.interfaceName) has it in network namespace \(lease.namespacePath) (\(first)), which \
                    is alive; this ADD is for \(claimant.namespacePath) (\(second)): DEL the one that is not meant
                    """
            )
        }
    }

    private func giveBack(
        _ choices: [PoolChoice],
        to ledger: inout LeaseLedger,
        because cause: CNIError
    ) -> CNIError {
        var cause = cause
        for choice in choices where choice.reason != .held {
            do throws(KernelError) {
                try ledger.takeBack(choice.address)
            } catch {
                cause = cause.adding("left behind: address \(choice.address) (\(error))")
            }
        }
        ledger.commit()
        return cause
    }

    private func result(_ choices: [PoolChoice], _ dns: DNS) -> AddResult {
        AddResult(
            ips: choices.compactMap { choice in
                CIDR(address: choice.address, prefixLength: choice.range.subnet.prefixLength).map { address in
                    AddResult.IPConfiguration(address: address, gateway: choice.range.gateway)
                }
            },
            routes: configuration.routes(from: choices.map { $0.range }),
            dns: dns
        )
    }

    /// Frees what the dead have of a set.
    ///
    /// - Returns: how many addresses.
    private func reclaim(
        _ set: RangeSet,
        for newcomer: FileStatus.Identity?,
        _ ledger: inout LeaseLedger
    ) throws(CNIError) -> Int {
        let witness = LeaseWitness(request)
        let freed = try inStore { () throws(KernelError) in
            try ledger.reclaim(
                isUrgent: true,
                for: newcomer,
                where: { set.range(containing: $0) != nil },
                evidence: { owner throws(KernelError) in try witness.evidence(of: owner) }
            )
        }
        request.notes.reclaimed += freed.count
        for lease in freed {
            Machine.log("host-local: reclaimed \(lease.address) of \(lease.owner) in \(path): its container is dead")
        }
        return freed.count
    }

    /// The error when no address is left, with what became of them.
    private func exhaustion(
        of set: RangeSet,
        _ index: Int,
        _ rules: PoolRules,
        _ ledger: inout LeaseLedger
    ) throws(CNIError) -> CNIError {
        let records = try inStore { () throws(KernelError) in try ledger.all() }
        let usage = PoolStates(records, rules).usage(of: set)
        let oldest = records.filter { $0.state == .suspect && set.range(containing: $0.address) != nil }
            .min { $0.sinceNanoseconds < $1.sinceNanoseconds }
        let seconds = oldest.map { (Machine.bootNanoseconds - $0.sinceNanoseconds) / 1_000_000_000 } ?? 0
        return CNIError(
            .addressesExhausted,
            "failed to allocate for range \(index): \(PoolUsage.exhaustion(of: set))",
            details: usage.details(oldestSuspect: oldest?.address, forSeconds: seconds)
                + "; see ipam check, and free what is dead with ipam gc; leases are in \(path)"
        )
    }

    func inStore<Value: ~Copyable>(_ body: () throws(KernelError) -> Value) throws(CNIError) -> Value {
        try translating("cannot use the leases in \(path)", .storeUnusable, body)
    }
}
