// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// A frame to ask about: as little as is needed for every rule to have something to look at.
package struct FrameSketch: Hashable, Sendable {
    package var source: MACAddress
    package var destination: MACAddress
    /// The VLAN of the tag that it carries; nil is no tag.
    package var vlan: UInt16?
    /// Addresses of IPv4, for a ping; nil is a frame without a packet.
    package var packet: Packet?

    /// From where to where.
    package struct Packet: Hashable, Sendable {
        package let source: IPAddress
        package let destination: IPAddress

        package init(from source: IPAddress, to destination: IPAddress) {
            self.source = source
            self.destination = destination
        }
    }

    package init(from source: MACAddress, to destination: MACAddress) {
        self.source = source
        self.destination = destination
    }

    /// As it stands on the wire, without the checksum of Ethernet; at least 60 octets (IEEE 802.3, 3.2.8).
    package var octets: [UInt8] {
        var octets = destination.octets + source.octets
        // IEEE 802.1Q, 9.6: the tag's type, priority 0, the VLAN.
        if let vlan { octets += [0x81, 0x00, UInt8(vlan >> 8), UInt8(truncatingIfNeeded: vlan)] }
        if let packet, packet.source.family == .v4, packet.destination.family == .v4 {
            octets += [0x08, 0x00] + FrameSketch.ping(packet)
        } else {
            // For experiments: no program takes it for its own (IEEE 802, 9.2.3).
            octets += [0x88, 0xb5]
        }
        return octets + [UInt8](repeating: 0, count: max(0, 60 - octets.count))
    }

    /// An echo request of ICMP in a packet of IPv4.
    ///
    /// RFC 791, 3.1; RFC 792.
    private static func ping(_ packet: Packet) -> [UInt8] {
        // Type 8; identifier and sequence number are 0.
        var message: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 0]
        put(checksum(message), into: &message, at: 2)
        // Version 4, header of 5 words, length 28, not to be cut, 64 hops, protocol 1.
        var header: [UInt8] = [0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 1, 0, 0]
        header += packet.source.octets + packet.destination.octets
        put(checksum(header), into: &header, at: 10)
        return header + message
    }

    private static func put(_ number: UInt16, into octets: inout [UInt8], at place: Int) {
        octets[place] = UInt8(number >> 8)
        octets[place + 1] = UInt8(truncatingIfNeeded: number)
    }

    /// RFC 1071, of an even number of octets.
    private static func checksum(_ octets: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for place in stride(from: 0, to: octets.count, by: 2) {
            sum += UInt32(octets[place]) << 8 | UInt32(octets[place + 1])
        }
        while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
        return ~UInt16(sum)
    }
}
