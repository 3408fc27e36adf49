// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing
internal import HostLocal
package import LeaseStore
internal import Linux
package import Plugin

/// An address that was given by hand.
package struct AllocatedAddress: Hashable, Sendable {
    package let address: IPAddress
    /// The range it lies in: its network and its router.
    package let range: AddressRange
    /// Whether the owner had it before.
    package let isHeld: Bool
}

extension PoolNetwork {
    /// Gives an owner an address of each range set, as ADD would give them to a container; all or none.
    ///
    /// Who has some already keeps them. Nobody ends such a lease but a DEL or a release of this owner: it outlives
    /// reboots and garbage collections.
    ///
    /// - Parameters:
    ///   - owner: whom for.
    ///   - requested: the one address that is wanted; nil for the next of each range set.
    ///   - note: what the operator wants to read later.
    ///   - settings: where the index is, and how long to wait for the lock.
    /// - Returns: the addresses.
    /// - Throws: ``PoolFailure``; then nothing has changed.
    package func allocate(
        for owner: LeaseOwner,
        requested: IPAddress?,
        note: String,
        _ settings: Settings
    ) throws(PoolFailure) -> [AllocatedAddress] {
        let configuration = try requireOwner(owner, note)
        let sets = configuration.pools.rangeSets.enumerated().filter { _, set in
            requested.map { set.range(containing: $0) != nil } ?? true
        }
        if let requested, sets.isEmpty {
            throw PoolFailure(
                "\(requested) is in no pool of network \(name)",
                advice: "the pools are in \(configuration.file)"
            )
        }
        let intention = "allocate an address"
        let given = try changing(settings, isMaking: true, intention) { ledger throws(PoolFailure) in
            let kept = try store(intention) { () throws(KernelError) in try ledger.keptAddresses() }
            let rules = try configuration.pools.rules(keeping: kept)
            ledger.claim(AddressSet(rules.reservations.addresses(of: owner.containerID)))
            let held = try store(intention) { () throws(KernelError) in try ledger.leases(of: owner) }
            var given: [AllocatedAddress] = []
            do throws(PoolFailure) {
                for (number, set) in sets {
                    var selection = PoolSelection(from: set, by: rules, for: owner.containerID)
                    selection.requested = requested
                    selection.held = held.map { $0.address }
                    given.append(try take(selection, (number, set), rules, owner, &ledger))
                }
                // Also of what was held: a call that was cut off may have left it without.
                let new = given.filter { kept.canAllocate($0.address, to: owner) }
                try store(intention) { () throws(KernelError) in
                    try ledger.keep(
                        new.map { allocated in
                            let key = owner.description
                            return KeptAddresses.Entry(AddressRun(allocated.address), .allocated, key: key, note: note)
                        }
                    )
                }
                return given
            } catch {
                ledger.takeBack(all: given.filter { !$0.isHeld }.map { $0.address })
                ledger.commit()
                throw error
            }
        }
        return given ?? []
    }

    private func take(
        _ selection: PoolSelection,
        _ place: (number: Int, set: RangeSet),
        _ rules: PoolRules,
        _ owner: LeaseOwner,
        _ ledger: inout LeaseLedger
    ) throws(PoolFailure) -> AllocatedAddress {
        let intention = "allocate an address"
        while true {
            let answer = try store(intention) { () throws(KernelError) in
                try ledger.choose(selection, from: place.set, by: rules, rangeSet: place.number)
            }
            switch answer {
            case .success(let choice):
                let isHeld = choice.reason == .held
                let isOurs = try store(intention) { () throws(KernelError) in
                    guard !isHeld else { return true }
                    let claimant = LeaseClaimant(owner: owner)
                    guard try ledger.take(choice.address, for: claimant, as: .active) else { return false }
                    try ledger.setLastReserved(choice.address, rangeSet: place.number)
                    return true
                }
                // Else somebody took it although we hold the lock.
                guard isOurs else { continue }
                return AllocatedAddress(address: choice.address, range: choice.range, isHeld: isHeld)
            case .failure(let refusal):
                let holder = try store(intention) { () throws(KernelError) in
                    try selection.requested.flatMap { address throws(KernelError) in try ledger.lease(of: address) }
                }
                throw failure(refusal, place.set, holder)
            }
        }
    }

    private func failure(_ refusal: PoolRefusal, _ set: RangeSet, _ holder: LeaseRecord?) -> PoolFailure {
        switch refusal {
        case .notAdmitted(let error): PoolFailure(error.message)
        case .leased(let address):
            PoolFailure(
                "\(address) is taken" + (holder.map { ": \($0.owner) has it" } ?? ""),
                advice: "see ipam show \(address)"
            )
        case .excluded(let address): PoolFailure("\(address) is in ipam.exclude of the configuration")
        case .reserved(let address, let identity): PoolFailure("\(address) is reserved for \(identity)")
        case .withheld(let address):
            PoolFailure("\(address) is reserved", advice: "ipam unreserve \(address) ends that")
        case .exhausted:
            PoolFailure(PoolUsage.exhaustion(of: set), advice: "see ipam usage, and what ipam gc would free")
        }
    }

    /// The configuration that addresses are given by: the first one.
    private func requireOwner(_ owner: LeaseOwner, _ note: String) throws(PoolFailure) -> PoolConfiguration {
        guard owner.isPossible else {
            throw PoolFailure(
                "\"\(owner.containerID)\" can own nothing",
                advice: "use letters, digits, - _ and . for --owner, a letter or a digit first"
            )
        }
        guard KeptAddresses.Entry.canHold(owner.interfaceName), KeptAddresses.Entry.canHold(note) else {
            throw PoolFailure("names and notes are one line of text without control characters")
        }
        guard let configuration = configurations.first(where: { !$0.pools.rangeSets.isEmpty }) else {
            throw PoolFailure(
                "no configuration says which addresses network \(name) has",
                advice: "look with ipam config, and say with --conf-dir where configurations are"
            )
        }
        return configuration
    }
}

extension ConfiguredPools {
    /// What the configuration and operators say together.
    func rules(keeping kept: KeptAddresses) throws(PoolFailure) -> PoolRules {
        do throws(PoolError) {
            return try rules.keeping(kept)
        } catch {
            throw PoolFailure("\(error)", advice: "see ipam check")
        }
    }
}
