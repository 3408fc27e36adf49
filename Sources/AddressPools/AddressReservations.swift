// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Addresses that a configuration keeps for somebody, by identity.
///
/// An identity is whatever the configuration says containers are known by: a pod, a name, a hardware address. Ranges
/// are not asked: a list that is the same on every node may name addresses of all nodes.
package struct AddressReservations: Hashable, Sendable {
    /// One identity and its addresses.
    package struct Entry: Hashable, Sendable {
        package let identity: String
        /// In the order in which they are given; the first of each range set is preferred.
        package let addresses: [IPAddress]

        package init(identity: String, addresses: [IPAddress]) {
            self.identity = identity
            self.addresses = addresses
        }
    }

    /// In the order of the configuration.
    package let entries: [Entry]
    /// What is kept, and for no container.
    package let withheld: AddressSet
    /// Everybody's addresses, and nobody's.
    package let addresses: AddressSet

    /// Nothing is kept for anybody.
    package init() {
        entries = []
        withheld = AddressSet()
        addresses = AddressSet()
    }

    /// - Parameters:
    ///   - entries: what is kept for whom.
    ///   - withheld: what is kept besides.
    /// - Throws: when two identities are to have one address, naming all three.
    package init(_ entries: [Entry], withheld: AddressSet = AddressSet()) throws(PoolError) {
        var owners: [IPAddress: String] = [:]
        for entry in entries {
            for address in entry.addresses {
                if let other = owners.updateValue(entry.identity, forKey: address), other != entry.identity {
                    throw PoolError("\(address) is reserved for both \"\(other)\" and \"\(entry.identity)\"")
                }
            }
        }
        self.entries = entries
        let kept = AddressSet(owners.keys)
        self.withheld = withheld.subtracting(kept)
        addresses = kept.union(withheld)
    }

    /// What is kept for an identity; nothing for nobody.
    package func addresses(of identity: String?) -> [IPAddress] {
        guard let identity else { return [] }
        return entries.filter { $0.identity == identity }.flatMap { $0.addresses }
    }

    /// Whom an address is kept for; nil also when for nobody.
    package func identity(of address: IPAddress) -> String? {
        guard addresses.contains(address) else { return nil }
        return entries.first { $0.addresses.contains(address) }?.identity
    }
}
