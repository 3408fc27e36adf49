// SPDX-License-Identifier: Apache-2.0

/// An address together with the length of its network prefix; host bits are kept.
///
/// The same type serves for an interface address (`10.1.2.3/24`) and a network (`10.1.2.0/24`): ask `hasHostBits`
/// or take `network` where only the latter will do.
public struct CIDR: Hashable, Sendable {
    /// The address as it was written.
    public let address: IPAddress
    /// How many leading bits name the network: 0 to 32 or 128.
    public let prefixLength: Int

    private init(_ address: IPAddress, _ prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Puts an address and a prefix length together; nil when the length is negative or longer than the address.
    public init?(address: IPAddress, prefixLength: Int) {
        guard (0...address.family.bitWidth).contains(prefixLength) else { return nil }
        self.init(address, prefixLength)
    }

    /// The network of this one address: `/32` or `/128`.
    public static func host(_ address: IPAddress) -> CIDR {
        CIDR(address, address.family.bitWidth)
    }

    /// The family of the address.
    public var family: AddressFamily {
        address.family
    }

    /// The network the address lies in: the same with all host bits cleared.
    public var network: CIDR {
        CIDR(first, prefixLength)
    }

    /// Whether this names an address within a network rather than the network itself.
    public var hasHostBits: Bool {
        address.value & hostMask != 0
    }

    /// The lowest address of the network, the network address.
    public var first: IPAddress {
        IPAddress(family: family, value: address.value & ~hostMask)
    }

    /// The highest address of the network: all host bits set.
    public var last: IPAddress {
        IPAddress(family: family, value: address.value | hostMask)
    }

    /// The address that reaches all hosts of the network; nil for IPv6, which has none, and for IPv4 networks
    /// of one or two addresses (RFC 3021, 2.2).
    public var broadcast: IPAddress? {
        family == .v4 && prefixLength < 31 ? last : nil
    }

    /// Whether this is `0.0.0.0/0` or `::/0`, the destination of a default route.
    public var isDefaultRoute: Bool {
        prefixLength == 0 && address.isUnspecified
    }

    /// Whether the address lies in this network; never across families.
    public func contains(_ address: IPAddress) -> Bool {
        family == address.family && (self.address.value ^ address.value) & ~hostMask == 0
    }

    /// Whether all of the other network lies in this one.
    public func contains(_ other: CIDR) -> Bool {
        prefixLength <= other.prefixLength && contains(other.address)
    }

    /// Whether the networks have an address in common; one of them then contains the other.
    public func overlaps(_ other: CIDR) -> Bool {
        contains(other) || other.contains(self)
    }

    private var hostMask: UInt128 {
        family.allOnes >> prefixLength
    }
}

extension CIDR: CustomStringConvertible {
    /// The address, a slash and the prefix length: `10.1.2.3/24`.
    public var description: String {
        "\(address)/\(prefixLength)"
    }

    /// Reads what Go's `net.ParseCIDR` reads, host bits kept.
    ///
    /// Stricter than Go in one point: a prefix length with leading zeros (`/024`) is refused, as Go's newer
    /// `netip.ParsePrefix` does. The prefix of an IPv4-mapped address counts from the first bit of the IPv6 text,
    /// so that `::ffff:10.0.0.0/104` is `10.0.0.0/8`; below 96 it means no IPv4 network and is refused.
    public init?(_ text: String) {
        let bytes = text.utf8.span
        guard let slash = bytes.indices.first(where: { bytes[$0] == ASCII.slash }),
            let (value, family) = IPAddress.parse(bytes.extracting(0..<slash)),
            let length = Self.parseLength(bytes.extracting(slash + 1..<bytes.count))
        else { return nil }
        switch family {
        case .v4:
            self.init(address: IPAddress(family: .v4, value: value), prefixLength: length)
        case .v6:
            let address = IPAddress(v6: value)
            self.init(address: address, prefixLength: length - (family.bitWidth - address.family.bitWidth))
        }
    }

    /// Reads one to three decimal digits without sign and without leading zeros.
    private static func parseLength(_ bytes: Span<UInt8>) -> Int? {
        guard (1...3).contains(bytes.count), bytes.count == 1 || bytes[0] != ASCII.zero else { return nil }
        var length = 0
        for index in bytes.indices {
            guard let digit = bytes[index].decimalDigit else { return nil }
            length = length * 10 + Int(digit)
        }
        return length
    }
}
