// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing
internal import HostLocal
internal import LeaseStore
internal import Linux
package import Plugin
internal import Wiring

extension PoolNetwork {
    /// What the network knows of an address.
    ///
    /// - Throws: ``PoolFailure``.
    package func report(on address: IPAddress, _ settings: Settings) throws(PoolFailure) -> AddressReport {
        let (record, kept) =
            try reading(settings) { ledger throws(KernelError) in
                (try ledger.lease(of: address), try ledger.keptAddresses().entry(of: address))
            } ?? (nil, nil)
        return report(on: address, record, kept, settings)
    }

    /// What the network knows of the containers whose ids begin so, in the order of addresses; at most a thousand.
    ///
    /// - Throws: ``PoolFailure``.
    package func reports(
        onContainer prefix: String,
        _ settings: Settings
    ) throws(PoolFailure) -> [AddressReport] {
        let (records, kept) =
            try reading(settings) { ledger throws(KernelError) in
                (
                    try ledger.leases(ofContainersBeginningWith: prefix, atMost: 1000),
                    try ledger.keptAddresses()
                )
            } ?? ([], KeptAddresses())
        let leases = records.filter { $0.hasFile && $0.hasOwner }.sorted { $0.address < $1.address }
        return leases.map { report(on: $0.address, $0, kept.entry(of: $0.address), settings) }
    }

    private func report(
        on address: IPAddress,
        _ record: LeaseRecord?,
        _ kept: KeptAddresses.Entry?,
        _ settings: Settings
    ) -> AddressReport {
        let interface = record.flatMap { $0.hasFile ? hostInterface(of: $0.owner, settings) : nil }
        return AddressReport(
            network: self,
            address: address,
            record: record,
            hostInterface: interface ?? "",
            kept: kept
        )
    }

    /// As the attachment record of the owner has it, if we connected it.
    private func hostInterface(of owner: LeaseOwner, _ settings: Settings) -> String? {
        guard !owner.interfaceName.isEmpty else { return nil }
        let key = AttachmentKey(network: name, containerID: owner.containerID, interfaceName: owner.interfaceName)
        do throws(KernelError) {
            return try AttachmentStore(root: settings.runDirectory).record(of: key)?.hostInterface
        } catch {
            return nil
        }
    }

    /// One range set, and the addresses that would be given from it next.
    package struct Upcoming: Hashable, Sendable {
        package let configuration: PoolConfiguration
        /// The place of the set in the configuration.
        package let rangeSet: Int
        package let choices: [PoolChoice]
    }

    /// The addresses that containers without a name of their own would get next, if nothing else happened.
    ///
    /// - Parameters:
    ///   - count: how many from each range set; there may be fewer.
    ///   - settings: where the index is, and how long to wait for the lock.
    /// - Returns: all range sets in the order of the configurations.
    /// - Throws: ``PoolFailure``.
    package func upcoming(_ count: Int, _ settings: Settings) throws(PoolFailure) -> [Upcoming] {
        var upcoming: [Upcoming] = []
        for configuration in configurations {
            for number in configuration.pools.rangeSets.indices {
                let choices = try choices(count, configuration.pools, number, settings)
                upcoming.append(Upcoming(configuration: configuration, rangeSet: number, choices: choices))
            }
        }
        return upcoming
    }

    private func choices(
        _ count: Int,
        _ pools: ConfiguredPools,
        _ number: Int,
        _ settings: Settings
    ) throws(PoolFailure) -> [PoolChoice] {
        let set = pools.rangeSets[number]
        do throws(KernelError) {
            let ledger: LeaseLedger
            do throws(KernelError) {
                ledger = try LeaseLedger(
                    reading: directory,
                    runDirectory: settings.runDirectory,
                    waitingAtMost: settings.lockBound
                )
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                return PoolSelection.first(count, of: set, by: pools.rules)
            }
            return try ledger.upcoming(count, from: set, by: pools.rules, rangeSet: number)
        } catch {
            throw PoolFailure(error, reading: self)
        }
    }
}

extension PoolSelection {
    /// The addresses that an unused set gives first.
    fileprivate static func first(_ count: Int, of set: RangeSet, by rules: PoolRules) -> [PoolChoice] {
        var selection = PoolSelection(from: set, by: rules)
        var taken = Unused()
        var choices: [PoolChoice] = []
        while choices.count < count, case .success(let choice) = selection.choose(in: taken) {
            choices.append(choice)
            selection.last = choice.address
            taken.addresses.insert(choice.address)
        }
        return choices
    }
}

/// The ledger of a network that never had a lease.
private struct Unused: PoolLedger {
    typealias Failure = Never

    var addresses = AddressSet()

    func run(startingAtOrBefore address: IPAddress) -> AddressRun? { addresses.run(startingAtOrBefore: address) }

    func run(startingAfter address: IPAddress) -> AddressRun? { addresses.run(startingAfter: address) }

    func isLeased(_ address: IPAddress) -> Bool { addresses.contains(address) }

    func resting(_ family: AddressFamily, after previous: RestingAddress?) -> RestingAddress? { nil }
}
