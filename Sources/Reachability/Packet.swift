// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Forwarding

/// A frame on its way, with the tag beside it as the kernel keeps it.
struct Packet: Hashable, Sendable {
    var source: MACAddress
    var destination: MACAddress
    /// 0 is none.
    var vlan: UInt16 = 0
    var etherType: UInt16
    /// From the network header on.
    var body: [UInt8]

    init(source: MACAddress = .zero, destination: MACAddress = .zero, etherType: UInt16, body: [UInt8]) {
        self.source = source
        self.destination = destination
        self.etherType = etherType
        self.body = body
    }

    /// Reads a frame as it is on a wire; nil when it is cut off, or no packet of the IP that it says.
    init?(frame: [UInt8]) {
        guard frame.count >= 14, let destination = MACAddress(octets: frame[0..<6]),
            let source = MACAddress(octets: frame[6..<12])
        else { return nil }
        var start = 12
        if frame[12] == 0x81, frame[13] == 0 {
            guard frame.count >= 18 else { return nil }
            vlan = (UInt16(frame[14]) << 8 | UInt16(frame[15])) & 0xfff
            start = 16
        }
        self.source = source
        self.destination = destination
        etherType = UInt16(frame[start]) << 8 | UInt16(frame[start + 1])
        body = Array(frame[(start + 2)...])
        guard hasHeaders else { return nil }
    }

    /// As it is on a wire.
    var frame: [UInt8] { linkHeader + body }

    private var linkHeader: [UInt8] {
        let tag: [UInt8] = vlan == 0 ? [] : [0x81, 0, UInt8(vlan >> 8), UInt8(vlan & 0xff)]
        return destination.octets + source.octets + tag + [UInt8(etherType >> 8), UInt8(etherType & 0xff)]
    }

    /// The header of Ethernet without a tag, which rules find elsewhere.
    var untaggedHeader: [UInt8] {
        destination.octets + source.octets + [UInt8(etherType >> 8), UInt8(etherType & 0xff)]
    }

    // MARK: - IP

    var family: AddressFamily? {
        switch etherType {
        case EtherType.ipv4: .v4
        case EtherType.ipv6: .v6
        default: nil
        }
    }

    /// Whether nothing is missing of the header of IP (RFC 791, 3.1; RFC 8200, 3), nor of that of ICMP, of which the
    /// kernel reads eight octets or nothing.
    private var hasHeaders: Bool {
        switch family {
        case .v4:
            guard body.count >= 20, body[0] >> 4 == 4, body[0] & 15 >= 5, body.count >= transportOffset else {
                return false
            }
        case .v6: guard body.count >= 40, body[0] >> 4 == 6 else { return false }
        case nil: return true
        }
        return !isICMP || body.count >= transportOffset + 8
    }

    /// Where the transport's header begins, and whose it is; extension headers are passed over.
    private var transport: (offset: Int, number: UInt8) {
        guard let family else { return (body.count, 0) }
        guard family == .v6 else { return (Int(body[0] & 15) * 4, body[9]) }
        var (offset, number) = (40, body[6])
        // Hop-by-hop, routing and destination options (RFC 8200, 4).
        while [0, 43, 60].contains(number), body.count >= offset + 8 {
            number = body[offset]
            offset += 8 * (Int(body[offset + 1]) + 1)
        }
        return (offset, number)
    }

    var transportOffset: Int { transport.offset }
    var protocolNumber: UInt8 { transport.number }
    var hasPorts: Bool { [6, 17, 132].contains(protocolNumber) && body.count >= transportOffset + 4 }
    /// Whether it is of the ICMP of its own family; the number of the other one is any protocol.
    private var isICMP: Bool { family != nil && protocolNumber == (family == .v4 ? 1 : 58) }
    /// RFC 792; RFC 4443, 4.1.
    var isEchoRequest: Bool {
        isICMP && body.count > transportOffset && body[transportOffset] == (family == .v4 ? 8 : 128)
    }

    var sourceAddress: IPAddress {
        get { address(at: family == .v4 ? 12 : 8) }
        set { set(newValue, at: family == .v4 ? 12 : 8) }
    }
    var destinationAddress: IPAddress {
        get { address(at: family == .v4 ? 16 : 24) }
        set { set(newValue, at: family == .v4 ? 16 : 24) }
    }
    var sourcePort: UInt16 {
        get { port(at: 0) }
        set { set(port: newValue, at: 0) }
    }
    var destinationPort: UInt16 {
        get { port(at: 2) }
        set { set(port: newValue, at: 2) }
    }

    private func address(at offset: Int) -> IPAddress {
        guard family != nil else { return IPAddress(v4: 0) }
        return IPAddress(octets: body[offset..<(offset + (family == .v4 ? 4 : 16))]) ?? IPAddress(v4: 0)
    }

    private mutating func set(_ address: IPAddress, at offset: Int) {
        let octets = address.octets
        guard family != nil, octets.count == (family == .v4 ? 4 : 16) else { return }
        body.replaceSubrange(offset..<(offset + octets.count), with: octets)
    }

    private func port(at offset: Int) -> UInt16 {
        guard hasPorts else { return 0 }
        let start = transportOffset + offset
        return UInt16(body[start]) << 8 | UInt16(body[start + 1])
    }

    private mutating func set(port: UInt16, at offset: Int) {
        guard hasPorts else { return }
        let start = transportOffset + offset
        body[start] = UInt8(port >> 8)
        body[start + 1] = UInt8(port & 0xff)
    }

