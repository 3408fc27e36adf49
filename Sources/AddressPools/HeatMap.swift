// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// A run of addresses in equal parts, and how full each of them is: to be drawn.
package struct HeatMap: Hashable, Sendable {
    /// One part.
    package struct Bucket: Hashable, Sendable {
        /// What lies in it.
        package let run: AddressRun
        /// How many of these addresses are taken.
        package fileprivate(set) var taken: UInt128 = 0

        /// The taken ones among all, 0 to 1: 0 only for none of them, and 1 only for all.
        package var fraction: Double {
            guard taken > 0 else { return 0 }
            guard taken < run.count else { return 1 }
            // All digits that a Double can hold, and no conversion from 128 bits.
            let shift = max(0, 64 - run.count.leadingZeroBitCount)
            let whole = Double(UInt64(truncatingIfNeeded: run.count >> shift))
            let part = Double(UInt64(truncatingIfNeeded: taken >> shift))
            return min(max(part / whole, .leastNonzeroMagnitude), 1 - Double.ulpOfOne)
        }
    }

    /// In the order of the addresses; sizes differ by one address at most, the larger ones come first.
    package private(set) var buckets: [Bucket]

    /// Divides a run and counts.
    ///
    /// - Parameters:
    ///   - bounds: what to divide.
    ///   - count: into how many parts; fewer when there are fewer addresses, one at least.
    ///   - taken: runs in order, none overlapping another, such as ``AddressSet/runs`` or the rows of a table; they may
    ///     go beyond the bounds.
    /// - Complexity: linear in the buckets and in the runs, whatever the number of addresses.
    package init(of bounds: AddressRun, count: Int, taken: some Sequence<AddressRun>) {
        buckets = HeatMap.divide(bounds, into: max(count, 1)).map { Bucket(run: $0) }
        var position = 0
        for run in taken {
            while position < buckets.count, buckets[position].run.last < run.first { position += 1 }
            // A run may fill several buckets, and the last of them may take the beginning of the next run too.
            while position < buckets.count, let common = buckets[position].run.intersection(run) {
                let (sum, overflow) = buckets[position].taken.addingReportingOverflow(common.count)
                buckets[position].taken = overflow ? .max : sum
                guard buckets[position].run.last < run.last else { break }
                position += 1
            }
        }
    }

    private static func divide(_ bounds: AddressRun, into count: Int) -> [AddressRun] {
        guard bounds.count > UInt128(count) else {
            return (0..<Int(bounds.count)).compactMap { bounds.first.advanced(by: $0).map { AddressRun($0) } }
        }
        // Counted from the distance, which unlike the number of addresses is never too large. The address that it
        // lacks makes one more of the larger parts.
        let distance = bounds.last.value - bounds.first.value
        let (size, remainder) = distance.quotientAndRemainder(dividingBy: UInt128(count))
        var runs: [AddressRun] = []
        var first = bounds.first
        while let last = first.advanced(by: UInt128(runs.count) <= remainder ? size : size - 1),
            let run = AddressRun(first: first, last: last)
        {
            runs.append(run)
            guard last < bounds.last, let next = last.advanced(by: 1) else { break }
            first = next
        }
        return runs
    }
}
