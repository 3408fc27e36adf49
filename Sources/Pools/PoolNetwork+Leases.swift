// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
package import LeaseStore
package import Linux
package import Plugin

extension PoolNetwork {
    /// Looks at the network's leases, locked meanwhile; no file is changed, at most the index is made anew.
    ///
    /// - Parameters:
    ///   - settings: where the index is, and how long to wait for the lock.
    ///   - body: what is asked.
    /// - Returns: what the body does; nil when the network never had a lease.
    /// - Throws: ``PoolFailure`` naming the directory.
    package func reading<Value>(
        _ settings: Settings,
        _ body: (inout LeaseLedger) throws(KernelError) -> Value
    ) throws(PoolFailure) -> Value? {
        do throws(KernelError) {
            var ledger: LeaseLedger
            do throws(KernelError) {
                ledger = try LeaseLedger(
                    reading: directory,
                    runDirectory: settings.runDirectory,
                    waitingAtMost: settings.lockBound
                )
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                return nil
            }
            let value = try body(&ledger)
            ledger.commit()
            return value
        } catch {
            throw PoolFailure(error, reading: self)
        }
    }

    /// Hands over everything that is known of addresses, in their order, as long as somebody wants more.
    ///
    /// The leases are locked only while a batch is read: who looks at the list page by page keeps nobody waiting. What
    /// changes meanwhile is seen or not, but nothing twice.
    ///
    /// - Parameters:
    ///   - settings: where the index is, and how long to wait for the lock.
    ///   - bounds: which addresses; all of them when nil.
    ///   - body: gets a record, and says whether it wants the next one.
    /// - Throws: ``PoolFailure``, also what the body throws.
    package func forEachLease(
        _ settings: Settings,
        in bounds: AddressRun? = nil,
        _ body: (LeaseRecord) throws(PoolFailure) -> Bool
    ) throws(PoolFailure) {
        var last = bounds.flatMap { $0.first.advanced(by: -1) }
        // The first screenful is there at once, and a million leases take some sixty batches.
        var limit = 256
        while true {
            let batch = try reading(settings) { ledger throws(KernelError) in
                try ledger.leases(behind: last, atMost: limit)
            }
            guard let batch else { return }
            for record in batch {
                if let bounds {
                    if bounds.last < record.address { return }
                    // Without an address before the first of a family, the search began at the very beginning.
                    guard bounds.contains(record.address) else { continue }
                }
                guard try body(record) else { return }
            }
            guard batch.count == limit, let end = batch.last else { return }
            last = end.address
            limit = min(limit * 2, 16_384)
        }
    }
}

extension PoolFailure {
    /// The leases of a network cannot be read.
    package init(_ error: KernelError, reading network: PoolNetwork) {
        self.init(error, intention: "cannot read the leases of network \(network.name) in \(network.directory)")
    }
}
