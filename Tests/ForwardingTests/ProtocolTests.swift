// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import SeededNumbers
import Testing

@Suite("Protocols")
struct ProtocolTests {
    static let tagged = bytes(
        """
        33 33 00 00 00 01  02 00 00 00 00 05   # destination, source
        88 a8 20 64  81 00 b0 07               # outer tag: priority 1, VLAN 100; inner: priority 5, drop eligible, 7
        86 dd  aa bb                           # IPv6, and two octets of it
        """
    )

    @Test("An Ethernet header with two tags says what it means")
    func ethernet() throws {
        let header = EthernetHeader(reading: Self.tagged.span)
        let view = try #require(header)
        #expect(view.destination.description == "33:33:00:00:00:01")
        #expect(view.source == mac(5))
        #expect(view.outerTag == VLANTag(protocolID: EtherType.serviceTag, control: 0x2064))
        #expect(view.outerTag?.vlan == 100)
        #expect(view.outerTag?.priority == 1)
        #expect(view.innerTag?.vlan == 7)
        #expect(view.innerTag?.isDropEligible == true)
        #expect(view.etherType == EtherType.ipv6)
        var again: [UInt8] = []
        view.append(to: &again)
        #expect(again == Array(Self.tagged.dropLast(2)))
    }

    @Test("A third tag is the payload of the second")
    func thirdTag() {
        let tags: [UInt8] = [0, 9, 0x81, 0, 0, 1, 8, 0]
        let frame = Frames.ethernet(from: mac(1), to: mac(2), tag: 5, type: 0x8100, payload: tags)
        let type = EthernetView(frame.span)?.etherType
        let payload = EthernetView(frame.span)?.payload.count
        #expect(type == 0x8100)
        #expect(payload == 4)
    }

    @Test("ARP is read as RFC 826 writes it, and only for Ethernet and IPv4")
    func arp() throws {
        let message = bytes(
            """
            00 01 08 00 06 04 00 02                 # Ethernet, IPv4, lengths, answer
            02 00 00 00 00 01  0a 00 00 01          # sender
            02 00 00 00 00 02  0a 00 00 02          # target
            """
        )
        let read = ARPMessage(reading: message.span)
        let value = try #require(read)
        #expect(value.operation == ARPMessage.reply)
        #expect(value.senderMAC == mac(1))
        #expect(value.senderAddress == ip("10.0.0.1"))
        #expect(value.targetMAC == mac(2))
        #expect(value.targetAddress == ip("10.0.0.2"))
        var again: [UInt8] = []
        value.append(to: &again)
        #expect(again == message)
        for index in 0..<6 {
            var other = message
            other[index] ^= 1
            let refused = ARPMessage(reading: other.span)
            #expect(refused == nil)
        }
    }

    @Test("A header of IPv4 with options survives, and its checksum is right")
    func ipv4() {
        var header = IPv4Header(protocolNumber: 6, source: ip("10.0.0.1"), destination: ip("192.168.7.9"))
        header.trafficClass = 0xb9
        header.identification = 0x1234
        header.hasMoreFragments = true
        header.fragmentOffset = 1480
        header.timeToLive = 3
        header.options = [1, 1, 1, 0, 7, 4, 4, 0]
        var packet: [UInt8] = []
        header.append(to: &packet, payloadLength: 3)
        packet += [9, 8, 7]
        let padded = packet + [0, 0]
        let view = IPv4View(padded.span)
        let read = IPv4Header(reading: padded.span)
        let (isRight, payload, headerLength) = (view?.hasRightChecksum, view?.payload.count, view?.headerLength)
        #expect(read == header)
        #expect(isRight == true)
        #expect(payload == 3)
        #expect(headerLength == 28)
    }

    @Test("The checksum of a header known from elsewhere is right")
    func knownHeader() throws {
        // 172.16.10.99 to 172.16.10.12, the textbooks' example.
        let header = bytes("45 00 00 3c 1c 46 40 00 40 06 b1 e6 ac 10 0a 63 ac 10 0a 0c")
        let packet = header + [UInt8](repeating: 0, count: 40)
        let view = IPv4View(packet.span)
        let (isRight, mayNotFragment, checksum) = (view?.hasRightChecksum, view?.mayNotFragment, view?.checksum)
        #expect(isRight == true)
        #expect(mayNotFragment == true)
        #expect(checksum == 0xb1e6)
    }

    @Test("A packet of IPv6 leads through its extension headers")
    func ipv6() throws {
        var header = IPv6Header(nextHeader: 0, source: ip("fd00::1"), destination: ip("fd00::2"))
        header.trafficClass = 0xa5
        header.flowLabel = 0xbeef5
        header.hopLimit = 9
        let extensions = bytes(
            """
            2b 00 01 04 00 00 00 00    # hop by hop, then routing
            3c 00 00 00 00 00 00 00    # routing, then destination
            2c 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # destination, then fragment
            33 00 00 01 00 00 00 07    # fragment: the first of several, then authentication
            11 01 00 00 00 00 00 01 00 00 00 02              # authentication, then UDP
            """
        )
        let datagram = bytes("04 d2 00 35 00 08 00 00")
        var packet: [UInt8] = []
        header.append(to: &packet, payloadLength: extensions.count + datagram.count)
        packet += extensions + datagram
        let view = IPv6View(packet.span)
        let read = IPv6Header(reading: packet.span)
        #expect(read == header)
        let found = view?.chain
        let chain = try #require(found)
        #expect(chain.protocolNumber == IPProtocol.udp)
        #expect(chain.offset == 40 + extensions.count)
        #expect(chain.isFragment)
        #expect(!chain.isLaterFragment)
        let transport = packet.span.extracting(chain.offset..<packet.count)
        let port = UDPView(transport)?.destinationPort
        #expect(port == 53)
        let length = view?.transport.count
        #expect(length == 8)
    }

