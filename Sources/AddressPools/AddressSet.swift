// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// A set of addresses of both families, held as a sorted list of runs.
///
/// What a configuration excludes is one, and so is what is taken, where no database keeps it. It costs memory by the
/// run: a network is as cheap as one address.
package struct AddressSet: Hashable, Sendable {
    /// In order; none overlaps or touches another, so that equal sets are equal lists.
    package private(set) var runs: [AddressRun]

    /// A set without addresses.
    package init() {
        runs = []
    }

    /// The addresses of all the runs, which may overlap and come in any order.
    ///
    /// - Complexity: O(n log n); O(n) when they are in order already.
    package init(_ unordered: some Sequence<AddressRun>) {
        runs = []
        var sorted = Array(unordered)
        let isSorted = zip(sorted, sorted.dropFirst()).allSatisfy { $0.first <= $1.first }
        if !isSorted { sorted.sort { $0.first < $1.first } }
        for run in sorted { append(run) }
    }

    /// These addresses, in any order and with repetitions.
    package init(_ addresses: some Sequence<IPAddress>) {
        self.init(addresses.map { AddressRun($0) })
    }

    /// Appends a run that does not start below the last one, or lets that one grow.
    private mutating func append(_ run: AddressRun) {
        guard let previous = runs.last else { return runs.append(run) }
        let touches = previous.contains(run.first) || previous.last.advanced(by: 1) == run.first
        guard touches else { return runs.append(run) }
        guard previous.last < run.last, let joined = AddressRun(first: previous.first, last: run.last) else { return }
        runs[runs.count - 1] = joined
    }

    /// Whether there is no address in it.
    package var isEmpty: Bool {
        runs.isEmpty
    }

    /// How many addresses of a run are in the set; all 2^128 of IPv6 are given as one less.
    ///
    /// - Complexity: O(log n) and the number of runs between its ends.
    package func count(in bounds: AddressRun) -> UInt128 {
        // Disjoint runs of one family exceed the type only together with the whole family, which is one run.
        var count: UInt128 = 0
        forEachRun(in: bounds) { count += $0.count }
        return count
    }

    /// How many runs start at or below the address; by halving.
    private func position(behind address: IPAddress) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first <= address {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}

extension AddressSet: AddressRunStorage {
    package typealias Failure = Never

    package func run(startingAtOrBefore address: IPAddress) -> AddressRun? {
        let position = position(behind: address)
        return position == 0 ? nil : runs[position - 1]
    }

    package func run(startingAfter address: IPAddress) -> AddressRun? {
        let position = position(behind: address)
        return position == runs.count ? nil : runs[position]
    }

    package mutating func add(_ run: AddressRun) {
        runs.insert(run, at: position(behind: run.first))
    }

    package mutating func drop(startingAt first: IPAddress) {
        let position = position(behind: first)
        precondition(position > 0 && runs[position - 1].first == first, "a run starts where one is dropped")
        runs.remove(at: position - 1)
    }

    package mutating func replace(startingAt first: IPAddress, with run: AddressRun) {
        let position = position(behind: first)
        precondition(position > 0 && runs[position - 1].first == first, "a run starts where one is replaced")
        runs[position - 1] = run
    }
}
