// SPDX-License-Identifier: Apache-2.0
import AddressPools
import Addressing

/// A store without a disk, kept as ``PoolLedger`` asks for; counts how often it is asked.
struct MemoryLedger: PoolLedger {
    private(set) var runs = AddressSet()
    private(set) var leases: Set<IPAddress> = []
    private var rests: [RestingAddress] = []
    private var keepers: [IPAddress: String] = [:]
    private let questions = Questions()

    /// The questions since the last call.
    func takeQuestions() -> Int {
        defer { questions.count = 0 }
        return questions.count
    }

    /// What an identity had, the latest first.
    func remembered(for identity: String?) -> [IPAddress] {
        rests.reversed().map(\.address).filter { identity != nil && keepers[$0] == identity }
    }

    mutating func lease(_ address: IPAddress) {
        leases.insert(address)
        runs.insert(address)
        forget(address)
    }

    mutating func free(_ address: IPAddress, at now: Int64, for identity: String?) {
        leases.remove(address)
        keepers[address] = identity
        rests.append(RestingAddress(address, freedNanoseconds: now))
        rests.sort { ($0.freedNanoseconds, $0.address) < ($1.freedNanoseconds, $1.address) }
    }

    mutating func wake(restedSince limit: Int64?) {
        guard let limit else { return }
        for rest in rests where rest.freedNanoseconds <= limit && keepers[rest.address] == nil {
            runs.remove(rest.address)
            forget(rest.address)
        }
    }

    private mutating func forget(_ address: IPAddress) {
        rests.removeAll { $0.address == address }
        keepers[address] = nil
    }

    func run(startingAtOrBefore address: IPAddress) -> AddressRun? {
        questions.count += 1
        return runs.run(startingAtOrBefore: address)
    }

    func run(startingAfter address: IPAddress) -> AddressRun? {
        questions.count += 1
        return runs.run(startingAfter: address)
    }

    func isLeased(_ address: IPAddress) -> Bool {
        questions.count += 1
        return leases.contains(address)
    }

    func resting(_ family: AddressFamily, after previous: RestingAddress?) -> RestingAddress? {
        questions.count += 1
        return rests.first { rest in
            guard let previous else { return rest.address.family == family }
            return rest.address.family == family
                && (previous.freedNanoseconds, previous.address) < (rest.freedNanoseconds, rest.address)
        }
    }

    private final class Questions {
        var count = 0
    }
}
