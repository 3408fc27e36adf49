// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Whom the shortcut leads to: a container on a bridge, by its hardware address.
package struct FastPathStation: Hashable, Sendable {
    /// The number of the bridge.
    package let bridge: UInt32
    /// The VLAN of its port; 0 where the bridge was given none.
    package let vlan: UInt16
    package let address: MACAddress
    /// The number of the host's end of its link.
    package let link: UInt32
    /// Whether it may not be reached from other isolated ports.
    package let isIsolated: Bool

    package init(bridge: UInt32, vlan: UInt16 = 0, address: MACAddress, link: UInt32, isIsolated: Bool = false) {
        self.bridge = bridge
        self.vlan = vlan
        self.address = address
        self.link = link
        self.isIsolated = isIsolated
    }

    /// The station that a port's own container is.
    package init(_ port: FastPathPort) {
        self.init(
            bridge: port.bridge,
            vlan: port.vlan,
            address: port.address,
            link: port.link,
            isIsolated: port.isIsolated
        )
    }

    /// How many octets a key and an entry have; see Shortcut.c.
    static let keySize = 12
    static let size = 8

    var key: [UInt8] {
        var octets: [UInt8] = []
        octets.append(number: bridge)
        octets.append(number: vlan)
        return octets + address.octets
    }

    var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.append(number: link)
        octets.append(number: UInt32(isIsolated ? 1 << 1 : 0))
        return octets
    }

    init?(key: [UInt8], _ octets: ArraySlice<UInt8>) {
        let octets = Array(octets)
        guard octets.count >= FastPathStation.size, key.count == FastPathStation.keySize,
            let address = MACAddress(octets: key[6..<12])
        else { return nil }
        let flags: UInt32 = octets.number(at: 4)
        self.init(
            bridge: key.number(at: 0),
            vlan: key.number(at: 4),
            address: address,
            link: octets.number(at: 0),
            isIsolated: flags & 1 << 1 != 0
        )
    }
}
