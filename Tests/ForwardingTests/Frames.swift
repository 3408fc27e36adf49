// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding

/// Octets written as hexadecimal digits; everything behind `#` in a line is a remark.
func bytes(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in text.split(separator: "\n") {
        let digits = line.prefix { $0 != "#" }.filter(\.isHexDigit)
        var rest = digits[...]
        while rest.count >= 2 {
            bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
    }
    return bytes
}

/// The station of this number: 02:00:00:00:xx:xx.
func mac(_ number: UInt16) -> MACAddress {
    MACAddress(value: 0x0200_0000_0000 | UInt64(number))
}

let broadcast = MACAddress(value: .max)

func ip(_ text: String) -> IPAddress {
    IPAddress(text) ?? IPAddress(v4: 0)
}

func net(_ text: String) -> CIDR {
    CIDR(text) ?? .host(IPAddress(v4: 0))
}

/// The key of a frame from interface 3.
func key(_ frame: [UInt8]) -> FlowKey? {
    FlowKey(frame.span, from: InterfaceID(index: 3))
}

/// Frames as stations send them.
enum Frames {
    static func ethernet(
        from source: MACAddress,
        to destination: MACAddress,
        tag: UInt16? = nil,
        type: UInt16 = 0x88b5,
        payload: [UInt8] = [1, 2, 3, 4]
    ) -> [UInt8] {
        var frame: [UInt8] = []
        let header = EthernetHeader(
            destination: destination,
            source: source,
            outerTag: tag.map { VLANTag(control: $0) },
            etherType: type
        )
        header.append(to: &frame)
        return frame + payload
    }

    /// A datagram of UDP in IPv4 or IPv6, by the family of the addresses.
    static func udp(
        from source: (MACAddress, IPAddress, UInt16),
        to destination: (MACAddress, IPAddress, UInt16),
        tag: UInt16? = nil,
        timeToLive: UInt8 = 64,
        payload: [UInt8] = [0xca, 0xfe]
    ) -> [UInt8] {
        var segment: [UInt8] = []
        var pseudoHeader = InternetChecksum()
        pseudoHeader.addPseudoHeader(
            source: source.1,
            destination: destination.1,
            protocolNumber: IPProtocol.udp,
            length: 8 + payload.count
        )
        let header = UDPHeader(sourcePort: source.2, destinationPort: destination.2)
        header.append(to: &segment, payload: payload, pseudoHeader: pseudoHeader)
        return packet(
            from: (source.0, source.1),
            to: (destination.0, destination.1),
            tag: tag,
            timeToLive: timeToLive,
            IPProtocol.udp,
            segment
        )
    }

    /// A packet of IPv4 or IPv6, by the family of the addresses.
    static func packet(
        from source: (MACAddress, IPAddress),
        to destination: (MACAddress, IPAddress),
        tag: UInt16? = nil,
        timeToLive: UInt8 = 64,
        _ number: UInt8,
        _ payload: [UInt8]
    ) -> [UInt8] {
        var packet: [UInt8] = []
        switch source.1.family {
        case .v4:
            var header = IPv4Header(protocolNumber: number, source: source.1, destination: destination.1)
            header.timeToLive = timeToLive
            header.append(to: &packet, payloadLength: payload.count)
        case .v6:
            var header = IPv6Header(nextHeader: number, source: source.1, destination: destination.1)
            header.hopLimit = timeToLive
            header.append(to: &packet, payloadLength: payload.count)
        }
        let type = source.1.family == .v4 ? EtherType.ipv4 : EtherType.ipv6
        return ethernet(from: source.0, to: destination.0, tag: tag, type: type, payload: packet + payload)
    }

    static func arp(
        _ operation: UInt16,
        from source: MACAddress,
        sender: (MACAddress, IPAddress),
        target: IPAddress
    ) -> [UInt8] {
        var payload: [UInt8] = []
        let message = ARPMessage(
            operation: operation,
            senderMAC: sender.0,
            senderAddress: sender.1,
            targetMAC: .zero,
            targetAddress: target
        )
        message.append(to: &payload)
        return ethernet(from: source, to: broadcast, type: EtherType.arp, payload: payload)
    }

    /// A neighbour advertisement that speaks of `target`.
    static func advertisement(from source: (MACAddress, IPAddress), of target: IPAddress) -> [UInt8] {
        var message: [UInt8] = []
        ICMPMessage(type: ICMPMessage.neighbourAdvertisement, rest: 0x6000_0000)
            .append(to: &message, payload: target.octets)
        return packet(from: source, to: (broadcast, ip("ff02::1")), timeToLive: 255, IPProtocol.icmpv6, message)
    }
}
