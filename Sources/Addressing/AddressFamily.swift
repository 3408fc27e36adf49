// SPDX-License-Identifier: Apache-2.0

/// Which of the two internet protocols an address belongs to.
public enum AddressFamily: Hashable, Sendable {
    case v4
    case v6

    /// The length of an address in bits: 32 or 128.
    public var bitWidth: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The name for messages: `IPv4` or `IPv6`.
    public var name: String {
        switch self {
        case .v4: "IPv4"
        case .v6: "IPv6"
        }
    }

    /// The address whose bits are all set, as a number; also the mask of a whole address.
    var allOnes: UInt128 {
        switch self {
        case .v4: UInt128(UInt32.max)
        case .v6: .max
        }
    }
}
