// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// IPv4 and UDP around a message, for who has no address yet and hence no socket that would do it.
///
/// Source: RFC 791, 3.1; RFC 768.
package enum DHCPDatagram {
    package static let serverPort: UInt16 = 67
    package static let clientPort: UInt16 = 68
    private static let headerLength = 20
    private static let udp: UInt8 = 17

    /// The packet that carries a client's message to everybody on the link.
    package static func broadcast(_ message: [UInt8]) -> [UInt8] {
        packet(message, from: DHCPMessage.nowhere, clientPort, to: IPAddress(v4: .max), serverPort)
    }

    /// A packet with right checksums.
    package static func packet(
        _ payload: [UInt8],
        from source: IPAddress,
        _ sourcePort: UInt16,
        to destination: IPAddress,
        _ destinationPort: UInt16
    ) -> [UInt8] {
        var segment: [UInt8] = []
        segment.appendBigEndian(sourcePort)
        segment.appendBigEndian(destinationPort)
        segment.appendBigEndian(UInt16(truncatingIfNeeded: 8 + payload.count))
        segment.appendBigEndian(0 as UInt16)
        segment += payload
        let sum = checksum(pseudoHeader(source, destination, segment.count) + segment)
        // Zero stands for no checksum.
        set(sum == 0 ? .max : sum, at: 6, in: &segment)

        var header: [UInt8] = [0x45, 0]
        header.appendBigEndian(UInt16(truncatingIfNeeded: headerLength + segment.count))
        header += [0, 0, 0, 0, 64, udp, 0, 0]
        header += source.octets
        header += destination.octets
        set(checksum(header), at: 10, in: &header)
        return header + segment
    }

    /// What a packet to a client's port carries; nil for any other, for fragments, and for damaged ones.
    ///
    /// `hasChecksum`: false for a packet of this very machine, whose checksum was left to hardware that it never met.
    package static func payload(of packet: [UInt8], hasChecksum: Bool) -> [UInt8]? {
        guard packet.count >= headerLength, packet[0] >> 4 == 4 else { return nil }
        let start = Int(packet[0] & 15) * 4
        let length = Int(packet[2]) << 8 | Int(packet[3])
        // Ethernet pads short frames: what counts is the packet's own length.
        guard start >= headerLength, length >= start + 8, length <= packet.count, packet[9] == udp,
            // More fragments, or an offset.
            packet[6] & 0x3f == 0, packet[7] == 0, checksum(Array(packet[..<start])) == 0
        else { return nil }
        let segment = Array(packet[start..<length])
        let segmentLength = Int(segment[4]) << 8 | Int(segment[5])
        guard segmentLength >= 8, segmentLength <= segment.count,
            UInt16(segment[2]) << 8 | UInt16(segment[3]) == clientPort
        else { return nil }
        let datagram = Array(segment[..<segmentLength])
        let isSummed = hasChecksum && (datagram[6] != 0 || datagram[7] != 0)
        if isSummed, let source = IPAddress(octets: packet[12..<16]), let target = IPAddress(octets: packet[16..<20]),
            checksum(pseudoHeader(source, target, segmentLength) + datagram) != 0
        {
            return nil
        }
        return Array(datagram[8...])
    }

    private static func pseudoHeader(_ source: IPAddress, _ destination: IPAddress, _ length: Int) -> [UInt8] {
        var header = source.octets + destination.octets + [0, udp]
        header.appendBigEndian(UInt16(truncatingIfNeeded: length))
        return header
    }

    private static func set(_ number: UInt16, at offset: Int, in octets: inout [UInt8]) {
        octets[offset] = UInt8(number >> 8)
        octets[offset + 1] = UInt8(truncatingIfNeeded: number)
    }

    /// The complement of the sum in ones' complement; 0 over octets that hold their right checksum.
    ///
    /// RFC 1071.
    static func checksum(_ octets: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in octets.indices {
            sum += index % 2 == 0 ? UInt32(octets[index]) << 8 : UInt32(octets[index])
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }
}
