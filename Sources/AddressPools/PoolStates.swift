// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// The states in which a store finds addresses, to be counted.
///
/// What lies outside of the ranges asked for does not matter: one value serves all sets of a network.
package struct PoolStates: Sendable {
    private let rules: PoolRules
    private let leased: AddressSet
    private let reserved: AddressSet
    private let quarantined: AddressSet
    private let suspect: AddressSet

    /// Takes the states of all addresses of a network.
    ///
    /// - Parameters:
    ///   - leased: every leased address, the suspect ones included.
    ///   - quarantined: what was given back after ``PoolRules/restedSince(now:)``; addresses that only wait for somebody
    ///     they are remembered for, or for a need, are free.
    ///   - suspect: leased addresses whose holder may be gone.
    ///   - rules: what the configuration excludes and reserves.
    package init(leased: AddressSet, quarantined: AddressSet, suspect: AddressSet, rules: PoolRules) {
        self.rules = rules
        self.leased = leased
        reserved = rules.reservations.addresses.subtracting(leased)
        self.quarantined = quarantined.subtracting(leased).subtracting(reserved)
        self.suspect = suspect
    }

    /// Counts the addresses of one of the set's ranges.
    ///
    /// - Complexity: linear in the runs that lie between the ends of the range, and in the excluded ones.
    package func usage(of range: AddressRange, in set: RangeSet) -> PoolUsage {
        // What is reserved is given although it is excluded; a gateway is given to nobody.
        let gateways = AddressSet(set.ranges.map { $0.gateway })
        let closed = rules.excluded.subtracting(rules.reservations.addresses).union(gateways)
        let open = AddressSet([range.run]).subtracting(closed)
        return PoolUsage(
            total: open.count,
            used: count(leased, open),
            reserved: count(reserved, open),
            quarantined: count(quarantined, open),
            suspect: count(suspect, open)
        )
    }

    /// Counts the addresses of all ranges of a set.
    package func usage(of set: RangeSet) -> PoolUsage {
        set.ranges.reduce(PoolUsage()) { $0 + usage(of: $1, in: set) }
    }

    /// Counts the addresses of all sets of a family.
    package func usage(of sets: [RangeSet], _ family: AddressFamily) -> PoolUsage {
        sets.filter { $0.family == family }.reduce(PoolUsage()) { $0 + usage(of: $1) }
    }

    private func count(_ addresses: AddressSet, _ open: AddressSet) -> UInt128 {
        open.runs.reduce(0) { sum, run in
            let (sum, overflow) = sum.addingReportingOverflow(addresses.count(in: run))
            return overflow ? .max : sum
        }
    }
}
