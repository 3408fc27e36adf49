// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The checksum of IPv4, ICMP, TCP and UDP: the complement of a sum in ones' complement (RFC 1071).
///
/// A value adds up what it is given; pieces may come in any order as long as each but the last has an even length.
public struct InternetChecksum: Hashable, Sendable {
    private var sum: UInt64 = 0

    /// Nothing has been added yet.
    public init() {}

    /// Adds octets; one left over at the end counts as if a zero followed.
    public mutating func add(_ bytes: Span<UInt8>) {
        var index = 0
        while index + 4 <= bytes.count {
            sum += UInt64(bytes.bigEndian32(at: index))
            index += 4
        }
        if index + 2 <= bytes.count {
            sum += UInt64(bytes.bigEndian16(at: index))
            index += 2
        }
        if index < bytes.count { sum += UInt64(bytes[index]) << 8 }
    }

    /// Adds a number of two octets.
    public mutating func add(_ number: UInt16) {
        sum += UInt64(number)
    }

    /// Adds what TCP, UDP and ICMPv6 count besides their own octets (RFC 9293, 3.1; RFC 8200, 8.1).
    ///
    /// - Parameters:
    ///   - source: the sender of the packet; of the same family as `destination`.
    ///   - destination: who the packet is for; with a routing header, who it is for in the end.
    ///   - protocolNumber: 6 for TCP, 17 for UDP, 58 for ICMPv6.
    ///   - length: of the segment with its header, in octets.
    public mutating func addPseudoHeader(
        source: IPAddress,
        destination: IPAddress,
        protocolNumber: UInt8,
        length: Int
    ) {
        for address in [source, destination] {
            var shift = 112
            while shift >= 0 {
                sum += UInt64(UInt16(truncatingIfNeeded: address.value >> shift))
                shift -= 16
            }
        }
        sum += UInt64(protocolNumber) + UInt64(UInt32(truncatingIfNeeded: length))
    }

    /// What to write into the field, or 0 when a right checksum was among what was added.
    public var value: UInt16 {
        var folded = sum
        while folded > 0xffff { folded = folded & 0xffff + folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded)
    }

    /// The checksum of octets that stand alone, such as the header of IPv4.
    public static func of(_ bytes: Span<UInt8>) -> UInt16 {
        var checksum = InternetChecksum()
        checksum.add(bytes)
        return checksum.value
    }

    /// The checksum after one aligned pair of octets became another, without a look at the rest.
    ///
    /// Equation 3 of RFC 1624: the older one of RFC 1141 gets 0xffff where 0 is right.
    public static func updated(_ checksum: UInt16, from old: UInt16, to new: UInt16) -> UInt16 {
        var sum = UInt32(~checksum) + UInt32(~old) + UInt32(new)
        sum = sum & 0xffff + sum >> 16
        sum = sum & 0xffff + sum >> 16
        return ~UInt16(truncatingIfNeeded: sum)
    }
}

extension [UInt8] {
    /// Appends a number in network order.
    mutating func appendBigEndian<Number: FixedWidthInteger>(_ number: Number) {
        var shift = Number.bitWidth
        while shift > 0 {
            shift -= 8
            append(UInt8(truncatingIfNeeded: number >> Number(shift)))
        }
    }

    /// Appends the four or sixteen octets that an address has on the wire of IPv4 or IPv6.
    ///
    /// A mapped address in a packet of IPv6 is ``IPAddress`` of IPv4, and is written out again as it came.
    mutating func append(_ address: IPAddress, of family: AddressFamily) {
        switch family {
        case .v4: appendBigEndian(UInt32(truncatingIfNeeded: address.value))
        case .v6: appendBigEndian(address.family == .v4 ? address.value | 0xffff << 32 : address.value)
        }
    }
}