    /// What people call it: `10.0.0.2:4711 > 10.0.0.3:80 tcp`.
    var words: String {
        guard family != nil else { return "frame of type 0x\(String(etherType, radix: 16))" }
        let name = TransportName.name(protocolNumber)
        guard hasPorts else { return "\(sourceAddress) > \(destinationAddress) \(name)" }
        return "\(Self.end(sourceAddress, sourcePort)) > \(Self.end(destinationAddress, destinationPort)) \(name)"
    }

    static func end(_ address: IPAddress, _ port: UInt16) -> String {
        address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

/// Names of what IP carries.
enum TransportName {
    static func name(_ number: UInt8) -> String {
        switch number {
        case 1, 58: "icmp"
        case 6: "tcp"
        case 17: "udp"
        case 132: "sctp"
        default: "protocol \(number)"
        }
    }
}

// MARK: - Made ones

extension Packet {
    /// The first packet of a flow: a SYN, a datagram or an echo request; checksums are nobody's business here.
    static func first(_ flow: Flow, source: IPAddress) -> Packet {
        let isIPv4 = source.family == .v4
        let number: UInt8 = flow.transport == .icmp ? (isIPv4 ? 1 : 58) : flow.transport.number
        return ip(
            source,
            flow.destination,
            number,
            payload: transport(flow.transport, flow.sourcePort, flow.destinationPort, isAnswer: false, isIPv4)
        )
    }

    /// What the receiver sends back first: `isRefusal` is a RST of TCP; of UDP the refusal is told by ICMP.
    func answer(isRefusal: Bool) -> Packet {
        var answer = self
        (answer.source, answer.destination, answer.vlan) = (.zero, .zero, 0)
        (answer.sourceAddress, answer.destinationAddress) = (destinationAddress, sourceAddress)
        (answer.sourcePort, answer.destinationPort) = (destinationPort, sourcePort)
        let offset = transportOffset
        switch protocolNumber {
        case 6 where body.count > offset + 13: answer.body[offset + 13] = isRefusal ? 0x14 : 0x12
        case 1 where isEchoRequest: answer.body[offset] = 0
        case 58 where isEchoRequest: answer.body[offset] = 129
        default: break
        }
        return answer
    }

    private static func transport(
        _ transport: Flow.Transport,
        _ source: UInt16,
        _ destination: UInt16,
        isAnswer: Bool,
        _ isIPv4: Bool
    ) -> [UInt8] {
        let ports = [UInt8(source >> 8), UInt8(source & 0xff), UInt8(destination >> 8), UInt8(destination & 0xff)]
        switch transport {
        case .tcp: return ports + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]
        case .udp: return ports + [0, 8, 0, 0]
        case .icmp: return [isIPv4 ? 8 : 128, 0, 0, 0, 0, 1, 0, 1]
        }
    }

    static func ip(
        _ source: IPAddress,
        _ destination: IPAddress,
        _ number: UInt8,
        payload: [UInt8]
    ) -> Packet {
        if source.family == .v4 {
            let length = 20 + payload.count
            let header: [UInt8] = [0x45, 0, UInt8(length >> 8), UInt8(length & 0xff), 0, 1, 0x40, 0, 64, number, 0, 0]
            let body = header + source.octets + destination.octets + payload
            return Packet(etherType: EtherType.ipv4, body: body)
        }
        let length = payload.count
        let header: [UInt8] = [0x60, 0, 0, 0, UInt8(length >> 8), UInt8(length & 0xff), number, 64]
        return Packet(etherType: EtherType.ipv6, body: header + source.octets + destination.octets + payload)
    }

    /// The question for who has an address on a link: ARP (RFC 826), or a neighbour solicitation (RFC 4861, 4.3).
    static func question(for target: IPAddress, from address: IPAddress, _ mac: MACAddress) -> Packet {
        if target.family == .v4 {
            let body: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1] + mac.octets + address.octets
            var packet = Packet(
                source: mac,
                destination: MACAddress(value: 0xffff_ffff_ffff),
                etherType: EtherType.arp,
                body: body + [0, 0, 0, 0, 0, 0] + target.octets
            )
            packet.vlan = 0
            return packet
        }
        let group = IPAddress(v6: 0xff02 << 112 | 0x1_ff00_0000 | target.value & 0xff_ffff)
        let payload: [UInt8] = [135, 0, 0, 0, 0, 0, 0, 0] + target.octets + [1, 1] + mac.octets
        var packet = ip(address, group, 58, payload: payload)
        packet.source = mac
        packet.destination = MACAddress(value: 0x3333_0000_0000 | UInt64(group.value & 0xffff_ffff))
        return packet
    }

    /// The answer to ``question(for:from:_:)`` from who has the address.
    func neighbourAnswer(_ mac: MACAddress, for target: IPAddress) -> Packet {
        if target.family == .v4 {
            let body: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 2] + mac.octets + target.octets + self.body[8..<18]
            return Packet(source: mac, destination: source, etherType: EtherType.arp, body: body)
        }
        let payload: [UInt8] = [136, 0, 0, 0, 0x60, 0, 0, 0] + target.octets + [2, 1] + mac.octets
        var packet = Packet.ip(target, sourceAddress, 58, payload: payload)
        (packet.source, packet.destination) = (mac, source)
        return packet
    }
}
