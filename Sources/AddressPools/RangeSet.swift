// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Ranges of one family that are alternatives: a container gets one address from the whole set.
package struct RangeSet: Hashable, Sendable {
    /// The ranges in the order in which they are used up; at least one.
    package let ranges: [AddressRange]
    /// The family of every address in the set.
    package let family: AddressFamily

    /// Takes ranges as alternatives of each other.
    ///
    /// Several ranges of one subnet are welcome as long as they have no address in common.
    ///
    /// - Throws: when there is no range, when families are mixed, or when two ranges overlap.
    package init(_ ranges: [AddressRange]) throws(PoolError) {
        guard let family = ranges.first?.subnet.family else { throw PoolError("empty range set") }
        guard ranges.allSatisfy({ $0.subnet.family == family }) else { throw PoolError("mixed address families") }
        for (index, range) in ranges.enumerated() {
            if let other = ranges[(index + 1)...].first(where: range.overlaps) {
                throw PoolError("subnets \(range) and \(other) overlap")
            }
        }
        self.ranges = ranges
        self.family = family
    }

    /// The range the address lies in, or nil when it lies in none; a gateway may lie in one too.
    package func range(containing address: IPAddress) -> AddressRange? {
        ranges.first { $0.contains(address) }
    }

    /// Whether an address lies in both sets.
    package func overlaps(_ other: RangeSet) -> Bool {
        ranges.contains { other.ranges.contains(where: $0.overlaps) }
    }

    /// Refuses sets of one network that have an address in common, naming them by their places in the list.
    ///
    /// - Throws: for the first pair that overlaps: `range set 0 overlaps with 1`.
    package static func requireDisjoint(_ sets: [RangeSet]) throws(PoolError) {
        for (index, set) in sets.enumerated() {
            if let other = sets.indices.first(where: { $0 > index && sets[$0].overlaps(set) }) {
                throw PoolError("range set \(index) overlaps with \(other)")
            }
        }
    }

    /// Judges an address that somebody asks for by name; whether it is taken already is another question.
    ///
    /// - Returns: the range the address lies in.
    /// - Throws: when the address lies in no range, or is a gateway.
    package func admit(_ requested: IPAddress) throws(PoolError) -> AddressRange {
        guard let range = range(containing: requested) else {
            throw PoolError("\(requested) not in range set \(self)")
        }
        guard !isGateway(requested) else { throw PoolError("requested ip \(requested) is subnet's gateway") }
        return range
    }

    /// Whether a router of any range has this address.
    ///
    /// Ranges of one subnet may name different routers, so one's router may lie in the other.
    private func isGateway(_ address: IPAddress) -> Bool {
        ranges.contains { $0.gateway == address }
    }
}

extension RangeSet: CustomStringConvertible {
    /// The ranges with commas between: `10.1.2.1-10.1.2.254,10.1.4.1-10.1.4.254`.
    package var description: String {
        ranges.map { $0.description }.joined(separator: ",")
    }
}

// MARK: - Which address comes next

extension RangeSet {
    /// The first free address after `last`, in the order of host-local.
    ///
    /// The search begins behind `last`, goes on through the ranges that follow and from the final range back to the
    /// beginning, until it has seen every address once, `last` itself at the very end. A `last` that is nil or lies
    /// in no range (the configuration changed) means the beginning of the first range.
    ///
    /// - Complexity: one call of `isTaken` for every address on the way; no more than `capacity`.
    /// - Parameters:
    ///   - last: the address handed out most recently.
    ///   - isTaken: whether an address is in use; never asked about gateways.
    /// - Returns: the address and its range, or nil when all addresses are taken.
    package func next(
        after last: IPAddress?,
        isTaken: (IPAddress) -> Bool
    ) -> (address: IPAddress, range: AddressRange)? {
        guard let last, let start = ranges.firstIndex(where: { $0.contains(last) }) else {
            return next(in: ranges[...], isTaken)
        }
        let range = ranges[start]
        if last < range.last, let following = last.advanced(by: 1),
            let address = next(from: following, through: range.last, isTaken)
        {
            return (address, range)
        }
        if let found = next(in: ranges[(start + 1)...], isTaken) ?? next(in: ranges[..<start], isTaken) { return found }
        return next(from: range.first, through: last, isTaken).map { ($0, range) }
    }

    private func next(
        in ranges: ArraySlice<AddressRange>,
        _ isTaken: (IPAddress) -> Bool
    ) -> (address: IPAddress, range: AddressRange)? {
        for range in ranges {
            if let address = next(from: range.first, through: range.last, isTaken) { return (address, range) }
        }
        return nil
    }

    /// Counts with an equality check because the stretch may end at the very last address of its family.
    private func next(
        from first: IPAddress,
        through last: IPAddress,
        _ isTaken: (IPAddress) -> Bool
    ) -> IPAddress? {
        var candidate = first
        while true {
            if !isGateway(candidate) && !isTaken(candidate) { return candidate }
            guard candidate != last, let following = candidate.advanced(by: 1) else { return nil }
            candidate = following
        }
    }
}

// MARK: - How many there are

extension RangeSet {
    /// How many addresses can be handed out: all but the gateways; 2^128 is given as one less.
    package var capacity: UInt128 {
        let gateways = Set(ranges.map { $0.gateway })
        return ranges.reduce(0) { sum, range in
            // One less than the range has, so that it fits even when the range is the whole family.
            let distance = range.last.value - range.first.value
            let skipped = UInt128(gateways.count(where: range.contains))
            let available = skipped == 0 ? saturatingSum(distance, 1) : distance - (skipped - 1)
            return saturatingSum(sum, available)
        }
    }

    /// How many addresses are left when those given are taken.
    ///
    /// Addresses outside the set, gateways and repetitions do not count.
    ///
    /// - Complexity: linear in the number of addresses given, not in the size of the set.
    package func free(given taken: some Sequence<IPAddress>) -> UInt128 {
        let counted = Set(taken.lazy.filter { range(containing: $0) != nil && !isGateway($0) })
        return capacity - UInt128(counted.count)
    }

    private func saturatingSum(_ left: UInt128, _ right: UInt128) -> UInt128 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}
