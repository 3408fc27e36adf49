// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// An address that rests since somebody gave it back.
package struct RestingAddress: Hashable, Sendable {
    package let address: IPAddress
    /// When it was given back, by the store's clock.
    package let freedNanoseconds: Int64

    package init(_ address: IPAddress, freedNanoseconds: Int64) {
        self.address = address
        self.freedNanoseconds = freedNanoseconds
    }
}

/// What a store answers about the addresses of a network while one is chosen.
///
/// Its runs are the addresses that are **leased or resting**. To keep them so, a store
///
/// - inserts an address when it is leased (it may be in already: it rested), and forgets that it rested;
/// - leaves it in when it is given back, noting the time, and for whom it is remembered if it is;
/// - before a choice takes out, and forgets, what was given back up to ``PoolRules/restedSince(now:)`` and is
///   remembered for nobody. Each address that was given back costs that once.
///
/// A store may forget resting addresses beyond some number, the oldest first; they then count as never used.
package protocol PoolLedger: AddressRuns, ~Copyable {
    /// Whether somebody has the address; false for one that rests.
    ///
    /// `SELECT 1 FROM leases WHERE address = ?`
    func isLeased(_ address: IPAddress) throws(Failure) -> Bool

    /// The resting addresses of a family one after the other, the one freed longest ago first.
    ///
    /// `SELECT address, freed FROM resting WHERE family = ? AND (freed, address) > (?, ?)
    /// ORDER BY freed, address LIMIT 1`
    ///
    /// - Parameters:
    ///   - family: whose addresses are meant.
    ///   - previous: the one before; nil for the beginning.
    /// - Returns: the one behind it; nil at the end.
    /// - Throws: what the store throws.
    func resting(_ family: AddressFamily, after previous: RestingAddress?) throws(Failure) -> RestingAddress?
}
