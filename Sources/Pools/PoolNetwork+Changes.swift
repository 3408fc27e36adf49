// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import LeaseStore
internal import Linux
package import Plugin
internal import Wiring

extension PoolNetwork {
    /// Changes the network's leases, locked meanwhile.
    ///
    /// - Parameters:
    ///   - settings: where the index is, and how long to wait for the lock.
    ///   - isMaking: whether the directory is made when the network never had a lease.
    ///   - intention: what is being done, for the error, such as `release addresses`.
    ///   - body: what is done; what it throws has changed nothing.
    /// - Returns: what the body does; nil when there is no directory and none is to be made.
    /// - Throws: ``PoolFailure``.
    package func changing<Value>(
        _ settings: Settings,
        isMaking: Bool = false,
        _ intention: String,
        _ body: (inout LeaseLedger) throws(PoolFailure) -> Value
    ) throws(PoolFailure) -> Value? {
        var ledger: LeaseLedger
        do throws(KernelError) {
            let (run, bound) = (settings.runDirectory, settings.lockBound)
            ledger =
                isMaking
                ? try LeaseLedger(creating: directory, runDirectory: run, waitingAtMost: bound)
                : try LeaseLedger(path: directory, runDirectory: run, waitingAtMost: bound)
        } catch {
            guard isMaking || error.errno != .noSuchFileOrDirectory else { return nil }
            throw failure(error, intention)
        }
        try store(intention) { () throws(KernelError) in try ledger.removeAllLeftovers() }
        let value = try body(&ledger)
        ledger.commit()
        return value
    }

    /// What the kernel refused, in words about this network.
    func failure(_ error: KernelError, _ intention: String) -> PoolFailure {
        PoolFailure(error, intention: "cannot \(intention) of network \(name) in \(directory)")
    }

    /// Runs what may be refused by the kernel.
    func store<Value>(
        _ intention: String,
        _ body: () throws(KernelError) -> Value
    ) throws(PoolFailure) -> Value {
        do throws(KernelError) {
            return try body()
        } catch {
            throw failure(error, intention)
        }
    }

    func evidence(_ settings: Settings) -> (LeaseOwner) throws(KernelError) -> LeaseEvidence {
        let store = AttachmentStore(root: settings.runDirectory)
        return { owner throws(KernelError) in try store.evidence(of: owner, in: name) }
    }
}

// MARK: - Release

/// An address whose lease is to be ended.
package struct ReleaseWish: Hashable, Sendable {
    package let address: IPAddress
    /// Whose it was when somebody decided so; nil when whoever has it is meant.
    package let owner: LeaseOwner?
    /// Which file it was then.
    package let file: LeaseFileMark?

    package init(_ address: IPAddress, owner: LeaseOwner? = nil, file: LeaseFileMark? = nil) {
        self.address = address
        self.owner = owner
        self.file = file
    }
}

/// What became of a ``ReleaseWish``.
package enum ReleaseOutcome: Hashable, Sendable {
    case released(LeaseOwner)
    /// Nobody has it.
    case free
    /// It is not to be released, and why.
    case refused(String)
}

extension PoolNetwork {
    /// Ends leases, of each network under one lock.
    ///
    /// Whose container lives, or of whom nobody can tell, is refused, unless he got the address by hand.
    ///
    /// - Parameters:
    ///   - wishes: which.
    ///   - isForced: whether the life of containers does not matter.
    ///   - settings: where the index and the records are, and how long to wait for the lock.
    /// - Returns: what became of each, in the same order.
    /// - Throws: ``PoolFailure``; some may have been released then.
    package func release(
        _ wishes: [ReleaseWish],
        isForced: Bool,
        _ settings: Settings
    ) throws(PoolFailure) -> [ReleaseOutcome] {
        let outcomes = try changing(settings, "release addresses") { ledger throws(PoolFailure) in
            try store("release addresses") { () throws(KernelError) in
                try release(wishes, isForced, evidence(settings), &ledger)
            }
        }
        return outcomes ?? wishes.map { _ in .free }
    }

