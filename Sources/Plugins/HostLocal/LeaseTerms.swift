// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CNI
internal import LeaseStore
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
        let configured = configuration.rules.reservations
        var entries = configured.entries
        for entry in kept.entries where entry.purpose == .reserved && !entry.key.isEmpty {
            let addresses = entry.run.addresses(limit: LeaseTerms.limit).filter { !configured.addresses.contains($0) }
            entries.append(AddressReservations.Entry(identity: entry.key, addresses: addresses))
        }
        var rules = configuration.rules
        do throws(PoolError) {
            rules.reservations = try AddressReservations(entries, withheld: reserved.union(configured.withheld))
        } catch {
            throw CNIError(.storeUnusable, "\(error)", details: "see ipam check")
        }
        self.rules = rules
        identity = try ContainerIdentity.name(for: request, rules.reservations) ?? configuration.identity
        claimed = AddressSet(rules.reservations.addresses(of: identity))
    }

    /// So many addresses of one reservation for somebody are looked at.
    private static let limit = 256
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
