// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Addresses as runs that neither overlap nor touch, to be asked in any order.
///
/// Runs, not addresses, because a pool that is handed out in order has few of them however many addresses are taken:
/// the first free address is found by one look at one run. They know nothing of ranges, which may change meanwhile.
///
/// An array in memory (``AddressSet``) and a table of a database serve equally; each requirement is one statement of
/// SQL, written beside it for a table `runs(first PRIMARY KEY, last)` whose keys sort as ``IPAddress`` does.
package protocol AddressRuns: ~Copyable {
    /// What can go wrong while reading or writing; `Never` in memory.
    associatedtype Failure: Error

    /// The last run whose first address is not above this one, of whatever family.
    ///
    /// `SELECT first, last FROM runs WHERE first <= ? ORDER BY first DESC LIMIT 1`
    func run(startingAtOrBefore address: IPAddress) throws(Failure) -> AddressRun?

    /// The first run whose first address is above this one, of whatever family.
    ///
    /// `SELECT first, last FROM runs WHERE first > ? ORDER BY first LIMIT 1`
    func run(startingAfter address: IPAddress) throws(Failure) -> AddressRun?
}

/// Runs that can be changed.
///
/// ``insert(_:)`` and ``remove(_:)`` keep the promise of ``AddressRuns``. They may need two changes: a store that
/// outlives the process makes them one transaction.
package protocol AddressRunStorage: AddressRuns, ~Copyable {
    /// Adds a run that neither overlaps nor touches another.
    ///
    /// `INSERT INTO runs(first, last) VALUES (?, ?)`
    mutating func add(_ run: AddressRun) throws(Failure)

    /// Drops the run that starts here.
    ///
    /// `DELETE FROM runs WHERE first = ?`
    mutating func drop(startingAt first: IPAddress) throws(Failure)

    /// Puts a run in the place of the one that starts here; no other run starts between the two.
    ///
    /// `UPDATE runs SET first = ?, last = ? WHERE first = ?`
    mutating func replace(startingAt first: IPAddress, with run: AddressRun) throws(Failure)
}

// MARK: - Asking

extension AddressRuns where Self: ~Copyable {
    /// Whether the address lies in a run.
    ///
    /// - Complexity: one question to the storage.
    package func contains(_ address: IPAddress) throws(Failure) -> Bool {
        try run(startingAtOrBefore: address)?.contains(address) ?? false
    }

    /// The lowest address from `first` through `last` that lies in no run, or nil when all of them do.
    ///
    /// - Complexity: one question to the storage, however many addresses lie between.
    package func firstFree(from first: IPAddress, through last: IPAddress) throws(Failure) -> IPAddress? {
        guard first <= last else { return nil }
        guard let run = try run(startingAtOrBefore: first), run.contains(first) else { return first }
        // No run touches another: behind the end of one there is a gap.
        guard run.last < last else { return nil }
        return run.last.advanced(by: 1)
    }

    /// Hands over what lies between two addresses, in order and cut off at both.
    ///
    /// - Complexity: one question to the storage for each run.
    package func forEachRun(
        in bounds: AddressRun,
        _ body: (AddressRun) throws(Failure) -> Void
    ) throws(Failure) {
        if let run = try run(startingAtOrBefore: bounds.first)?.intersection(bounds) { try body(run) }
        var cursor = bounds.first
        while let run = try run(startingAfter: cursor), let inside = run.intersection(bounds) {
            try body(inside)
            cursor = run.last
        }
    }
}

// MARK: - Changing

extension AddressRunStorage where Self: ~Copyable {
    /// Puts an address into the runs: a run of its own, or the neighbour's that grows, or both neighbours' as one.
    ///
    /// - Returns: false when it lay in one already; then nothing has changed.
    /// - Complexity: at most two questions and two changes.
    @discardableResult
    package mutating func insert(_ address: IPAddress) throws(Failure) -> Bool {
        var left: AddressRun?
        var right: AddressRun?
        let following = address.advanced(by: 1)
        let nearest = try run(startingAtOrBefore: following ?? address)
        if let nearest, nearest.first == following {
            right = nearest
            left = try run(startingAtOrBefore: address)
        } else {
            left = nearest
        }
        if let left, left.contains(address) { return false }
        // At the very end of a family the left one ends with the address itself, which was just excluded.
        let joined = left.flatMap { $0.last.advanced(by: 1) == address ? $0 : nil }
        switch (joined, right) {
        case (nil, nil):
            try add(AddressRun(address))
        case (let left?, nil):
            try replace(startingAt: left.first, with: left.extended(through: address))
        case (nil, let right?):
            try replace(startingAt: right.first, with: AddressRun(address).extended(through: right.last))
        case (let left?, let right?):
            try drop(startingAt: right.first)
            try replace(startingAt: left.first, with: left.extended(through: right.last))
        }
        return true
    }

    /// Takes an address out of the runs: its run goes, shrinks, or falls into two.
    ///
    /// - Returns: false when it lay in none; then nothing has changed.
    /// - Complexity: one question and at most two changes.
    @discardableResult
    package mutating func remove(_ address: IPAddress) throws(Failure) -> Bool {
        guard let run = try run(startingAtOrBefore: address), run.contains(address) else { return false }
        let before = address == run.first ? nil : address.advanced(by: -1)
        let after = address == run.last ? nil : address.advanced(by: 1)
        let left = before.flatMap { AddressRun(first: run.first, last: $0) }
        let right = after.flatMap { AddressRun(first: $0, last: run.last) }
        switch (left, right) {
        case (nil, nil):
            try drop(startingAt: run.first)
        case (let rest?, nil), (nil, let rest?):
            try replace(startingAt: run.first, with: rest)
        case (let left?, let right?):
            try replace(startingAt: run.first, with: left)
            try add(right)
        }
        return true
    }
}

extension AddressRun {
    /// The same run with a higher end.
    fileprivate func extended(through last: IPAddress) -> AddressRun {
        AddressRun(first: first, last: last) ?? self
    }
}
