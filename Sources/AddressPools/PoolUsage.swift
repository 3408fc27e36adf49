// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// How many addresses of a range, of a set or of a family there are, and what has become of them.
///
/// Numbers end at 2^128 - 1, so that sums over all of IPv6 stay what they are for: more than anybody can use.
package struct PoolUsage: Hashable, Sendable {
    /// All that may be handed out, to anybody: without gateways, and without what is excluded and reserved for nobody.
    package var total: UInt128
    /// Those that are leased.
    package var used: UInt128
    /// Those that are kept for an identity that does not have them now.
    package var reserved: UInt128
    /// Those that were given back a moment ago and are reserved for nobody.
    package var quarantined: UInt128
    /// Those among the used ones whose holder may be gone.
    package var suspect: UInt128

    /// Takes counts that somebody else keeps.
    package init(
        total: UInt128 = 0,
        used: UInt128 = 0,
        reserved: UInt128 = 0,
        quarantined: UInt128 = 0,
        suspect: UInt128 = 0
    ) {
        self.total = total
        self.used = used
        self.reserved = reserved
        self.quarantined = quarantined
        self.suspect = suspect
    }

    /// What is left for those that nothing is reserved for.
    package var free: UInt128 {
        [used, reserved, quarantined].reduce(total) { $0 < $1 ? 0 : $0 - $1 }
    }

    /// Both together.
    package static func + (left: PoolUsage, right: PoolUsage) -> PoolUsage {
        PoolUsage(
            total: saturatingSum(left.total, right.total),
            used: saturatingSum(left.used, right.used),
            reserved: saturatingSum(left.reserved, right.reserved),
            quarantined: saturatingSum(left.quarantined, right.quarantined),
            suspect: saturatingSum(left.suspect, right.suspect)
        )
    }

    private static func saturatingSum(_ left: UInt128, _ right: UInt128) -> UInt128 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}

extension PoolUsage: CustomStringConvertible {
    /// The numbers with their names, the suspects only when there are some:
    /// `253 in total, 250 used (3 suspect), 2 reserved, 1 quarantined`.
    package var description: String {
        let suspects = suspect == 0 ? "" : " (\(suspect) suspect)"
        return "\(total) in total, \(used) used\(suspects), \(reserved) reserved, \(quarantined) quarantined"
    }
}

// MARK: - When none is left

extension PoolUsage {
    /// The message for a container that gets no address, in host-local's words; `details` says more.
    package static func exhaustion(of set: RangeSet) -> String {
        "no IP addresses available in range set: \(set)"
    }

    /// What goes below the message: the numbers, and which suspect to look at first.
    ///
    /// - Parameters:
    ///   - suspect: the one that has been suspect longest.
    ///   - seconds: for how long.
    /// - Returns: one line without a full stop.
    package func details(oldestSuspect suspect: IPAddress? = nil, forSeconds seconds: Int64 = 0) -> String {
        guard let suspect else { return description }
        return "\(description); the oldest suspect is \(suspect), for \(seconds) s"
    }
}
