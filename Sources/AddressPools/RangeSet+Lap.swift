// SPDX-License-Identifier: Apache-2.0
package import Addressing

extension RangeSet {
    /// The stretches that a search goes through, in the order of host-local.
    ///
    /// It begins behind `last`, goes on through the ranges that follow and from the final range back to the beginning,
    /// until it has seen every address once, `last` itself at the very end. A `last` that is nil or lies in no range
    /// (the configuration changed) means the beginning of the first range. Gateways are not left out.
    package func lap(after last: IPAddress?) -> [(run: AddressRun, range: AddressRange)] {
        guard let last, let start = ranges.firstIndex(where: { $0.contains(last) }) else {
            return ranges.map { ($0.run, $0) }
        }
        let range = ranges[start]
        var lap: [(run: AddressRun, range: AddressRange)] = []
        // There is no address behind the last one of a family.
        if let following = last.advanced(by: 1), let rest = AddressRun(first: following, last: range.last) {
            lap.append((rest, range))
        }
        lap += (ranges[(start + 1)...] + ranges[..<start]).map { ($0.run, $0) }
        if let begun = AddressRun(first: range.first, last: last) { lap.append((begun, range)) }
        return lap
    }
}

extension AddressRange {
    /// The same addresses, without what they are for.
    package var run: AddressRun {
        AddressRun(first: first, last: last) ?? AddressRun(first)
    }
}
