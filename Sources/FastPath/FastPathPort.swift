// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// A bridge's port whose container may use the shortcut, as it was decided when the container was attached.
package struct FastPathPort: Hashable, Sendable {
    /// The number of the host's end.
    package let link: UInt32
    /// The number of the bridge.
    package let bridge: UInt32
    /// The VLAN that untagged frames belong to; 0 where the bridge was given none.
    package let vlan: UInt16
    /// The one source of frames.
    package let address: MACAddress
    /// The sources of packets, at most four of each family; nil is any.
    ///
    /// Packets from any other source are left to the bridge.
    package let addresses: [IPAddress]?
    /// Whether it may not talk to other isolated ports.
    package let isIsolated: Bool
    /// Whether it is certain that frames of a bridge do not go through IP's rules, whatever rules there are.
    ///
    /// That is so when br_netfilter is there and switched off (`bridge-nf-call-iptables`, `-ip6tables` and `-arptables`
    /// are 0). If this is false, the program looks for such rules itself, and takes no shortcut when there are any.
    package let ignoresFilterOfIP: Bool

    package init(
        link: UInt32,
        bridge: UInt32,
        vlan: UInt16 = 0,
        address: MACAddress,
        addresses: [IPAddress]? = nil,
        isIsolated: Bool = false,
        ignoresFilterOfIP: Bool = false
    ) {
        self.link = link
        self.bridge = bridge
        self.vlan = vlan
        self.address = address
        self.addresses = addresses
        self.isIsolated = isIsolated
        self.ignoresFilterOfIP = ignoresFilterOfIP
    }

    /// The most addresses of one family.
    static let mostAddresses = 4
    /// How many octets an entry has: those of `struct port` in Shortcut.c.
    static let size = 96

    /// As the program reads it; nil if there are more addresses than it knows room for.
    var octets: [UInt8]? {
        let addresses4 = addresses?.filter { $0.family == .v4 } ?? []
        let addresses6 = addresses?.filter { $0.family == .v6 } ?? []
        guard max(addresses4.count, addresses6.count) <= FastPathPort.mostAddresses else { return nil }
        var flags: UInt16 = 1 << 3
        if addresses != nil { flags |= 1 << 0 }
        if isIsolated { flags |= 1 << 1 }
        if ignoresFilterOfIP { flags |= 1 << 2 }
        var octets: [UInt8] = []
        octets.reserveCapacity(FastPathPort.size)
        octets.append(number: bridge)
        octets.append(number: vlan)
        octets.append(number: flags)
        octets += address.octets
        octets += [UInt8(addresses4.count), UInt8(addresses6.count)]
        for address in addresses4 { octets += address.octets }
        octets += [UInt8](repeating: 0, count: 32 - octets.count)
        for address in addresses6 { octets += address.octets }
        octets += [UInt8](repeating: 0, count: FastPathPort.size - octets.count)
        return octets
    }

    /// What `octets` wrote for a link.
    init?(link: UInt32, _ octets: ArraySlice<UInt8>) {
        let octets = Array(octets)
        guard octets.count >= FastPathPort.size, let address = MACAddress(octets: octets[8..<14]) else { return nil }
        let flags: UInt16 = octets.number(at: 6)
        var addresses: [IPAddress] = []
        for index in 0..<min(Int(octets[14]), FastPathPort.mostAddresses) {
            if let address = IPAddress(octets: octets[(16 + 4 * index)..<(20 + 4 * index)]) {
                addresses.append(address)
            }
        }
        for index in 0..<min(Int(octets[15]), FastPathPort.mostAddresses) {
            if let address = IPAddress(octets: octets[(32 + 16 * index)..<(48 + 16 * index)]) {
                addresses.append(address)
            }
        }
        self.init(
            link: link,
            bridge: octets.number(at: 0),
            vlan: octets.number(at: 4),
            address: address,
            addresses: flags & 1 << 0 != 0 ? addresses : nil,
            isIsolated: flags & 1 << 1 != 0,
            ignoresFilterOfIP: flags & 1 << 2 != 0
        )
    }
}

extension [UInt8] {
    /// Adds a number as the machine has it.
    mutating func append<Number: FixedWidthInteger>(number: Number) {
        for index in 0..<(Number.bitWidth / 8) { append(UInt8(truncatingIfNeeded: number.littleEndian >> (8 * index))) }
    }

    /// The number at an offset, as the machine has it; 0 beyond the end.
    func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
        let size = Number.bitWidth / 8
        guard offset >= 0, offset + size <= count else { return 0 }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }

    /// Puts a number at an offset.
    mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: number, toByteOffset: offset, as: Number.self) }
    }
}
