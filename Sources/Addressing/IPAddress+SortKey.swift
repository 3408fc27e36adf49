// SPDX-License-Identifier: Apache-2.0

extension IPAddress {
    /// The address as 5 or 17 octets whose order, octet by octet, is that of addresses.
    ///
    /// For the key of a table: the family's number (4 or 6), then the octets in network order. Unlike `octets` it can
    /// be read back for every address, also for one in the IPv4-mapped block of IPv6 that was reached by counting.
    public var sortKey: [UInt8] {
        [family == .v4 ? 4 : 6] + octets
    }

    /// Reads what `sortKey` gives; nil for anything else.
    public init?(sortKey: [UInt8]) {
        let family: AddressFamily
        switch (sortKey.first, sortKey.count) {
        case (4, 5): family = .v4
        case (6, 17): family = .v6
        default: return nil
        }
        self.init(family: family, value: sortKey.dropFirst().reduce(0) { $0 << 8 | UInt128($1) })
    }
}