    @Test("Sixteen extension headers are followed and no more", arguments: [(16, true), (17, false)])
    func manyExtensions(count: Int, isReadable: Bool) {
        var packet: [UInt8] = []
        let header = IPv6Header(nextHeader: 60, source: ip("fd00::1"), destination: ip("fd00::2"))
        header.append(to: &packet, payloadLength: count * 8)
        for index in 0..<count { packet += [index == count - 1 ? 59 : 60, 0, 1, 4, 0, 0, 0, 0] }
        let view = IPv6View(packet.span)
        let (total, chain) = (view?.totalLength, view?.chain)
        #expect(total == packet.count)
        #expect((chain != nil) == isReadable)
    }

    @Test("Segments and messages survive, and their checksums are right", arguments: ["10.0.0.1", "fd00::1"])
    func segments(address: String) {
        let (source, destination) = (ip(address), ip(address))
        let payload: [UInt8] = [1, 2, 3, 4, 5]
        func sum(_ number: UInt8, _ length: Int) -> InternetChecksum {
            var sum = InternetChecksum()
            sum.addPseudoHeader(source: source, destination: destination, protocolNumber: number, length: length)
            return sum
        }
        var tcp = TCPHeader(sourcePort: 80, destinationPort: 50000)
        tcp.sequenceNumber = 0xdead_beef
        tcp.acknowledgement = 77
        tcp.flags = 0x12
        tcp.window = 1000
        tcp.urgentPointer = 4
        tcp.options = [2, 4, 5, 0xb4]
        var segment: [UInt8] = []
        tcp.append(to: &segment, payload: payload, pseudoHeader: sum(IPProtocol.tcp, 24 + 5))
        let (tcpRead, length) = (TCPHeader(reading: segment.span), TCPView(segment.span)?.payload.count)
        #expect(tcpRead == tcp)
        #expect(length == 5)
        var check = sum(IPProtocol.tcp, segment.count)
        check.add(segment.span)
        #expect(check.value == 0)

        var datagram: [UInt8] = []
        let udp = UDPHeader(sourcePort: 4000, destinationPort: 4789)
        udp.append(to: &datagram, payload: payload, pseudoHeader: sum(IPProtocol.udp, 13))
        let udpRead = UDPHeader(reading: datagram.span)
        #expect(udpRead == udp)
        check = sum(IPProtocol.udp, datagram.count)
        check.add(datagram.span)
        #expect(check.value == 0)

        var message: [UInt8] = []
        let icmp = ICMPMessage(type: 8, code: 0, rest: 0x0001_0002)
        icmp.append(to: &message, payload: payload, pseudoHeader: sum(IPProtocol.icmpv6, 13))
        let icmpRead = ICMPMessage(reading: message.span)
        #expect(icmpRead == icmp)
        check = sum(IPProtocol.icmpv6, message.count)
        check.add(message.span)
        #expect(check.value == 0)
    }

    @Test("A frame inside of VXLAN comes out as it went in")
    func vxlan() {
        let inner = Frames.ethernet(from: mac(1), to: mac(2))
        var payload: [UInt8] = []
        VXLANHeader(network: 0xabcdef).append(to: &payload)
        payload += inner
        let header = VXLANHeader(reading: payload.span)
        #expect(header == VXLANHeader(network: 0xabcdef))
        guard let view = VXLANView(payload.span) else { return }
        let source = EthernetHeader(reading: view.frame)?.source
        #expect(source == mac(1))
        let nameless = [0] + payload.dropFirst()
        let refused = VXLANHeader(reading: nameless.span)
        #expect(refused == nil)
    }
}

@Suite("Internet checksums")
struct InternetChecksumTests {
    @Test("The example of RFC 1071 has the sum it says")
    func example() {
        let octets = bytes("00 01 f2 03 f4 f5 f6 f7")
        let checksum = InternetChecksum.of(octets.span)
        #expect(checksum == ~0xddf2)
    }

    @Test("An octet left over counts as if a zero followed", arguments: 0..<20)
    func oddLength(count: Int) {
        let octets = (0..<count).map { UInt8($0 * 37 & 0xff) }
        let padded = octets + (count % 2 == 1 ? [0] : [])
        var sum: UInt32 = 0
        for index in stride(from: 0, to: padded.count, by: 2) {
            sum += UInt32(padded[index]) << 8 | UInt32(padded[index + 1])
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        #expect(InternetChecksum.of(octets.span) == ~UInt16(sum))
    }

    @Test("An updated checksum is the one of the changed octets")
    func update() {
        var generator = SeededGenerator(7)
        for _ in 0..<2000 {
            var octets = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // RFC 1624's corner: octets whose sum is zero.
            if Bool.random(using: &generator) { octets = octets.map { _ in 0 } }
            octets[1] |= 1
            let checksum = InternetChecksum.of(octets.span)
            let old = UInt16(octets[8]) << 8 | UInt16(octets[9])
            let new = UInt16.random(in: 0...0xffff, using: &generator)
            octets[8] = UInt8(new >> 8)
            octets[9] = UInt8(new & 0xff)
            #expect(InternetChecksum.updated(checksum, from: old, to: new) == InternetChecksum.of(octets.span))
        }
    }
}
