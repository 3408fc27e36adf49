// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What rules can ask of a frame, in seven words; or which bits of that somebody asked for.
///
/// As a mask, a set bit says that the bit counts. The numbers of IPv4 and IPv6 share words, and so do ports and the
/// type and code of ICMP: a rule that looks at them has to look at ``etherType`` or ``protocolNumber`` too, which
/// ``RuleMatch`` sees to.
public struct FlowKey: Hashable, Sendable, BitwiseCopyable {
    /// Interface 16, type 16, VLAN 16, protocol 8, ``Note`` 8.
    var word0: UInt64 = 0
    /// Destination of the frame 48, port of the destination 16.
    var word1: UInt64 = 0
    /// Source of the frame 48, port of the source 16.
    var word2: UInt64 = 0
    /// IPv4: source 32, destination 32.
    ///
    /// IPv6: the first half of the source.
    var word3: UInt64 = 0
    /// IPv6: the second half of the source, then both halves of the destination.
    var word4: UInt64 = 0
    var word5: UInt64 = 0
    var word6: UInt64 = 0

    /// Zeros; as a mask: nothing counts.
    public init() {}

    /// What else there is to say about the packet in a frame.
    enum Note {
        static let fragment: UInt64 = 1
        static let laterFragment: UInt64 = 2
        /// The header is cut off or contradicts itself, and nothing of it was taken over; or ports are missing, or there are
        /// more tags than are read.
        static let malformed: UInt64 = 4
    }

    /// The fields in the one word or the other, for matches and for those who read a key.
    public var ingress: InterfaceID {
        get { InterfaceID(index: UInt16(truncatingIfNeeded: word0 >> 48)) }
        set { word0 = word0 & ~(0xffff << 48) | UInt64(newValue.index) << 48 }
    }

    /// The type behind all tags.
    public var etherType: UInt16 {
        get { UInt16(truncatingIfNeeded: word0 >> 32) }
        set { word0 = word0 & ~(0xffff << 32) | UInt64(newValue) << 32 }
    }

    /// The VLAN the frame belongs to, with or without a tag; 0 in a switch that does not know VLANs.
    public var vlan: UInt16 {
        get { UInt16(truncatingIfNeeded: word0 >> 16) }
        set { word0 = word0 & ~(0xffff << 16) | UInt64(newValue) << 16 }
    }

    /// Of IP, behind extension headers; of ARP the operation.
    public var protocolNumber: UInt8 {
        get { UInt8(truncatingIfNeeded: word0 >> 8) }
        set { word0 = word0 & ~(0xff << 8) | UInt64(newValue) << 8 }
    }

    /// Whether the packet is a piece of a larger one.
    public var isFragment: Bool { word0 & Note.fragment != 0 }

    /// Whether it is not the first piece: then there are no ports.
    public var isLaterFragment: Bool { word0 & Note.laterFragment != 0 }

    /// Whether the frame announces ARP, IPv4 or IPv6 and then holds no such packet, or one without the ports it should
    /// have; or has a tag behind the two that are read.
    ///
    /// What the packet is, a receiver may know better.
    public var isMalformed: Bool { word0 & Note.malformed != 0 }

    @inline(__always)
    var isIPv6: Bool { word0 & 0xffff << 32 == UInt64(EtherType.ipv6) << 32 }

    public var destination: MACAddress {
        get { MACAddress(value: word1 >> 16) }
        set { word1 = word1 & 0xffff | newValue.value << 16 }
    }

    public var source: MACAddress {
        get { MACAddress(value: word2 >> 16) }
        set { word2 = word2 & 0xffff | newValue.value << 16 }
    }

    /// Of TCP, UDP or SCTP; of ICMP the code.
    public var destinationPort: UInt16 {
        get { UInt16(truncatingIfNeeded: word1) }
        set { word1 = word1 & ~0xffff | UInt64(newValue) }
    }

    /// Of TCP, UDP or SCTP; of ICMP the type.
    public var sourcePort: UInt16 {
        get { UInt16(truncatingIfNeeded: word2) }
        set { word2 = word2 & ~0xffff | UInt64(newValue) }
    }

    /// Who sent the packet; of ARP who sent the message.
    ///
    /// Nil without IP.
    public var sourceAddress: IPAddress? {
        switch etherType {
        case EtherType.ipv4, EtherType.arp: IPAddress(v4: UInt32(truncatingIfNeeded: word3 >> 32))
        case EtherType.ipv6: IPAddress(v6: UInt128(word3) << 64 | UInt128(word4))
        default: nil
        }
    }

