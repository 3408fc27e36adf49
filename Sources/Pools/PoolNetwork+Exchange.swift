// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import LeaseStore
internal import Linux
package import Plugin

extension PoolNetwork {
    /// Hands over everything that an export of the network holds, leases in the order of addresses.
    ///
    /// - Parameters:
    ///   - settings: where the index is, and how long to wait for the lock.
    ///   - body: gets the rows one by one.
    /// - Throws: ``PoolFailure``, also what the body throws.
    package func forEachRow(
        _ settings: Settings,
        _ body: (ExchangeRow) throws(PoolFailure) -> Void
    ) throws(PoolFailure) {
        let kept = try reading(settings) { ledger throws(KernelError) in try ledger.keptAddresses() } ?? KeptAddresses()
        for entry in kept.entries where entry.purpose == .reserved {
            var row = ExchangeRow(network: name, run: entry.run, kind: .reserved)
            (row.key, row.note) = (entry.key, entry.note)
            try body(row)
        }
        try forEachLease(settings) { lease throws(PoolFailure) in
            guard lease.hasFile, lease.owner.isPossible else { return true }
            let entry = kept.entry(of: lease.address)
            let isAllocated = kept.isAllocated(lease)
            var row = ExchangeRow(
                network: name,
                run: AddressRun(lease.address),
                kind: isAllocated ? .allocated : .lease
            )
            row.owner = lease.owner
            row.workload = lease.workload
            if isAllocated { row.note = entry?.note ?? "" }
            try body(row)
            return true
        }
    }

    /// Makes leases and reservations of rows: all of them, or none.
    ///
    /// What is there already stays as it is, so that the same call can be made again, also after one that was cut off.
    ///
    /// - Parameters:
    ///   - rows: of this network.
    ///   - isDry: whether it is only found out what would be done.
    ///   - settings: where the index is, and how long to wait for the lock.
    ///   - progress: told now and then how many leases have been made, and how many there are.
    /// - Returns: what was done, or would be. With conflicts nothing was.
    /// - Throws: ``PoolFailure``; then nothing has changed.
    package func importing(
        _ rows: [ExchangeRow],
        isDry: Bool,
        _ settings: Settings,
        progress: (Int, Int) -> Void
    ) throws(PoolFailure) -> ImportPlan {
        let intention = "import leases"
        if isDry {
            let plan = try reading(settings) { ledger throws(KernelError) in try PoolNetwork.plan(rows, &ledger) }
            if let plan { return plan }
            return ImportPlan(rows, KeptAddresses()) { _ in nil }
        }
        let plan = try changing(settings, isMaking: true, intention) { ledger throws(PoolFailure) in
            try store(intention) { () throws(KernelError) in
                let plan = try PoolNetwork.plan(rows, &ledger)
                if plan.conflicts.isEmpty { try PoolNetwork.carryOut(plan, &ledger, progress) }
                return plan
            }
        }
        return plan ?? ImportPlan()
    }

    private static func plan(_ rows: [ExchangeRow], _ ledger: inout LeaseLedger) throws(KernelError) -> ImportPlan {
        let known = try ledger.keptAddresses()
        return try ImportPlan(rows, known) { address throws(KernelError) in
            guard let lease = try ledger.lease(of: address), lease.hasFile else { return nil }
            return lease.owner
        }
    }

    private static func carryOut(
        _ plan: ImportPlan,
        _ ledger: inout LeaseLedger,
        _ progress: (Int, Int) -> Void
    ) throws(KernelError) {
        var made: [IPAddress] = []
        do throws(KernelError) {
            for row in plan.leases {
                if made.count % 1000 == 0 { progress(made.count, plan.leases.count) }
                let claimant = LeaseClaimant(owner: row.owner, workload: row.workload)
                guard try ledger.take(row.run.first, for: claimant, as: .active) else {
                    throw KernelError("make \(ledger.path)/\(row.run.first)", .fileExists)
                }
                made.append(row.run.first)
            }
            try ledger.keep(plan.kept + plan.confirmed)
        } catch {
            ledger.takeBack(all: made)
            ledger.commit()
            throw error
        }
    }
}
