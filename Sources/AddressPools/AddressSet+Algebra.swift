// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension AddressSet {
    /// The addresses of both sets.
    ///
    /// - Complexity: O(n log n) in the runs of both, O(1) when one is empty.
    package func union(_ other: AddressSet) -> AddressSet {
        if other.isEmpty { return self }
        return isEmpty ? other : AddressSet(runs + other.runs)
    }

    /// The addresses that are not in the other set.
    ///
    /// - Complexity: linear in the runs of both.
    package func subtracting(_ other: AddressSet) -> AddressSet {
        guard !other.isEmpty, !isEmpty else { return self }
        var rest: [AddressRun] = []
        var position = 0
        for run in runs {
            // Where what is left of the run begins; nil when nothing is.
            var start: IPAddress? = run.first
            while position < other.runs.count, other.runs[position].last < run.first { position += 1 }
            var current = position
            while let first = start, current < other.runs.count, other.runs[current].first <= run.last {
                let hole = other.runs[current]
                if first < hole.first, let last = hole.first.advanced(by: -1) { rest.append(first, last) }
                start = hole.last < run.last ? hole.last.advanced(by: 1) : nil
                current += 1
            }
            if let start { rest.append(start, run.last) }
        }
        return AddressSet(rest)
    }

    /// How many addresses there are, of both families; 2^128 and more are given as 2^128 - 1.
    package var count: UInt128 {
        runs.reduce(0) { sum, run in
            let (sum, overflow) = sum.addingReportingOverflow(run.count)
            return overflow ? .max : sum
        }
    }
}

extension [AddressRun] {
    fileprivate mutating func append(_ first: IPAddress, _ last: IPAddress) {
        if let run = AddressRun(first: first, last: last) { append(run) }
    }
}
