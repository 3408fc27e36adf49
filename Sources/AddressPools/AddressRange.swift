// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// The addresses from `first` to `last` of one subnet, both included.
package struct AddressRange: Hashable, Sendable {
    /// The network the addresses belong to; its prefix length is handed out with them.
    package let subnet: CIDR
    /// The lowest address of the range.
    package let first: IPAddress
    /// The highest address of the range; never below `first`.
    package let last: IPAddress
    /// The router of the subnet, which is never handed out; it may lie outside the range and even the subnet.
    package let gateway: IPAddress
    /// The router is reached on the link itself, although it may lie outside the subnet.
    package let isGatewayOnLink: Bool

    /// Fills in what was left out and refuses what cannot be meant.
    ///
    /// The gateway and the start default to the address after the network address. The end defaults to the address
    /// before the broadcast address, or for IPv6 to the last address. A start at the network address or an end at the
    /// broadcast address has to be written out, and is then obeyed as host-local obeys it.
    ///
    /// - Throws: when the subnet has host bits set or fewer than four addresses, when an end lies outside of it, when
    ///   the start lies behind the end, or when a router on the link is of the other family.
    package init(
        subnet: CIDR,
        rangeStart: IPAddress? = nil,
        rangeEnd: IPAddress? = nil,
        gateway: IPAddress? = nil,
        isGatewayOnLink: Bool = false
    ) throws(PoolError) {
        guard subnet.prefixLength <= subnet.family.bitWidth - 2, let second = subnet.first.advanced(by: 1),
            let secondLast = subnet.last.advanced(by: -1)
        else { throw PoolError("Network \(subnet) too small to allocate from") }
        guard !subnet.hasHostBits else {
            throw PoolError("Network has host bits set: \(subnet) lies in the network \(subnet.network)")
        }
        let first = rangeStart ?? second
        let last = rangeEnd ?? (subnet.family == .v4 ? secondLast : subnet.last)
        guard subnet.contains(first) else { throw PoolError("RangeStart \(first) not in network \(subnet)") }
        guard subnet.contains(last) else { throw PoolError("RangeEnd \(last) not in network \(subnet)") }
        guard first <= last else {
            // Blames the end that was written, and the start when both were.
            throw rangeStart == nil
                ? PoolError("RangeEnd \(last) not in network \(subnet) from RangeStart \(first)")
                : PoolError("RangeStart \(first) not in network \(subnet) up to RangeEnd \(last)")
        }
        if isGatewayOnLink, let gateway, gateway.family != subnet.family {
            throw PoolError("gateway \(gateway) cannot be on the link of \(subnet): it is of the other family")
        }
        self.subnet = subnet
        self.first = first
        self.last = last
        self.gateway = gateway ?? second
        self.isGatewayOnLink = isGatewayOnLink
    }

    /// Whether the address lies between the ends of the range; true for a gateway that lies there.
    package func contains(_ address: IPAddress) -> Bool {
        first <= address && address <= last
    }

    /// Whether an address lies in both ranges; two ranges of one subnet need not overlap.
    package func overlaps(_ other: AddressRange) -> Bool {
        first <= other.last && other.first <= last
    }
}

extension AddressRange: CustomStringConvertible {
    /// The ends with a dash between: `10.1.2.1-10.1.2.254`.
    package var description: String {
        "\(first)-\(last)"
    }
}
