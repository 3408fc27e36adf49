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

extension LeaseLedger {
    /// How long a container must seem dead before its addresses are given to others, when there is no hurry.
    package static var grace: Duration { .seconds(60) }

    /// Frees the addresses of containers that are provably dead.
    ///
    /// Dead by proof: whose lease is older than this boot, and of whom nobody knows anything since. Whose network
    /// namespace is gone is suspect first, and dead after ``grace``; in a hurry, or if its ADD was never finished, as
    /// soon as no process and no mount has that namespace. Who cannot be judged is left alone.
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
        var inquest = Inquest(isUrgent: isUrgent, records, newcomer)
        for record in records where record.hasFile && record.hasOwner && isMeant(record.address) {
            switch inquest.verdict(on: record, try evidence(record.owner)) {
            case .leave: break
            case .note(let changed): try note(changed)
            case .free: if try release(record) { freed.append(record) }
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
        var inquest = Inquest(isUrgent: true, records, nil)
        for record in records where record.hasFile && record.hasOwner && isMeant(record.address) {
            if case .free = inquest.verdict(on: record, try evidence(record.owner)) { return true }
        }
        return false
    }
}

/// Judges leases.
private struct Inquest {
    enum Verdict {
        case leave
        case note(LeaseRecord)
        case free
    }

    private let isUrgent: Bool
    /// Namespaces that are known to be somebody's: the kernel gives the number of a dead one to the next.
    private var claimed: Set<UInt64> = []
    /// Looked up when it first matters; nil inside when nobody can tell.
    private var living: Set<UInt64>??

    init(isUrgent: Bool, _ records: [LeaseRecord], _ newcomer: FileStatus.Identity?) {
        self.isUrgent = isUrgent
        if let newcomer { claimed.insert(newcomer.inode) }
        for record in records where record.namespaceIsThere == true {
            if let identity = record.namespaceIdentity { claimed.insert(identity.inode) }
        }
    }

    mutating func verdict(on record: LeaseRecord, _ evidence: LeaseEvidence) -> Verdict {
        if evidence == .alive { return acquit(record) }
        guard let identity = record.namespaceIdentity else { return verdict(onUnseen: record, evidence) }
        guard let isThere = record.namespaceIsThere else { return .leave }
        if isThere { return acquit(record) }
        guard let living = livingNamespaces() else { return suspect(record) }
        guard claimed.contains(identity.inode) || !living.contains(identity.inode) else { return acquit(record) }
        return isUrgent || isUnfinished(record, evidence) ? .free : suspect(record)
    }

    /// Of whom only the file is known.
    private func verdict(onUnseen record: LeaseRecord, _ evidence: LeaseEvidence) -> Verdict {
        if case .dead = evidence { return suspect(record) }
        return record.state == .suspect && record.sinceNanoseconds == 0 ? .free : .leave
    }

    private func isUnfinished(_ record: LeaseRecord, _ evidence: LeaseEvidence) -> Bool {
        record.state == .provisional && evidence != .dead(confirmed: true)
    }

    private func acquit(_ record: LeaseRecord) -> Verdict {
        guard record.state == .suspect, record.sinceNanoseconds != 0 else { return .leave }
        return .note(changed(record, to: .active))
    }

    private func suspect(_ record: LeaseRecord) -> Verdict {
        guard record.state == .suspect, record.sinceNanoseconds != 0 else {
            return .note(changed(record, to: .suspect))
        }
        let age = Duration.nanoseconds(Machine.bootNanoseconds - record.sinceNanoseconds)
        return age >= LeaseLedger.grace ? .free : .leave
    }

    private func changed(_ record: LeaseRecord, to state: LeaseRecord.State) -> LeaseRecord {
        var changed = record
        changed.state = state
        changed.sinceNanoseconds = Machine.bootNanoseconds
        return changed
    }

    private mutating func livingNamespaces() -> Set<UInt64>? {
        if let living { return living }
        let found = NetworkNamespace.living()
        living = .some(found)
        return found
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
