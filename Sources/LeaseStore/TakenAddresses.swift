// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing

/// An index as those see it who choose an address.
struct TakenAddresses: PoolLedger {
    typealias Failure = IndexError

    private let index: LeaseIndex
    /// Reservations in whose name the caller comes.
    private let claimed: AddressSet

    init(_ index: LeaseIndex, _ claimed: AddressSet = AddressSet()) {
        self.index = index
        self.claimed = claimed
    }

    func run(startingAtOrBefore address: IPAddress) throws(IndexError) -> AddressRun? {
        try index.run(startingAtOrBefore: address)
    }

    func run(startingAfter address: IPAddress) throws(IndexError) -> AddressRun? {
        try index.run(startingAfter: address)
    }

    func isLeased(_ address: IPAddress) throws(IndexError) -> Bool {
        guard let record = try index.lease(of: address) else { return false }
        return record.state == .reserved ? !claimed.contains(address) : !record.state.isResting
    }

    func resting(_ family: AddressFamily, after previous: RestingAddress?) throws(IndexError) -> RestingAddress? {
        try index.resting(family, after: previous)
    }
}
