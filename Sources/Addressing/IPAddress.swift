// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address, without zone and without prefix length.
///
/// IPv4-mapped IPv6 addresses (`::ffff:10.0.0.1`; RFC 4291, 2.5.5.2) become IPv4 wherever one is read or made
/// from a number, so that an address has one spelling and one value.
public struct IPAddress: Hashable, Sendable {
    /// The family, which also tells how many bits of `value` count.
    public let family: AddressFamily
    /// The address as a number, its last octet in the least significant place; below 2^32 for IPv4.
    public let value: UInt128

    /// Takes the number as it is; the caller vouches that it fits the family.
    init(family: AddressFamily, value: UInt128) {
        self.family = family
        self.value = value
    }

    /// Makes an IPv4 address from its number: `0x0a00_0001` is `10.0.0.1`.
    public init(v4 value: UInt32) {
        self.init(family: .v4, value: UInt128(value))
    }

    /// Makes an IPv6 address from its number, or an IPv4 address when the number is that of a mapped one.
    public init(v6 value: UInt128) {
        let isMapped = value >> 32 == 0xffff
        self.init(family: isMapped ? .v4 : .v6, value: isMapped ? value & 0xffff_ffff : value)
    }

    /// Takes 4 or 16 octets in network order; nil for any other number of them.
    public init?(octets: ArraySlice<UInt8>) {
        guard octets.count <= 16 else { return nil }
        var value: UInt128 = 0
        for octet in octets { value = value << 8 | UInt128(octet) }
        switch octets.count {
        case 4: self.init(family: .v4, value: value)
        case 16: self.init(v6: value)
        default: return nil
        }
    }

    /// Takes 4 or 16 octets in network order; nil for any other number of them.
    public init?(octets: [UInt8]) {
        self.init(octets: octets[...])
    }

    /// The 4 or 16 octets in network order.
    public var octets: [UInt8] {
        var octets: [UInt8] = []
        var shift = family.bitWidth
        while shift > 0 {
            shift -= 8
            octets.append(UInt8(truncatingIfNeeded: value >> shift))
        }
        return octets
    }

    /// Whether this is `0.0.0.0` or `::`.
    public var isUnspecified: Bool {
        value == 0
    }

    /// Whether packets to this address never leave the host: `127.0.0.0/8` (RFC 1122, 3.2.1.3) or `::1`.
    public var isLoopback: Bool {
        switch family {
        case .v4: value >> 24 == 127
        case .v6: value == 1
        }
    }

    /// Whether this names a group of hosts: `224.0.0.0/4` (RFC 1112, 4) or `ff00::/8` (RFC 4291, 2.7).
    public var isMulticast: Bool {
        switch family {
        case .v4: value >> 28 == 0xe
        case .v6: value >> 120 == 0xff
        }
    }

    /// Whether this is valid on one link only: `169.254.0.0/16` (RFC 3927, 2.1) or `fe80::/10` (RFC 4291, 2.5.6).
    public var isLinkLocalUnicast: Bool {
        switch family {
        case .v4: value >> 16 == 0xa9fe
        case .v6: value >> 118 == 0xfe80 >> 6
        }
    }

    /// The address that a host makes for itself on a link (RFC 4291, appendix A), in `fe80::/64`.
    public static func linkLocal(of address: MACAddress) -> IPAddress {
        let upper = UInt128(address.value >> 24 ^ 0x02_0000) << 40
        return IPAddress(v6: 0xfe80 << 112 | upper | 0xff_fe00_0000 | UInt128(address.value & 0xff_ffff))
    }

    /// The address `offset` places further on, or back when negative; nil past either end of the family.
    ///
    /// The family never changes: a step into the IPv4-mapped block of IPv6 stays an IPv6 address.
    public func advanced(by offset: Int) -> IPAddress? {
        let distance = UInt128(offset.magnitude)
        if offset < 0 {
            guard distance <= value else { return nil }
            return IPAddress(family: family, value: value - distance)
        }
        return advanced(by: distance)
    }

    /// The address `distance` places further on; nil past the end of the family.
    public func advanced(by distance: UInt128) -> IPAddress? {
        guard distance <= family.allOnes - value else { return nil }
        return IPAddress(family: family, value: value + distance)
    }
}

extension IPAddress: Comparable {
    /// All of IPv4 comes before all of IPv6; within a family the numbers decide.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.family == right.family ? left.value < right.value : left.family == .v4
    }
}
