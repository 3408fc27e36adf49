// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
internal import HostLocal
internal import LeaseStore
internal import Linux
package import Plugin

extension PoolNetwork {
    /// Counts what became of the addresses of every pool, by the index: no lease is loaded.
    ///
    /// - Parameters:
    ///   - settings: where the index is, and how long to wait for the lock.
    ///   - hasRuns: whether to say which addresses are taken, to draw them.
    /// - Returns: the counts.
    /// - Throws: ``PoolFailure``.
    package func usage(_ settings: Settings, withRuns hasRuns: Bool = false) throws(PoolFailure) -> NetworkUsage {
        let found = try reading(settings) { ledger throws(KernelError) -> NetworkUsage in
            var pools: [NetworkUsage.Pool] = []
            for configuration in configurations {
                for (number, set) in configuration.pools.rangeSets.enumerated() {
                    for range in set.ranges {
                        pools.append(
                            NetworkUsage.Pool(
                                configuration: configuration,
                                rangeSet: number,
                                range: range,
                                usage: try usage(of: range, set, configuration.pools.rules, &ledger),
                                taken: hasRuns ? try ledger.takenRuns(in: range.run) : nil,
                                states: hasRuns ? try states(of: range.run, configuration.pools.rules, &ledger) : [:]
                            )
                        )
                    }
                }
            }
            return NetworkUsage(network: self, pools: pools, outside: try outside(&ledger))
        }
        return found ?? unused
    }

    /// What can be said of a network that never had a lease.
    private var unused: NetworkUsage {
        let pools = configurations.flatMap { configuration in
            configuration.pools.rangeSets.enumerated().flatMap { number, set in
                set.ranges.map { range in
                    NetworkUsage.Pool(
                        configuration: configuration,
                        rangeSet: number,
                        range: range,
                        usage: PoolStates(
                            leased: AddressSet(),
                            quarantined: AddressSet(),
                            suspect: AddressSet(),
                            rules: configuration.pools.rules
                        ).usage(of: range, in: set),
                        taken: []
                    )
                }
            }
        }
        return NetworkUsage(network: self, pools: pools, outside: [:])
    }

    private func usage(
        of range: AddressRange,
        _ set: RangeSet,
        _ rules: PoolRules,
        _ ledger: inout LeaseLedger
    ) throws(KernelError) -> PoolUsage {
        let rested = Machine.bootNanoseconds - rules.quarantineNanoseconds
        let open = rules.open(of: range, in: set)
        var usage = PoolUsage(total: open.count)
        for run in open.runs {
            let tally = try ledger.tally(of: run, restingSince: rested)
            usage.used += UInt128(tally.leased)
            usage.suspect += UInt128(tally.suspect)
            usage.quarantined += UInt128(tally.quarantined)
            usage.reserved += UInt128(tally.reserved)
        }
        for entry in rules.reservations.entries {
            for address in entry.addresses where open.contains(address) {
                let record = try ledger.lease(of: address)
                if record?.hasFile == true || record?.state == .reserved { continue }
                usage.reserved += 1
                // It rests for nobody but whom it is kept for.
                if let record, record.sinceNanoseconds > rested { usage.quarantined -= 1 }
            }
        }
        return usage
    }

    private func states(
        of run: AddressRun,
        _ rules: PoolRules,
        _ ledger: inout LeaseLedger
    ) throws(KernelError) -> [IPAddress: LeaseRecord.State] {
        guard run.count <= NetworkUsage.Pool.drawnLimit else { return [:] }
        let records = try ledger.leases(behind: run.first.advanced(by: -1), atMost: Int(run.count))
        var states: [IPAddress: LeaseRecord.State] = [:]
        let rested = Machine.bootNanoseconds - rules.quarantineNanoseconds
        for record in records where run.contains(record.address) {
            // What has rested is free, whoever had it.
            if record.state.isResting, record.sinceNanoseconds <= rested { continue }
            states[record.address] = record.state
        }
        return states
    }

    private func outside(_ ledger: inout LeaseLedger) throws(KernelError) -> [AddressFamily: LeaseTally] {
        let pools = configurations.flatMap { $0.pools.rangeSets.flatMap { $0.ranges.map { $0.run } } }
        var outside: [AddressFamily: LeaseTally] = [:]
        for run in AddressRun.families {
            var tally = LeaseTally()
            for rest in AddressSet([run]).subtracting(AddressSet(pools)).runs {
                tally = tally + (try ledger.tally(of: rest, restingSince: .max))
            }
            if tally != LeaseTally() { outside[run.first.family] = tally }
        }
        return outside
    }
}

extension PoolRules {
    /// What of a range may be given, to anybody: without gateways, and without what is excluded and reserved for nobody.
    package func open(of range: AddressRange, in set: RangeSet) -> AddressSet {
        let gateways = AddressSet(set.ranges.map { $0.gateway })
        let closed = excluded.subtracting(reservations.addresses).union(gateways)
        return AddressSet([range.run]).subtracting(closed)
    }
}

extension AddressRun {
    /// All of IPv4, and all of IPv6.
    fileprivate static var families: [AddressRun] {
        [
            AddressRun(first: IPAddress(v4: 0), last: IPAddress(v4: .max)),
            AddressRun(first: IPAddress(v6: 0), last: IPAddress(v6: .max)),
        ].compactMap { $0 }
    }
}
