// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing
package import Linux

// What only operators ask. None of it loads all leases.
extension LeaseLedger {
    /// Counts what became of the addresses of a run.
    ///
    /// - Parameters:
    ///   - run: which addresses.
    ///   - moment: what was given back up to then rests no more, by ``Machine/bootNanoseconds``.
    /// - Returns: the counts.
    /// - Throws: ``KernelError``.
    package mutating func tally(of run: AddressRun, restingSince moment: Int64) throws(KernelError) -> LeaseTally {
        try use { index throws(IndexError) in try index.tally(run, restingSince: moment) }
    }

    /// The next leases in the order of addresses, what rests or is reserved included.
    ///
    /// Whoever lists many opens the ledger anew for each batch, and lets others work on the leases meanwhile.
    ///
    /// - Parameters:
    ///   - address: behind which; nil for the beginning.
    ///   - limit: at most so many.
    /// - Returns: fewer than the limit only at the end.
    /// - Throws: ``KernelError``.
    package mutating func leases(
        behind address: IPAddress?,
        atMost limit: Int
    ) throws(KernelError) -> [LeaseRecord] {
        try use { index throws(IndexError) in try index.leases(behind: address, atMost: limit) }
    }

    /// The leases of all containers whose ids begin in a certain way, what rests included.
    ///
    /// - Throws: ``KernelError``.
    package mutating func leases(
        ofContainersBeginningWith prefix: String,
        atMost limit: Int
    ) throws(KernelError) -> [LeaseRecord] {
        try use { index throws(IndexError) in
            try index.leases(ofContainersBeginningWith: prefix, atMost: limit)
        }
    }

    /// Hands over the runs of addresses that cannot be given now, cut off at both ends of a run: to be drawn.
    ///
    /// What rests is among them.
    ///
    /// - Throws: ``KernelError``.
    package mutating func takenRuns(in bounds: AddressRun) throws(KernelError) -> [AddressRun] {
        try use { index throws(IndexError) in
            var runs: [AddressRun] = []
            try index.forEachRun(in: bounds) { run throws(IndexError) in runs.append(run) }
            return runs
        }
    }

    /// The addresses that ADDs of containers without name would get one after the other, if nothing else happened.
    ///
    /// Consumes the ledger, because it pretends in the index that they are given; nothing of it outlives the call.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - set: of which range set.
    ///   - rules: what the configuration says besides.
    ///   - number: the place of the range set in the configuration.
    /// - Returns: fewer than `count` when no more are left.
    /// - Throws: ``KernelError``.
    package consuming func upcoming(
        _ count: Int,
        from set: RangeSet,
        by rules: PoolRules,
        rangeSet number: Int
    ) throws(KernelError) -> [PoolChoice] {
        var selection = PoolSelection(from: set, by: rules)
        selection.last = files.lastReserved(rangeSet: number)
        let moment = rules.restedSince(now: Machine.bootNanoseconds)
        // What was found out before is kept.
        _ = try opened()
        commit()
        return try use { index throws(IndexError) in
            if let moment { for address in try index.addresses(restingSince: moment) { try index.drop(address) } }
            var choices: [PoolChoice] = []
            while choices.count < count, case .success(let choice) = try selection.choose(in: TakenAddresses(index)) {
                choices.append(choice)
                selection.last = choice.address
                try index.put(LeaseRecord(foreign: choice.address))
            }
            return choices
        }
    }
}
