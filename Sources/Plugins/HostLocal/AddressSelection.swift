// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import LeaseStore

/// Decides which addresses a container gets, from what is leased already.
///
/// Touches no file.
struct AddressSelection {
    /// An address and the range it is from.
    struct Choice: Hashable {
        let address: IPAddress
        let range: AddressRange
        /// The container has it already, of an ADD that was cut off.
        let isHeld: Bool
    }

    private var taken: Set<IPAddress>
    private let held: Set<IPAddress>
    private var requested: [IPAddress]

    /// `leases`: everything in the network's directory.
    ///
    /// `requested`: addresses somebody asked for; each range set takes at most one.
    init(_ leases: [LeaseDirectory.Lease], for owner: LeaseOwner, requested: [IPAddress]) {
        taken = Set(leases.map { $0.address })
        held = Set(leases.filter { $0.owner.covers(owner) }.map { $0.address })
        self.requested = requested
    }

    /// Chooses from the next range set: what was asked for, else what the container holds, else the next free address.
    ///
    /// `last`: the address reserved last from this set.
    mutating func choose(from set: RangeSet, index: Int, after last: IPAddress?) throws(CNIError) -> Choice {
        if let position = requested.firstIndex(where: { set.range(containing: $0) != nil }) {
            return try admit(requested.remove(at: position), to: set, index: index)
        }
        for address in held.sorted() {
            if let range = set.range(containing: address) {
                return Choice(address: address, range: range, isHeld: true)
            }
        }
        guard let next = set.next(after: last, isTaken: { taken.contains($0) }) else {
            throw CNIError(
                .addressesExhausted,
                "failed to allocate for range \(index): no IP addresses available in range set: \(set)",
                details: "\(set.capacity) of \(set.capacity) addresses are leased; the lease directory says to whom"
            )
        }
        return Choice(address: next.address, range: next.range, isHeld: false)
    }

    private func admit(_ address: IPAddress, to set: RangeSet, index: Int) throws(CNIError) -> Choice {
        let prefix = "failed to allocate for range \(index): "
        do throws(PoolError) {
            let range = try set.admit(address)
            if held.contains(address) { return Choice(address: address, range: range, isHeld: true) }
            guard taken.contains(address) else { return Choice(address: address, range: range, isHeld: false) }
        } catch {
            throw CNIError(.addressUnavailable, prefix + error.message)
        }
        throw CNIError(
            .addressUnavailable,
            prefix + "requested IP address \(address) is not available in range set \(set)",
            details: "another container has it; see the network's lease directory"
        )
    }

    /// Somebody took it although we hold the lock.
    mutating func exclude(_ address: IPAddress) {
        taken.insert(address)
    }

    /// Fails when addresses were asked for that no range set could take.
    func finish() throws(CNIError) {
        guard !requested.isEmpty else { return }
        let list = requested.map { "\($0)" }.joined(separator: ", ")
        throw CNIError(
            .addressUnavailable,
            "failed to allocate all requested IPs: \(list)",
            details: "no range set of the network contains them, or another requested address was taken from it"
        )
    }

    /// What the container holds besides: an earlier ADD was cut off, and this one asked for something else.
    func superseded(by choices: [Choice]) -> [IPAddress] {
        let kept = Set(choices.map { $0.address })
        let sets = choices.map { $0.range }
        return held.filter { address in !kept.contains(address) && sets.contains { $0.contains(address) } }
    }
}
