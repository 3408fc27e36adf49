// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The numbers of protocols inside of Ethernet (IEEE 802 Numbers, IANA).
public enum EtherType {
    public static let ipv4: UInt16 = 0x0800
    public static let arp: UInt16 = 0x0806
    public static let ipv6: UInt16 = 0x86dd
    /// A customer's tag, IEEE 802.1Q, 9.5.
    public static let customerTag: UInt16 = 0x8100
    /// A provider's tag, once 802.1ad.
    public static let serviceTag: UInt16 = 0x88a8

    /// Whether this number announces a VLAN tag rather than a protocol.
    @inline(__always)
    public static func isTag(_ number: UInt16) -> Bool {
        number == customerTag || number == serviceTag
    }
}

/// A VLAN tag of a frame (IEEE 802.1Q, 9.6).
public struct VLANTag: Hashable, Sendable {
    /// ``EtherType/customerTag`` or ``EtherType/serviceTag``.
    public var protocolID: UInt16
    /// Three bits of priority, one that allows to drop, twelve of VLAN.
    public var control: UInt16

    public init(protocolID: UInt16 = EtherType.customerTag, control: UInt16) {
        self.protocolID = protocolID
        self.control = control
    }

    /// 0 stands for no VLAN, only a priority; 4095 is reserved.
    public var vlan: UInt16 { control & 0xfff }
    /// 0 to 7.
    public var priority: UInt8 { UInt8(truncatingIfNeeded: control >> 13) }
    /// Whether the frame is the first to go when there are too many.
    public var isDropEligible: Bool { control & 0x1000 != 0 }
}

/// An Ethernet frame without its checksum, as it lies in memory.
public struct EthernetView: ~Escapable {
    /// Addresses and type.
    public static let minimumLength = 14

    private let bytes: Span<UInt8>
    private let typeOffset: Int

    /// Takes a frame with up to two tags; nil when it ends before its type does.
    ///
    /// A third tag is the payload of the second.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.minimumLength else { return nil }
        var offset = 12
        while offset < 20, EtherType.isTag(bytes.bigEndian16(at: offset)) {
            offset += 4
            guard bytes.count >= offset + 2 else { return nil }
        }
        self.bytes = bytes
        typeOffset = offset
    }

    public var destination: MACAddress { MACAddress(value: bytes.bigEndian64(at: 0) >> 16) }
    public var source: MACAddress { MACAddress(value: bytes.bigEndian64(at: 6) >> 16) }
    /// What the payload is; below 1536 the length of a frame of IEEE 802.3.
    public var etherType: UInt16 { bytes.bigEndian16(at: typeOffset) }
    /// How many octets come before the payload.
    public var headerLength: Int { typeOffset + 2 }

    /// The tag behind the addresses.
    public var outerTag: VLANTag? { tag(at: 12) }
    /// The tag behind the outer one.
    public var innerTag: VLANTag? { tag(at: 16) }

    /// Everything behind the type, padding included.
    public var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(headerLength..<bytes.count) }
    }

    private func tag(at offset: Int) -> VLANTag? {
        guard offset < typeOffset else { return nil }
        return VLANTag(protocolID: bytes.bigEndian16(at: offset), control: bytes.bigEndian16(at: offset + 2))
    }
}

/// What the header of an Ethernet frame says.
public struct EthernetHeader: Hashable, Sendable {
    public var destination: MACAddress
    public var source: MACAddress
    public var outerTag: VLANTag?
    /// Only beside an outer tag.
    public var innerTag: VLANTag?
    public var etherType: UInt16

    public init(
        destination: MACAddress,
        source: MACAddress,
        outerTag: VLANTag? = nil,
        innerTag: VLANTag? = nil,
        etherType: UInt16
    ) {
        self.destination = destination
        self.source = source
        self.outerTag = outerTag
        self.innerTag = innerTag
        self.etherType = etherType
    }

    /// Reads what a ``EthernetView`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = EthernetView(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing EthernetView) {
        self.init(
            destination: view.destination,
            source: view.source,
            outerTag: view.outerTag,
            innerTag: view.innerTag,
            etherType: view.etherType
        )
    }

    /// Writes the header behind what is there already.
    public func append(to bytes: inout [UInt8]) {
        bytes += destination.octets
        bytes += source.octets
        for tag in [outerTag, innerTag] {
            guard let tag else { continue }
            bytes.appendBigEndian(tag.protocolID)
            bytes.appendBigEndian(tag.control)
        }
        bytes.appendBigEndian(etherType)
    }
}