    /// Who the packet is for; of ARP whom the message looks for.
    ///
    /// Nil without IP.
    public var destinationAddress: IPAddress? {
        switch etherType {
        case EtherType.ipv4, EtherType.arp: IPAddress(v4: UInt32(truncatingIfNeeded: word3))
        case EtherType.ipv6: IPAddress(v6: UInt128(word5) << 64 | UInt128(word6))
        default: nil
        }
    }
}

// MARK: - As masks

extension FlowKey {
    /// A mask by which every bit counts.
    public static var exact: FlowKey {
        var mask = FlowKey()
        mask.setWords { _ in .max }
        return mask
    }

    private mutating func setWords(_ value: (Int) -> UInt64) {
        word0 = value(0)
        word1 = value(1)
        word2 = value(2)
        word3 = value(3)
        word4 = value(4)
        word5 = value(5)
        word6 = value(6)
    }

    /// How many words from the first on hold all bits of this mask, rounded up to what look-ups are made for.
    ///
    /// Three words are the interface, the frame and the ports; the fourth is IPv4; all seven are IPv6.
    var width: Int {
        if word4 | word5 | word6 != 0 { return 7 }
        return word3 != 0 ? 4 : 3
    }

    /// What is left when only the bits of a mask count, which has none beyond its first `width` words.
    @inline(__always)
    func masked(by mask: FlowKey, width: Int) -> FlowKey {
        var result = FlowKey()
        result.word0 = word0 & mask.word0
        result.word1 = word1 & mask.word1
        result.word2 = word2 & mask.word2
        if width > 3 { result.word3 = word3 & mask.word3 }
        if width > 4 {
            result.word4 = word4 & mask.word4
            result.word5 = word5 & mask.word5
            result.word6 = word6 & mask.word6
        }
        return result
    }

    /// Whether two keys agree that have no bits beyond their first `width` words.
    @inline(__always)
    func agrees(with other: FlowKey, width: Int) -> Bool {
        var difference = word0 ^ other.word0
        difference |= word1 ^ other.word1
        difference |= word2 ^ other.word2
        if width > 3 { difference |= word3 ^ other.word3 }
        if width > 4 {
            difference |= word4 ^ other.word4
            difference |= word5 ^ other.word5
            difference |= word6 ^ other.word6
        }
        return difference == 0
    }

    /// What is left when only the bits of a mask count.
    @inline(__always)
    public func masked(by mask: FlowKey) -> FlowKey {
        masked(by: mask, width: 7)
    }

    /// Lets the bits of another mask count too.
    @inline(__always)
    public mutating func formUnion(_ mask: FlowKey) {
        word0 |= mask.word0
        word1 |= mask.word1
        word2 |= mask.word2
        word3 |= mask.word3
        word4 |= mask.word4
        word5 |= mask.word5
        word6 |= mask.word6
    }

    /// Whether two keys agree in all bits, without a branch for each word.
    @inline(__always)
    func agrees(with other: FlowKey) -> Bool {
        agrees(with: other, width: 7)
    }

    /// A number whose upper bits are spread well; equal for equal keys.
    ///
    /// Multilinear: each word times an odd number of its own. The upper half is folded into the lower one first, for a
    /// product carries only upwards. Words beyond the first `width` have to be zero: they add nothing then.
    @inline(__always)
    func hash(seed: UInt64, width: Int = 7) -> UInt64 {
        var hash = (word0 ^ word0 >> 32 ^ seed) &* 0x9e37_79b9_7f4a_7c15
        hash &+= (word1 ^ word1 >> 32) &* 0xc2b2_ae3d_27d4_eb4f
        hash &+= (word2 ^ word2 >> 32) &* 0x1656_67b1_9e37_79f9
        if width > 3 { hash &+= (word3 ^ word3 >> 32) &* 0xd6e8_feb8_6659_fd93 }
        if width > 4 {
            hash &+= (word4 ^ word4 >> 32) &* 0xa076_1d64_78bd_642f
            hash &+= (word5 ^ word5 >> 32) &* 0xe703_7ed1_a0b4_28db
            hash &+= (word6 ^ word6 >> 32) &* 0x8ebc_6af0_9c88_c6e3
        }
        return hash ^ hash >> 29
    }
}
