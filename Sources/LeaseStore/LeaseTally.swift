// SPDX-License-Identifier: Apache-2.0

/// How many of some addresses are in which state.
package struct LeaseTally: Hashable, Sendable {
    /// Those with a file, the suspect ones and what names nobody included.
    package var leased: UInt64 = 0
    /// Those among them whose container seems to be dead.
    package var suspect: UInt64 = 0
    /// Those that were given back a moment ago.
    package var quarantined: UInt64 = 0
    /// Those that are kept from being given without a file.
    package var reserved: UInt64 = 0

    package init(leased: UInt64 = 0, suspect: UInt64 = 0, quarantined: UInt64 = 0, reserved: UInt64 = 0) {
        (self.leased, self.suspect, self.quarantined, self.reserved) = (leased, suspect, quarantined, reserved)
    }

    package static func + (left: LeaseTally, right: LeaseTally) -> LeaseTally {
        LeaseTally(
            leased: left.leased + right.leased,
            suspect: left.suspect + right.suspect,
            quarantined: left.quarantined + right.quarantined,
            reserved: left.reserved + right.reserved
        )
    }
}
