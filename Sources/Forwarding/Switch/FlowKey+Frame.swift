// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// What a frame's key does not say.
struct FrameLayout: BitwiseCopyable {
    /// What the outer tag says; 0 without one.
    var control: UInt16
    var isTagged: Bool
    /// How many octets come before the packet.
    var headerLength: UInt16
}

extension FlowKey {
    /// Takes over what a frame says, up to its ports: without an interface, and with the VLAN of the tag as it is.
    ///
    /// - Parameters:
    ///   - frame: without the checksum of Ethernet.
    ///   - tagProtocol: which tags are the switch's own; a frame with another one counts as untagged.
    /// - Returns: nil when the frame ends before its type does.
    @inline(__always)
    mutating func read(_ frame: Span<UInt8>, tagProtocol: UInt16) -> FrameLayout? {
        if let layout = readUsual(frame, tagProtocol: tagProtocol) { return layout }
        return readAny(frame, tagProtocol: tagProtocol)
    }

    /// Takes over what a frame says that is a whole segment of TCP or UDP over IPv4 without options, behind one tag or none.
    ///
    /// - Returns: nil when it is anything else; nothing was taken over then.
    @inline(__always)
    private mutating func readUsual(_ frame: Span<UInt8>, tagProtocol: UInt16) -> FrameLayout? {
        guard let start = FrameStart(frame) else { return nil }
        // Type, and what comes behind it: a tag and another type, or the packet.
        let types = start.bigEndian64(at: 12)
        if types >> 40 == UInt64(EtherType.ipv4) << 8 | 0x45 {
            return readUsual(start, frame.count, at: 14, control: 0, isTagged: false)
        }
        guard types >> 48 == UInt64(tagProtocol), types >> 8 & 0xff_ffff == UInt64(EtherType.ipv4) << 8 | 0x45 else {
            return nil
        }
        let control = UInt16(truncatingIfNeeded: types >> 32)
        return readUsual(start, frame.count, at: 18, control: control, isTagged: true)
    }

    /// The rest of that.
    ///
    /// `offset`: where the packet begins; a constant once this is inlined.
    @inline(__always)
    private mutating func readUsual(
        _ start: FrameStart,
        _ length: Int,
        at offset: Int,
        control: UInt16,
        isTagged: Bool
    ) -> FrameLayout? {
        // Length 16, number 16, place among fragments 16, time to live 8, protocol 8.
        let description = start.bigEndian64(at: offset &+ 2)
        let packetLength = Int(description >> 48)
        let number = description & 0xff
        guard packetLength >= IPv4View.minimumLength + 4, packetLength <= length &- offset,
            description & 0x3fff << 16 == 0, number == UInt64(IPProtocol.udp) || number == UInt64(IPProtocol.tcp)
        else { return nil }
        // Half of the destination's address 16, then both ports 32.
        let ports = start.bigEndian64(at: offset &+ 18) >> 16
        word0 = UInt64(EtherType.ipv4) << 32 | UInt64(control & 0xfff) << 16 | number << 8
        word1 = start.bigEndian64(at: 0) & ~0xffff | ports & 0xffff
        word2 = start.bigEndian64(at: 6) & ~0xffff | ports >> 16 & 0xffff
        word3 = start.bigEndian64(at: offset &+ 12)
        return FrameLayout(control: control, isTagged: isTagged, headerLength: UInt16(truncatingIfNeeded: offset))
    }

    /// Takes over what any frame says.
    @inline(__always)
    mutating func readAny(_ frame: Span<UInt8>, tagProtocol: UInt16) -> FrameLayout? {
        guard frame.count >= EthernetView.minimumLength else { return nil }
        var type = frame.bigEndian16(at: 12)
        var offset = 14
        var control: UInt16 = 0
        let isTagged = type == tagProtocol
        if isTagged {
            guard frame.count >= 18 else { return nil }
            let tag = frame.bigEndian32(at: 14)
            control = UInt16(truncatingIfNeeded: tag >> 16)
            type = UInt16(truncatingIfNeeded: tag)
            offset = 18
        }
        // A tag inside of the switch's own, or a foreign one in its place: only the packet behind it is of interest.
        while EtherType.isTag(type), offset < 22 {
            guard frame.count >= offset &+ 4 else {
                // Whose tag it is does not matter: as of the switch's own, the type behind the first one has to be there.
                if offset == 14 { return nil }
                break
            }
            type = frame.bigEndian16(at: offset &+ 2)
            offset &+= 4
        }
        word0 = UInt64(type) << 32 | UInt64(control & 0xfff) << 16
        word1 = frame.bigEndian64(at: 0) & ~0xffff
        word2 = frame.bigEndian64(at: 6) & ~0xffff
        switch type {
        case EtherType.ipv4: readIPv4(frame.extracting(offset..<frame.count))
        case EtherType.ipv6: formUnion(FlowKey(ipv6: frame.extracting(offset..<frame.count)))
        case EtherType.arp: formUnion(FlowKey(arp: frame.extracting(offset..<frame.count)))
        // Receivers may take off as many tags as there are, and find a packet that nobody looked at here.
        default: if EtherType.isTag(type) { setMalformed() }
        }
        return FrameLayout(
            control: control,
            isTagged: isTagged,
            headerLength: UInt16(truncatingIfNeeded: offset)
        )
    }

