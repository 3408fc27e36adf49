// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// A frame's key, and what the key does not say.
struct ParsedFrame: BitwiseCopyable {
    /// Without an interface, and with the VLAN of the tag as it is.
    var key = FlowKey()
    /// What the outer tag says; 0 without one.
    var control: UInt16 = 0
    var isTagged = false
    /// How many octets come before the packet.
    var headerLength: UInt16 = 0

    /// Nothing has been read.
    init() {}

    /// Reads a frame up to its ports; nil when it ends before its type does.
    ///
    /// - Parameters:
    ///   - frame: without the checksum of Ethernet.
    ///   - tagProtocol: which tags are the switch's own; a frame with another one counts as untagged.
    @inline(__always)
    init?(_ frame: Span<UInt8>, tagProtocol: UInt16) {
        guard frame.count >= EthernetView.minimumLength else { return nil }
        key.word1 = frame.bigEndian64(at: 0) & ~0xffff
        key.word2 = frame.bigEndian64(at: 6) & ~0xffff
        var type = frame.bigEndian16(at: 12)
        var offset = 14
        if type == tagProtocol {
            guard frame.count >= 18 else { return nil }
            control = frame.bigEndian16(at: 14)
            isTagged = true
            type = frame.bigEndian16(at: 16)
            offset = 18
        }
        // A tag inside of the switch's own, or a foreign one in its place: only the packet behind it is of interest.
        while EtherType.isTag(type), offset < 22, frame.count >= offset + 4 {
            type = frame.bigEndian16(at: offset + 2)
            offset += 4
        }
        headerLength = UInt16(truncatingIfNeeded: offset)
        key.word0 = UInt64(type) << 32 | UInt64(control & 0xfff) << 16
        switch type {
        case EtherType.ipv4: readIPv4(frame, at: offset)
        case EtherType.ipv6: readIPv6(frame, at: offset)
        case EtherType.arp: readARP(frame, at: offset)
        default: break
        }
    }

    @inline(__always)
    private mutating func readIPv4(_ frame: Span<UInt8>, at start: Int) {
        guard frame.count >= start + IPv4View.minimumLength else { return setMalformed() }
        let first = frame.bigEndian32(at: start)
        let headerLength = Int(first >> 22 & 0x3c)
        let totalLength = Int(first & 0xffff)
        guard first >> 28 == 4, headerLength >= IPv4View.minimumLength, totalLength >= headerLength,
            start + totalLength <= frame.count
        else { return setMalformed() }
        let number = frame[start + 9]
        key.word3 = frame.bigEndian64(at: start + 12)
        let fragment = frame.bigEndian16(at: start + 6) & 0x3fff
        var notes: UInt64 = 0
        if fragment != 0 {
            notes = fragment & 0x1fff != 0 ? FlowKey.Note.fragment | FlowKey.Note.laterFragment : FlowKey.Note.fragment
        }
        key.word0 |= UInt64(number) << 8 | notes
        guard fragment & 0x1fff == 0 else { return }
        readPorts(frame, at: start + headerLength, to: start + totalLength, number)
    }

    @inline(__always)
    private mutating func readIPv6(_ frame: Span<UInt8>, at start: Int) {
        guard frame.count >= start + IPv6View.headerLength, frame[start] >> 4 == 6 else { return setMalformed() }
        let end = start + IPv6View.headerLength + Int(frame.bigEndian16(at: start + 4))
        guard end <= frame.count, let chain = IPv6Chain(frame, from: start, to: end) else { return setMalformed() }
        key.word3 = frame.bigEndian64(at: start + 8)
        key.word4 = frame.bigEndian64(at: start + 16)
        key.word5 = frame.bigEndian64(at: start + 24)
        key.word6 = frame.bigEndian64(at: start + 32)
        key.word0 |= UInt64(chain.protocolNumber) << 8
        if chain.isFragment { key.word0 |= FlowKey.Note.fragment }
        if chain.isLaterFragment {
            key.word0 |= FlowKey.Note.laterFragment
        } else {
            readPorts(frame, at: start + chain.offset, to: end, chain.protocolNumber)
        }
    }

    @inline(__always)
    private mutating func readPorts(_ frame: Span<UInt8>, at start: Int, to end: Int, _ number: UInt8) {
        if IPProtocol.hasPorts(number) {
            guard start + 4 <= end else { return }
            let ports = frame.bigEndian32(at: start)
            key.word2 |= UInt64(ports >> 16)
            key.word1 |= UInt64(ports & 0xffff)
        } else if number == IPProtocol.icmp || number == IPProtocol.icmpv6 {
            guard start + 2 <= end else { return }
            key.word2 |= UInt64(frame[start])
            key.word1 |= UInt64(frame[start + 1])
        }
    }

    private mutating func readARP(_ frame: Span<UInt8>, at start: Int) {
        guard let message = ARPView(frame.extracting(start..<frame.count)) else { return setMalformed() }
        key.word0 |= UInt64(message.operation & 0xff) << 8
        let sender = UInt64(truncatingIfNeeded: message.senderAddress.value)
        key.word3 = sender << 32 | UInt64(truncatingIfNeeded: message.targetAddress.value)
    }

    private mutating func setMalformed() {
        key.word0 |= FlowKey.Note.malformed
    }
}

extension FlowKey {
    /// The key of a frame, as a switch sees it that came to the frame through `ingress`.
    ///
    /// The VLAN is the one of the tag; 0 without a tag, for which one it belongs to then is the interface's affair.
    ///
    /// - Returns: nil when the frame ends before its type does.
    package init?(
        _ frame: Span<UInt8>,
        from ingress: InterfaceID,
        tagProtocol: UInt16 = EtherType.customerTag
    ) {
        guard let parsed = ParsedFrame(frame, tagProtocol: tagProtocol) else { return nil }
        self = parsed.key
        self.ingress = ingress
    }
}
