// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
package import Addressing
package import LeaseStore

/// What an import would do to one network: all of it, or nothing because of conflicts.
package struct ImportPlan: Hashable, Sendable {
    /// Leases that are to be made.
    package private(set) var leases: [ExchangeRow] = []
    /// What is to be kept.
    package private(set) var kept: [KeptAddresses.Entry] = []
    /// What is kept already; files of it may be missing.
    package private(set) var confirmed: [KeptAddresses.Entry] = []
    /// How many rows are there already.
    package private(set) var presentCount = 0
    /// What contradicts what is there, or another row, naming both owners.
    package private(set) var conflicts: [String] = []

    package init() {}

    /// Whether nothing is left to be done.
    package var isEmpty: Bool { leases.isEmpty && kept.isEmpty }

    /// Decides.
    ///
    /// - Parameters:
    ///   - rows: of this network.
    ///   - known: what operators keep here.
    ///   - holder: who has an address; nil when nobody has a file for it.
    /// - Throws: what the last of them throws.
    package init<Failure: Error>(
        _ rows: [ExchangeRow],
        _ known: KeptAddresses,
        holder: (IPAddress) throws(Failure) -> LeaseOwner?
    ) throws(Failure) {
        var seen: [IPAddress: LeaseOwner] = [:]
        for row in rows where row.kind != .reserved {
            let address = row.run.first
            if let other = seen.updateValue(row.owner, forKey: address) {
                if other == row.owner {
                    presentCount += 1
                } else {
                    conflict(address, row.owner, "by another line \(other)")
                }
                continue
            }
            if row.kind == .allocated, known.canAllocate(address, to: row.owner) {
                kept.append(
                    KeptAddresses.Entry(row.run, .allocated, key: row.owner.description, note: row.note)
                )
            }
            guard let holder = try holder(address) else {
                leases.append(row)
                continue
            }
            if holder == row.owner { presentCount += 1 } else { conflict(address, row.owner, "\(holder)") }
        }
        for row in rows where row.kind == .reserved { try reserve(row, known, seen, holder) }
    }

    private mutating func reserve<Failure: Error>(
        _ row: ExchangeRow,
        _ known: KeptAddresses,
        _ seen: [IPAddress: LeaseOwner],
        _ holder: (IPAddress) throws(Failure) -> LeaseOwner?
    ) throws(Failure) {
        let owner = LeaseOwner.reservation(for: row.key)
        let entry = KeptAddresses.Entry(row.run, .reserved, key: row.key, note: row.note)
        let others = (known.entries + kept).filter { $0.run.intersection(row.run) != nil }
        if others.contains(entry) {
            presentCount += 1
            confirmed.append(entry)
            return
        }
        if let other = others.first(where: { $0.purpose == .allocated || $0.key != row.key }) {
            let holder = other.purpose == .allocated ? other.key : "\(LeaseOwner.reservation(for: other.key))"
            conflict(row.run.first, owner, holder)
            return
        }
        for address in row.run.lowest(KeptAddresses.largestRun) {
            // Whom it is reserved for may have it: its end is the reservation's beginning.
            guard row.key.isEmpty else { break }
            let other: LeaseOwner?
            if let mentioned = seen[address] { other = mentioned } else { other = try holder(address) }
            if let other, !other.isReservation { return conflict(address, owner, "\(other)") }
        }
        kept.append(entry)
    }

    private mutating func conflict(_ address: IPAddress, _ owner: LeaseOwner, _ holder: String) {
        conflicts.append("\(address): \(owner) is to have it, and \(holder) has it")
    }
}
