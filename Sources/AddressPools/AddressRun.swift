// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Neighbouring addresses of one family without a gap, both ends included.
package struct AddressRun: Hashable, Sendable {
    /// The lowest address.
    package let first: IPAddress
    /// The highest address; of the same family, and never below `first`.
    package let last: IPAddress

    /// Takes both ends; nil when their families differ or they are the wrong way round.
    package init?(first: IPAddress, last: IPAddress) {
        guard first.family == last.family, first <= last else { return nil }
        self.first = first
        self.last = last
    }

    /// A run of one address.
    package init(_ address: IPAddress) {
        first = address
        last = address
    }

    /// All addresses of a network, its first and its last included.
    package init(_ network: CIDR) {
        first = network.first
        last = network.last
    }

    /// Whether the address lies between the ends; never across families.
    package func contains(_ address: IPAddress) -> Bool {
        first <= address && address <= last
    }

    /// What both runs have in common, or nil when that is nothing.
    package func intersection(_ other: AddressRun) -> AddressRun? {
        AddressRun(first: max(first, other.first), last: min(last, other.last))
    }

    /// How many addresses there are; all 2^128 of IPv6 are given as one less.
    package var count: UInt128 {
        let distance = last.value - first.value
        return distance == .max ? .max : distance + 1
    }
}

extension AddressRun: CustomStringConvertible {
    /// The ends with a dash between (`10.1.2.1-10.1.2.254`), or the only address.
    package var description: String {
        first == last ? "\(first)" : "\(first)-\(last)"
    }
}
