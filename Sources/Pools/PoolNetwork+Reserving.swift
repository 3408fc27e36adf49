// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
internal import HostLocal
internal import LeaseStore
internal import Linux
package import Plugin

extension PoolNetwork {
    /// Whether every address of a run is in a pool of this network.
    package func holds(_ run: AddressRun) -> Bool {
        AddressSet([run]).subtracting(poolRuns).isEmpty
    }

    private var poolRuns: AddressSet {
        AddressSet(configurations.flatMap { $0.pools.rangeSets.flatMap { $0.ranges.map { $0.run } } })
    }

    /// Keeps addresses from being given, to anybody or to anybody else.
    ///
    /// - Parameters:
    ///   - run: which.
    ///   - key: the identity of the containers that get them, as `ipam.reserve` of the configuration has it; empty for
    ///     none.
    ///   - note: what the operator wants to read later.
    ///   - settings: where the index is, and how long to wait for the lock.
    /// - Throws: ``PoolFailure``; then nothing has changed.
    package func reserve(
        _ run: AddressRun,
        for key: String,
        note: String,
        _ settings: Settings
    ) throws(PoolFailure) {
        let identity = MACAddress(key).map { "\($0)" } ?? key
        let entry = KeptAddresses.Entry(run, .reserved, key: identity, note: note)
        try requireReasonable(entry)
        _ = try changing(settings, isMaking: true, "reserve addresses") { ledger throws(PoolFailure) in
            let kept = try store("reserve addresses") { () throws(KernelError) in try ledger.keptAddresses() }
            for other in kept.entries where other.run.intersection(run) != nil {
                guard other.purpose == .allocated || other.key != identity else { continue }
                let reason =
                    other.purpose == .allocated
                    ? "was given by hand to \(other.key)" : "is reserved\(PoolNetwork.whom(other.key)) already"
                throw PoolFailure("\(other.run) \(reason)", advice: "release or unreserve it first")
            }
            let obstacles = try store("reserve addresses") { () throws(KernelError) in
                try ledger.obstacles(to: entry, limit: 5)
            }
            guard obstacles.isEmpty else {
                let list = obstacles.map { "\($0.address) of \($0.owner)" }.joined(separator: ", ")
                throw PoolFailure(
                    "\(run) cannot be reserved\(PoolNetwork.whom(identity)): there are leases: \(list)",
                    advice: "stop those containers first, or leave these addresses out"
                )
            }
            try store("reserve addresses") { () throws(KernelError) in try ledger.keep([entry]) }
        }
    }

    static func whom(_ key: String) -> String { key.isEmpty ? "" : " for \(key)" }

    /// What can be said against a reservation without a look at the leases.
    private func requireReasonable(_ entry: KeptAddresses.Entry) throws(PoolFailure) {
        let largest = entry.key.isEmpty ? KeptAddresses.largestRun : KeptAddresses.largestRunForSomebody
        guard entry.run.count <= UInt128(largest) else {
            throw PoolFailure(
                "\(entry.run) is too much: at most \(largest) addresses can be reserved\(PoolNetwork.whom(entry.key)) "
                    + "at once",
                advice: "put larger parts into ipam.exclude of the configuration"
            )
        }
        guard KeptAddresses.Entry.canHold(entry.key), KeptAddresses.Entry.canHold(entry.note) else {
            throw PoolFailure("keys and notes are one line of text without control characters")
        }
        guard configurations.isEmpty || poolRuns.isEmpty || holds(entry.run) else {
            throw PoolFailure(
                "\(entry.run) is not all in the pools of network \(name)",
                advice: "the pools are \(poolRuns.runs.map { "\($0)" }.joined(separator: ", "))"
            )
        }
        for configuration in configurations {
            for other in configuration.pools.rules.reservations.entries where other.identity != entry.key {
                guard let address = other.addresses.first(where: { entry.run.contains($0) }) else { continue }
                throw PoolFailure(
                    "\(address) is reserved for \(other.identity) by ipam.reserve of \(configuration.file)",
                    advice: "leave it out, or change the configuration"
                )
            }
        }
    }

    /// Ends reservations that were made by ``reserve(_:for:note:_:)``.
    ///
    /// - Returns: of how many addresses.
    /// - Throws: ``PoolFailure``; then the same call ends the rest.
    package func unreserve(_ run: AddressRun, _ settings: Settings) throws(PoolFailure) -> Int {
        try changing(settings, "end reservations") { ledger throws(PoolFailure) in
            try store("end reservations") { () throws(KernelError) in try ledger.endReservations(run) }
        } ?? 0
    }
}
