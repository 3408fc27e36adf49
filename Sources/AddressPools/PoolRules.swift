// SPDX-License-Identifier: Apache-2.0

/// Which of several free addresses is given first.
package enum AddressOrder: String, Hashable, Sendable, CaseIterable {
    /// As host-local does: the one behind the last address handed out, going round.
    case nextAfterLast = "next-after-last"
    /// Addresses nobody had yet, going round; when there are none, the one that was freed longest ago.
    case oldestFreedFirst = "oldest-freed-first"
}

/// What a configuration says about giving addresses, besides the ranges.
///
/// **Resting.** A freed address rests: it is passed over while there is another one, so that whoever still talks to its
/// last holder does not reach the next. When all others are gone, the one that rests longest is given, and that is
/// the whole difference between the rules: after a quarantine of some seconds an address rests no more
/// (``AddressOrder/nextAfterLast``); it rests until it is needed (``AddressOrder/oldestFreedFirst``), and so does an
/// address that is remembered for somebody who may come back.
package struct PoolRules: Hashable, Sendable {
    package var order: AddressOrder
    /// How long a freed address rests at least, while others are left.
    package var quarantineNanoseconds: Int64
    /// Never handed out, save to whom they are reserved for.
    package var excluded: AddressSet
    package var reservations: AddressReservations

    /// Host-local's order, and five seconds of quarantine.
    package init(
        order: AddressOrder = .nextAfterLast,
        quarantineNanoseconds: Int64 = 5_000_000_000,
        excluded: AddressSet = AddressSet(),
        reservations: AddressReservations = AddressReservations()
    ) {
        self.order = order
        self.quarantineNanoseconds = quarantineNanoseconds
        self.excluded = excluded
        self.reservations = reservations
    }

    /// Until when an address must have been freed to rest no more, if it is remembered for nobody.
    ///
    /// - Parameter now: by the clock by which the store notes when an address was freed: one that never goes back.
    /// - Returns: a time of that clock, included; nil when nothing stops resting by time alone.
    package func restedSince(now: Int64) -> Int64? {
        switch order {
        case .nextAfterLast:
            let (since, overflow) = now.subtractingReportingOverflow(max(quarantineNanoseconds, 0))
            return overflow ? .min : since
        case .oldestFreedFirst:
            return nil
        }
    }

    /// What of a set is given to nobody, unless it is reserved for him: gateways, exclusions and reservations.
    package func barred(in set: RangeSet) -> AddressSet {
        AddressSet(set.ranges.map { $0.gateway }).union(excluded).union(reservations.addresses)
    }
}