    @inline(__always)
    private mutating func readIPv4(_ packet: Span<UInt8>) {
        guard packet.count >= IPv4View.minimumLength else { return setMalformed() }
        let first = packet.bigEndian32(at: 0)
        let headerLength = Int(first >> 22 & 0x3c)
        let totalLength = Int(first & 0xffff)
        guard first >> 28 == 4, headerLength >= IPv4View.minimumLength, totalLength >= headerLength,
            totalLength <= packet.count
        else { return setMalformed() }
        let number = packet[9]
        word3 = packet.bigEndian64(at: 12)
        word0 |= UInt64(number) << 8
        let fragment = packet.bigEndian16(at: 6) & 0x3fff
        if fragment != 0 {
            word0 |= Note.fragment
            if fragment & 0x1fff != 0 {
                word0 |= Note.laterFragment
                return
            }
        }
        readPorts(packet, at: headerLength, to: totalLength, number)
    }

    /// What a packet of IPv6 says.
    ///
    /// By value: a key whose address is handed out would lie in memory for all frames.
    @inline(never)
    private init(ipv6 packet: Span<UInt8>) {
        guard packet.count >= IPv6View.headerLength, packet[0] >> 4 == 6 else {
            setMalformed()
            return
        }
        let end = IPv6View.headerLength + Int(packet.bigEndian16(at: 4))
        guard end <= packet.count, let chain = IPv6Chain(packet, to: end) else {
            setMalformed()
            return
        }
        word3 = packet.bigEndian64(at: 8)
        word4 = packet.bigEndian64(at: 16)
        word5 = packet.bigEndian64(at: 24)
        word6 = packet.bigEndian64(at: 32)
        word0 |= UInt64(chain.protocolNumber) << 8
        if chain.isFragment { word0 |= Note.fragment }
        if chain.isLaterFragment {
            word0 |= Note.laterFragment
        } else {
            readPorts(packet, at: chain.offset, to: end, chain.protocolNumber)
        }
    }

    /// Of a packet that has none where they belong it is not known which they are: a receiver may find them elsewhere.
    ///
    /// As in a first fragment of IPv6 that ends before them (RFC 8200, 4.5), and where a length of 0 means another one.
    @inline(__always)
    private mutating func readPorts(_ packet: Span<UInt8>, at start: Int, to end: Int, _ number: UInt8) {
        if IPProtocol.hasPorts(number) {
            guard start &+ 4 <= end else { return setMalformed() }
            let ports = packet.bigEndian32(at: start)
            word2 |= UInt64(ports >> 16)
            word1 |= UInt64(ports & 0xffff)
        } else if number == IPProtocol.icmp || number == IPProtocol.icmpv6 {
            guard start &+ 2 <= end else { return setMalformed() }
            word2 |= UInt64(packet[start])
            word1 |= UInt64(packet[start &+ 1])
        }
    }

    @inline(never)
    private init(arp packet: Span<UInt8>) {
        guard let message = ARPView(packet) else {
            setMalformed()
            return
        }
        word0 |= UInt64(message.operation & 0xff) << 8
        let sender = UInt64(truncatingIfNeeded: message.senderAddress.value)
        word3 = sender << 32 | UInt64(truncatingIfNeeded: message.targetAddress.value)
    }

    @inline(__always)
    private mutating func setMalformed() {
        word0 |= Note.malformed
    }

    /// The key of a frame, as a switch sees it that came to the frame through `ingress`.
    ///
    /// The VLAN is the one of the tag; 0 without a tag, for which one it belongs to then is the interface's affair.
    ///
    /// - Returns: nil when the frame ends before its type does.
    public init?(
        _ frame: Span<UInt8>,
        from ingress: InterfaceID,
        tagProtocol: UInt16 = EtherType.customerTag
    ) {
        self.init()
        guard read(frame, tagProtocol: tagProtocol) != nil else { return nil }
        self.ingress = ingress
    }
}
