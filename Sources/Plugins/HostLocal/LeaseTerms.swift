// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
internal import CNI
package import LeaseStore
internal import Plugin

/// What decides who gets which address: the configuration, and what operators said since.
struct LeaseTerms {
    let rules: PoolRules
    /// What the container is known by, for whom something is reserved; nil when nothing can be.
    let identity: String?
    /// What operators keep for this container.
    let claimed: AddressSet

    /// Of an address that both keep, the configuration decides.
    init(_ configuration: HostLocalConfiguration, _ kept: KeptAddresses, _ request: Request) throws(CNIError) {
        let reserved = kept.reserved
        guard !reserved.isEmpty else {
            (rules, identity, claimed) = (configuration.rules, configuration.identity, AddressSet())
            return
        }
        let rules: PoolRules
        do throws(PoolError) {
            rules = try configuration.rules.keeping(kept)
        } catch {
            throw CNIError(.storeUnusable, "\(error)", details: "see ipam check")
        }
        self.rules = rules
        identity = try ContainerIdentity.name(for: request, rules.reservations) ?? configuration.identity
        claimed = AddressSet(rules.reservations.addresses(of: identity))
    }
}

extension PoolRules {
    /// These rules, and what operators keep; of an address that both keep, these decide.
    package func keeping(_ kept: KeptAddresses) throws(PoolError) -> PoolRules {
        var entries = reservations.entries
        for entry in kept.entries where entry.purpose == .reserved && !entry.key.isEmpty {
            let addresses = entry.run.addresses(limit: KeptAddresses.largestRunForSomebody)
            let ours = addresses.filter { !reservations.addresses.contains($0) }
            entries.append(AddressReservations.Entry(identity: entry.key, addresses: ours))
        }
        var rules = self
        rules.reservations = try AddressReservations(entries, withheld: kept.reserved.union(reservations.withheld))
        return rules
    }
}

extension AddressRun {
    /// The lowest addresses, one by one.
    fileprivate func addresses(limit: Int) -> [IPAddress] {
        var addresses: [IPAddress] = []
        var next: IPAddress? = first
        while let address = next, address <= last, addresses.count < limit {
            addresses.append(address)
            next = address.advanced(by: 1)
        }
        return addresses
    }
}
