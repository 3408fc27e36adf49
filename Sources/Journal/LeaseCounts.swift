// SPDX-License-Identifier: Apache-2.0

/// What became of leases: in one call, or in all of a network's so far.
package struct LeaseCounts: Hashable, Sendable {
    /// Addresses of one family.
    package struct Family: Hashable, Sendable {
        package var given: UInt64 = 0
        /// Given back, not taken away from who was dead.
        package var released: UInt64 = 0

        package init(given: UInt64 = 0, released: UInt64 = 0) {
            self.given = given
            self.released = released
        }
    }

    package var v4 = Family()
    package var v6 = Family()

    package init() {}

    package init(v4: Family, v6: Family) {
        self.v4 = v4
        self.v6 = v6
    }

    /// Counts an address that was given.
    ///
    /// - Parameter isV6: of which family.
    package mutating func give(isV6: Bool) {
        if isV6 { v6.given += 1 } else { v4.given += 1 }
    }

    /// Counts an address that was given back.
    ///
    /// - Parameter isV6: of which family.
    package mutating func release(isV6: Bool) {
        if isV6 { v6.released += 1 } else { v4.released += 1 }
    }
}
