// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
package import Linux

extension LeaseLedger {
    /// Chooses an address of a range set.
    ///
    /// - Parameters:
    ///   - selection: who wants what; where the search begins is entered here.
    ///   - set: where it chooses from.
    ///   - rules: the configuration's, as the selection has them.
    ///   - number: the place of the range set in the configuration.
    /// - Returns: the choice, which is nobody's until it is taken.
    /// - Throws: ``KernelError``.
    package mutating func choose(
        _ selection: PoolSelection,
        from set: RangeSet,
        by rules: PoolRules,
        rangeSet number: Int
    ) throws(KernelError) -> Result<PoolChoice, PoolRefusal> {
        let key = LeaseLedger.key(of: set, rules)
        // Anybody would get the next one; who is somebody is looked up.
        let isAnybody = selection.isAnybody && rules.order == .nextAfterLast
        if isAnybody, let log = try quickly(),
            let window = log.header.windows.first(where: { $0.rangeSet == number && $0.key == key }),
            let range = set.range(containing: window.run.first)
        {
            return .success(PoolChoice(address: window.run.first, range: range, reason: .next))
        }
        if let moment = rules.restedSince(now: Machine.bootNanoseconds) { try endRest(until: moment) }
        var selection = selection
        selection.last = files.lastReserved(rangeSet: number)
        let claimed = claimed
        let answer = try use { index throws(IndexError) in try selection.choose(in: TakenAddresses(index, claimed)) }
        if isAnybody, case .success(let choice) = answer, choice.reason == .next {
            let free = try use { index throws(IndexError) in
                try LeaseLedger.free(from: choice, set, rules, index)
            }
            windows.enter(LeaseLogHeader.Window(rangeSet: number, key: key, run: free))
        }
        return answer
    }

    /// Forgets that addresses rest that were given back before a moment and are kept for nobody.
    private mutating func endRest(until moment: Int64) throws(KernelError) {
        try use { index throws(IndexError) in
            for address in try index.addresses(restingSince: moment) { try index.drop(address) }
        }
    }

    /// What can be given one after the other, the choice first.
    private static func free(
        from choice: PoolChoice,
        _ set: RangeSet,
        _ rules: PoolRules,
        _ index: LeaseIndex
    ) throws(IndexError) -> AddressRun {
        let barred = rules.barred(in: set)
        var last = choice.range.last
        for run in [try index.run(startingAfter: choice.address), barred.run(startingAfter: choice.address)] {
            if let run, run.first <= last, let before = run.first.advanced(by: -1) { last = before }
        }
        return AddressRun(first: choice.address, last: last) ?? AddressRun(choice.address)
    }

    /// Tells a set with what is kept out of it from others.
    private static func key(of set: RangeSet, _ rules: PoolRules) -> UInt64 {
        var writer = LogWriter()
        for range in set.ranges {
            for address in [range.first, range.last, range.gateway] { writer.append(address.sortKey) }
        }
        for runs in [rules.excluded.runs, rules.reservations.addresses.runs] {
            for run in runs {
                writer.append(run.first.sortKey)
                writer.append(run.last.sortKey)
            }
            writer.append(Int64(runs.count))
        }
        return LogWriter.sum(writer.octets[...])
    }
}
