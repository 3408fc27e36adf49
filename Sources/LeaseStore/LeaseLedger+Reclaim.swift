// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Linux

/// What somebody else knows of a lease's owner: the attachment records.
package enum LeaseEvidence: Hashable, Sendable {
    /// Nothing.
    case none
    /// The container lives, or somebody works on it right now.
    case alive
    /// Its network namespace is gone; `confirmed` when its ADD had been finished.
    case dead(confirmed: Bool)
}

/// What is known of the life of a lease's owner.
package enum LeaseFate: Hashable, Sendable {
    /// Why somebody is taken for dead.
    package enum Proof: String, Hashable, Sendable {
        /// The file is older than this boot, and nobody knows anything of its owner since.
        case olderThanBoot
        /// No process and no mount has the network namespace any more.
        case namespaceGone
        /// The network namespace is gone from its path; not all processes of the machine can be seen.
        case namespacePathGone
        /// The attachment record's network namespace is gone from its path.
        case recordedNamespaceGone
    }

    /// The owner lives, or somebody works on it.
    case living
    /// Nobody can tell.
    case unknown
    /// Seems dead; is so once that has been noticed for ``LeaseLedger/grace``.
    case suspect(Proof)
    /// Is dead. `isFree`: its address may be given to others although nobody waits for it.
    case dead(Proof, isFree: Bool)
}

extension LeaseLedger {
    /// How long a container must seem dead before its addresses are given to others, when there is no hurry.
    package static var grace: Duration { .seconds(60) }

    /// Frees the addresses of containers that are provably dead.
    ///
    /// Dead by proof: whose lease is older than this boot, and of whom nobody knows anything since. Whose network
    /// namespace is gone is suspect first, and dead after ``grace``; in a hurry, or if its ADD was never finished, as
    /// soon as no process and no mount has that namespace. Who cannot be judged is left alone, and so is what was given
    /// by hand.
    ///
    /// - Parameters:
    ///   - isUrgent: whether somebody waits for an address.
    ///   - newcomer: in which namespace he waits.
    ///   - isMeant: which addresses.
    ///   - evidence: what else is known of an owner.
    /// - Returns: what was freed.
    /// - Throws: ``KernelError``.
    /// - Complexity: a look at the namespace of each lease.
    package mutating func reclaim(
        isUrgent: Bool,
        for newcomer: FileStatus.Identity? = nil,
        where isMeant: (IPAddress) -> Bool,
        evidence: (LeaseOwner) throws(KernelError) -> LeaseEvidence
    ) throws(KernelError) -> [LeaseRecord] {
        var freed: [LeaseRecord] = []
        let records = try all()
        let kept = try keptAddresses()
        var inquest = LeaseInquest(records, newcomer)
        for record in records where record.isCollectable(kept) && isMeant(record.address) {
            let fate = inquest.fate(of: record, try evidence(record.owner))
            switch fate {
            case .dead(_, let isFree) where isFree || isUrgent || record.isSuspectForLong:
                if try release(record) { freed.append(record) }
            case .suspect where record.isSuspectForLong:
                if try release(record) { freed.append(record) }
            case .dead, .suspect:
                if !record.isSuspectOfThisBoot { try note(record.changed(to: .suspect)) }
            case .living:
                if record.isSuspectOfThisBoot { try note(record.changed(to: .active)) }
            case .unknown: break
            }
        }
        return freed
    }

    /// Whether ``reclaim(isUrgent:for:where:evidence:)`` would free anything in a hurry.
    ///
    /// - Throws: ``KernelError``.
    package mutating func hasDead(
        where isMeant: (IPAddress) -> Bool,
        evidence: (LeaseOwner) throws(KernelError) -> LeaseEvidence
    ) throws(KernelError) -> Bool {
        let records = try all()
        let kept = try keptAddresses()
        var inquest = LeaseInquest(records, nil)
        for record in records where record.isCollectable(kept) && isMeant(record.address) {
            switch inquest.fate(of: record, try evidence(record.owner)) {
            case .dead: return true
            case .suspect: if record.isSuspectForLong { return true }
            case .living, .unknown: break
            }
        }
        return false
    }
}

/// Judges leases.
package struct LeaseInquest {
    /// Namespaces that are known to be somebody's: the kernel gives the number of a dead one to the next.
    private var claimed: Set<UInt64> = []
    /// Looked up when it first matters; nil inside when nobody can tell.
    private var living: LivingNamespaces??

    /// - Parameters:
    ///   - records: everything that is known of the network.
    ///   - newcomer: the namespace of somebody who waits for an address.
    package init(_ records: [LeaseRecord], _ newcomer: FileStatus.Identity? = nil) {
        if let newcomer { claimed.insert(newcomer.inode) }
        for record in records where record.namespaceIsThere == true {
            if let identity = record.namespaceIdentity { claimed.insert(identity.inode) }
        }
    }

    /// Judges a lease, with what else is known of its owner.
    package mutating func fate(of record: LeaseRecord, _ evidence: LeaseEvidence) -> LeaseFate {
        if evidence == .alive { return .living }
        guard let identity = record.namespaceIdentity else { return fate(ofUnseen: record, evidence) }
        guard let isThere = record.namespaceIsThere else { return .unknown }
        if isThere { return .living }
        guard let living = livingNamespaces() else { return .suspect(.namespacePathGone) }
        if !claimed.contains(identity.inode), living.contains(identity.inode) {
            // Nobody can look: then it may well be the owner's.
            guard living.hold(record.address, in: identity.inode) == false else { return .living }
        }
        let isUnfinished = record.state == .provisional && evidence != .dead(confirmed: true)
        return .dead(.namespaceGone, isFree: isUnfinished)
    }

    /// Of whom only the file is known.
    private func fate(ofUnseen record: LeaseRecord, _ evidence: LeaseEvidence) -> LeaseFate {
        if case .dead = evidence { return .suspect(.recordedNamespaceGone) }
        guard record.state == .suspect, record.sinceNanoseconds == 0 else { return .unknown }
        return .dead(.olderThanBoot, isFree: true)
    }

    private mutating func livingNamespaces() -> LivingNamespaces? {
        if let living { return living }
        let found = LivingNamespaces.found()
        living = .some(found)
        return found
    }
}

extension LeaseRecord {
    /// Whether it may be freed without its owner: it is a container's, and nobody gave it by hand.
    package func isCollectable(_ kept: KeptAddresses) -> Bool { hasFile && hasOwner && !kept.isAllocated(self) }

    fileprivate var isSuspectOfThisBoot: Bool { state == .suspect && sinceNanoseconds != 0 }

    /// Whether it has been suspect for longer than ``LeaseLedger/grace``.
    fileprivate var isSuspectForLong: Bool {
        isSuspectOfThisBoot && .nanoseconds(Machine.bootNanoseconds - sinceNanoseconds) >= LeaseLedger.grace
    }

    fileprivate func changed(to state: LeaseRecord.State) -> LeaseRecord {
        var changed = self
        changed.state = state
        changed.sinceNanoseconds = Machine.bootNanoseconds
        return changed
    }
}

extension LeaseRecord {
    /// Whether the namespace that the address was given into is still where it was; nil when nobody can tell.
    package var namespaceIsThere: Bool? {
        guard let identity = namespaceIdentity else { return nil }
        do throws(KernelError) {
            return try FileStatus.of(namespacePath)?.identity == identity
        } catch {
            return nil
        }
    }
}
