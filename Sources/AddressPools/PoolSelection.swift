// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// An address that a container is to have, and how it came to it.
package struct PoolChoice: Hashable, Sendable {
    /// Why this address and no other.
    package enum Reason: Hashable, Sendable {
        /// Somebody asked for it by name.
        case requested
        /// The container has it already.
        case held
        /// It is kept for this identity.
        case reserved
        /// This identity had it before.
        case remembered
        /// It is the next of the order.
        case next
        /// Nothing else was left: it rested longest.
        case rested
    }

    package let address: IPAddress
    /// The range it lies in.
    package let range: AddressRange
    package let reason: Reason

    package init(address: IPAddress, range: AddressRange, reason: Reason) {
        self.address = address
        self.range = range
        self.reason = reason
    }
}

/// Why a container gets no address.
package enum PoolRefusal: Error, Hashable, Sendable {
    /// The requested address is in no range, or a gateway.
    case notAdmitted(PoolError)
    /// Somebody else has the requested address.
    case leased(IPAddress)
    /// The requested address is excluded by the configuration.
    case excluded(IPAddress)
    /// The requested address is kept for this identity, which is not the container's.
    case reserved(IPAddress, identity: String)
    /// The requested address is kept by an operator for no container at all.
    case withheld(IPAddress)
    /// Every address is leased, or kept for others.
    case exhausted
}

/// What one container wants of one range set.
///
/// ``choose(in:)`` prefers, in this order: what was requested by name, and then nothing else will do; what the
/// container holds; what is reserved for its identity; what its identity had before; the next address in the order of
/// host-local that is neither leased nor resting; the address that rests longest.
///
/// Somebody's own address, by reservation or memory, he gets back without any rest: who still talks to its last
/// holder means him.
package struct PoolSelection: Sendable {
    private let set: RangeSet
    private let rules: PoolRules
    private let identity: String?
    /// What is not given by order or memory; reservations are looked at before.
    private let barred: AddressSet

    /// The address handed out most recently from this set; nil, or one of no range, for the beginning of the set.
    package var last: IPAddress?
    /// What somebody asked for by name.
    package var requested: IPAddress?
    /// What the container has already, of any set; the lowest one of this set is kept.
    package var held: [IPAddress] = []
    /// What this identity had before, of any set, the latest first.
    package var remembered: [IPAddress] = []

    /// Nothing is requested, held or remembered yet.
    ///
    /// - Parameters:
    ///   - set: where to choose from.
    ///   - rules: what else the configuration says.
    ///   - identity: what the container is known by, if the configuration says by what and the caller can tell.
    package init(from set: RangeSet, by rules: PoolRules, for identity: String? = nil) {
        self.set = set
        self.rules = rules
        self.identity = identity
        barred = rules.barred(in: set)
    }

    /// Whether anybody else would get the same address: nothing here is this container's own.
    package var isAnybody: Bool {
        requested == nil && held.isEmpty && remembered.isEmpty && rules.reservations.addresses(of: identity).isEmpty
    }

    /// Chooses; the ledger stays as it is.
    ///
    /// - Complexity: a constant number of questions, and one for each range and each excluded, reserved or gateway run
    ///   on the way; only when nothing but resting addresses is left, one for each of them that may not be given.
    package func choose<Ledger: PoolLedger & ~Copyable>(
        in ledger: borrowing Ledger
    ) throws(Ledger.Failure) -> Result<PoolChoice, PoolRefusal> {
        if let requested { return try admit(requested, ledger) }
        for address in held.sorted() {
            if let range = set.range(containing: address) { return .success(choice(address, range, .held)) }
        }
        for address in rules.reservations.addresses(of: identity) {
            if let range = set.admitting(address), try !ledger.isLeased(address) {
                return .success(choice(address, range, .reserved))
            }
        }
        for address in remembered where !barred.contains(address) {
            if let range = set.range(containing: address), try !ledger.isLeased(address) {
                return .success(choice(address, range, .remembered))
            }
        }
        for stretch in set.lap(after: last) {
            if let address = try firstOpen(stretch.run, ledger) {
                return .success(choice(address, stretch.range, .next))
            }
        }
        return try longestRested(ledger).map { .success($0) } ?? .failure(.exhausted)
    }

    private func choice(_ address: IPAddress, _ range: AddressRange, _ reason: PoolChoice.Reason) -> PoolChoice {
        PoolChoice(address: address, range: range, reason: reason)
    }

    private func admit<Ledger: PoolLedger & ~Copyable>(
        _ address: IPAddress,
        _ ledger: borrowing Ledger
    ) throws(Ledger.Failure) -> Result<PoolChoice, PoolRefusal> {
        let range: AddressRange
        do throws(PoolError) {
            range = try set.admit(address)
        } catch {
            return .failure(.notAdmitted(error))
        }
        if held.contains(address) { return .success(choice(address, range, .held)) }
        if let owner = rules.reservations.identity(of: address) {
            guard owner == identity else { return .failure(.reserved(address, identity: owner)) }
        } else if rules.reservations.withheld.contains(address) {
            return .failure(.withheld(address))
        } else if rules.excluded.contains(address) {
            return .failure(.excluded(address))
        }
        guard try !ledger.isLeased(address) else { return .failure(.leased(address)) }
        return .success(choice(address, range, .requested))
    }

    /// Goes back and forth between what is barred and what is leased or resting: each step leaves a whole run behind.
    private func firstOpen<Ledger: PoolLedger & ~Copyable>(
        _ stretch: AddressRun,
        _ ledger: borrowing Ledger
    ) throws(Ledger.Failure) -> IPAddress? {
        var start = stretch.first
        while let allowed = barred.firstFree(from: start, through: stretch.last),
            let free = try ledger.firstFree(from: allowed, through: stretch.last)
        {
            if free == allowed || !barred.contains(free) { return free }
            start = free
        }
        return nil
    }

    private func longestRested<Ledger: PoolLedger & ~Copyable>(
        _ ledger: borrowing Ledger
    ) throws(Ledger.Failure) -> PoolChoice? {
        var previous: RestingAddress?
        while let resting = try ledger.resting(set.family, after: previous) {
            if let range = set.range(containing: resting.address), !barred.contains(resting.address) {
                return choice(resting.address, range, .rested)
            }
            previous = resting
        }
        return nil
    }
}

extension RangeSet {
    /// The range of an address that may be given on purpose; nil when it is in none, or a gateway.
    fileprivate func admitting(_ address: IPAddress) -> AddressRange? {
        do throws(PoolError) {
            return try admit(address)
        } catch {
            return nil
        }
    }
}