    private func release(
        _ wishes: [ReleaseWish],
        _ isForced: Bool,
        _ evidence: (LeaseOwner) throws(KernelError) -> LeaseEvidence,
        _ ledger: inout LeaseLedger
    ) throws(KernelError) -> [ReleaseOutcome] {
        let kept = try ledger.keptAddresses()
        var inquest = LeaseInquest([])
        // All the others are looked at only where the number of a dead namespace may be another one's by now.
        var completeInquest: LeaseInquest?
        var outcomes: [ReleaseOutcome] = []
        for wish in wishes {
            guard let lease = try ledger.lease(of: wish.address), lease.hasFile else {
                // A release that was cut off may have left the note of it.
                try ledger.forgetAllocations([wish.address])
                outcomes.append(.free)
                continue
            }
            if let objection = objection(to: wish, lease) {
                outcomes.append(.refused(objection))
                continue
            }
            if !isForced, !kept.isAllocated(lease) {
                let known = try evidence(lease.owner)
                var fate = inquest.fate(of: lease, known)
                if fate == .living, known != .alive, lease.namespaceIsThere == false {
                    var complete = if let completeInquest { completeInquest } else { LeaseInquest(try ledger.all()) }
                    fate = complete.fate(of: lease, known)
                    completeInquest = complete
                }
                if let objection = objection(fate, lease) {
                    outcomes.append(.refused(objection))
                    continue
                }
            }
            let isDone = try ledger.release(lease)
            outcomes.append(isDone ? .released(lease.owner) : .refused("somebody changed it just now; look again"))
        }
        return outcomes
    }

    private func objection(to wish: ReleaseWish, _ lease: LeaseRecord) -> String? {
        if lease.owner.isReservation { return "it is no lease, but \(lease.owner); ipam unreserve ends that" }
        if lease.owner.containerID.isEmpty {
            return "\(directory)/\(wish.address) is no lease file; look at it, and remove it by hand"
        }
        if let owner = wish.owner, owner != lease.owner { return "\(lease.owner) has it by now, not \(owner)" }
        if let file = wish.file, file != lease.file { return "\(lease.owner) has taken it again since" }
        return nil
    }

    private func objection(_ fate: LeaseFate, _ lease: LeaseRecord) -> String? {
        switch fate {
        case .living:
            let place = lease.namespacePath.isEmpty ? "" : " in \(lease.namespacePath)"
            return "\(lease.owner) has it and lives\(place); stop the container, or use --force"
        case .unknown:
            return "\(lease.owner) has it, and nobody can tell whether that container lives; "
                + "make sure that it does not, then use --force"
        case .suspect, .dead: return nil
        }
    }

    /// The leases of a container, of all its interfaces or of one.
    ///
    /// - Throws: ``PoolFailure``.
    package func leases(
        ofContainer container: String,
        interface: String?,
        _ settings: Settings
    ) throws(PoolFailure) -> [LeaseRecord] {
        let found = try reading(settings) { ledger throws(KernelError) in
            try ledger.leases(ofContainersBeginningWith: container, atMost: 65_536)
        }
        return (found ?? []).filter { lease in
            lease.hasFile && lease.owner.containerID == container
                && (interface == nil || lease.owner.interfaceName == interface)
        }
    }

    /// Whether an address has a file here, or a note that it was given by hand.
    ///
    /// - Throws: ``PoolFailure``.
    package func mentions(_ address: IPAddress, _ settings: Settings) throws(PoolFailure) -> Bool {
        try reading(settings) { ledger throws(KernelError) in
            if let lease = try ledger.lease(of: address), lease.hasFile { return true }
            return try ledger.keptAddresses().entry(of: address)?.purpose == .allocated
        } ?? false
    }
}
