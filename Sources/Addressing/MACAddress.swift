// SPDX-License-Identifier: Apache-2.0

/// A 48-bit Ethernet address.
public struct MACAddress: Hashable, Sendable {
    /// The six octets as a number, the first octet sent on the wire in the most significant place.
    public let value: UInt64

    /// Takes the low 48 bits of a number, the first octet sent in the most significant place of them.
    public init(value: UInt64) {
        self.value = value & 0xffff_ffff_ffff
    }

    /// Takes six octets in the order they are sent; nil for any other number of them.
    public init?(octets: ArraySlice<UInt8>) {
        guard octets.count == 6 else { return nil }
        var value: UInt64 = 0
        for octet in octets { value = value << 8 | UInt64(octet) }
        self.init(value: value)
    }

    /// Takes exactly six octets in the order they are sent; nil for any other number of them.
    public init?(octets: [UInt8]) {
        self.init(octets: octets[...])
    }

    /// The address `00:00:00:00:00:00`, which no station has.
    public static let zero = MACAddress(value: 0)

    /// The six octets in the order they are sent.
    public var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(6)
        for index in 0..<6 { octets.append(octet(index)) }
        return octets
    }

    /// Whether this is `00:00:00:00:00:00`.
    public var isZero: Bool {
        value == 0
    }

    /// Whether frames to this address are meant for several stations; includes broadcast.
    ///
    /// The group bit is the least significant one of the first octet (IEEE 802, 8.2).
    public var isMulticast: Bool {
        octet(0) & 0b01 != 0
    }

    /// Makes an address that cannot collide with a manufacturer's and names one station.
    ///
    /// Sets the local bit and clears the group bit of the first octet (IEEE 802, 8.2); everything else stays.
    ///
    /// - Returns: nil unless there are exactly six octets.
    public static func locallyAdministered(_ octets: [UInt8]) -> MACAddress? {
        guard let address = MACAddress(octets: octets) else { return nil }
        return MACAddress(value: address.value & ~(0b01 << 40) | 0b10 << 40)
    }

    private func octet(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: value >> (40 - 8 * index))
    }
}

extension MACAddress: CustomStringConvertible {
    /// Lower case, two digits per octet, colons between: `02:00:5e:10:00:0a`.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(17)
        for index in 0..<6 {
            if index > 0 { text.append(ASCII.colon) }
            text.appendHexadecimalDigit(octet(index) >> 4)
            text.appendHexadecimalDigit(octet(index))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads `02:00:5e:10:00:0a`, `02-00-5e-10-00-0a` or `0200.5e10.000a`, in either case.
    ///
    /// These are the notations Go's `net.ParseMAC` knows; the longer addresses it knows too (EUI-64, InfiniBand)
    /// are refused, for no link we make has one.
    public init?(_ text: String) {
        let bytes = text.utf8.span
        switch bytes.count {
        case 17 where bytes[2] == ASCII.colon || bytes[2] == ASCII.dash:
            self.init(bytes, groupOf: 2, separator: bytes[2])
        case 14:
            self.init(bytes, groupOf: 4, separator: ASCII.dot)
        default:
            return nil
        }
    }

    /// Reads groups of `digits` hexadecimal digits; the caller vouches that the length of the text fits.
    private init?(_ bytes: Span<UInt8>, groupOf digits: Int, separator: UInt8) {
        var value: UInt64 = 0
        for index in bytes.indices {
            if index % (digits + 1) == digits {
                guard bytes[index] == separator else { return nil }
            } else {
                guard let digit = bytes[index].hexadecimalDigit else { return nil }
                value = value << 4 | UInt64(digit)
            }
        }
        self.init(value: value)
    }
}
