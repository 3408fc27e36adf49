// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// The numbers of protocols inside of Ethernet (IEEE 802 Numbers, IANA).
package enum EtherType {
    package static let ipv4: UInt16 = 0x0800
    package static let arp: UInt16 = 0x0806
    package static let ipv6: UInt16 = 0x86dd
    /// A customer's tag, IEEE 802.1Q, 9.5.
    package static let customerTag: UInt16 = 0x8100
    /// A provider's tag, once 802.1ad.
    package static let serviceTag: UInt16 = 0x88a8

    /// Whether this number announces a VLAN tag rather than a protocol.
    @inline(__always)
    package static func isTag(_ number: UInt16) -> Bool {
        number == customerTag || number == serviceTag
    }
}

/// A VLAN tag of a frame (IEEE 802.1Q, 9.6).
package struct VLANTag: Hashable, Sendable {
    /// ``EtherType/customerTag`` or ``EtherType/serviceTag``.
    package var protocolID: UInt16
    /// Three bits of priority, one that allows to drop, twelve of VLAN.
    package var control: UInt16

    package init(protocolID: UInt16 = EtherType.customerTag, control: UInt16) {
        self.protocolID = protocolID
        self.control = control
    }

    /// 0 stands for no VLAN, only a priority; 4095 is reserved.
    package var vlan: UInt16 { control & 0xfff }
    /// 0 to 7.
    package var priority: UInt8 { UInt8(truncatingIfNeeded: control >> 13) }
    /// Whether the frame is the first to go when there are too many.
    package var isDropEligible: Bool { control & 0x1000 != 0 }
}

/// An Ethernet frame without its checksum, as it lies in memory.
package struct EthernetView: ~Escapable {
    /// Addresses and type.
    package static let minimumLength = 14

    private let bytes: Span<UInt8>
    private let typeOffset: Int

    /// Takes a frame with up to two tags; nil when it ends before its type does.
    ///
    /// A third tag is the payload of the second.
    @_lifetime(copy bytes)
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.minimumLength else { return nil }
        var offset = 12
        while offset < 20, EtherType.isTag(bytes.bigEndian16(at: offset)) {
            offset += 4
            guard bytes.count >= offset + 2 else { return nil }
        }
        self.bytes = bytes
        typeOffset = offset
    }

    package var destination: MACAddress { MACAddress(value: bytes.bigEndian64(at: 0) >> 16) }
    package var source: MACAddress { MACAddress(value: bytes.bigEndian64(at: 6) >> 16) }
    /// What the payload is; below 1536 the length of a frame of IEEE 802.3.
    package var etherType: UInt16 { bytes.bigEndian16(at: typeOffset) }
    /// How many octets come before the payload.
    package var headerLength: Int { typeOffset + 2 }

    /// The tag behind the addresses.
    package var outerTag: VLANTag? { tag(at: 12) }
    /// The tag behind the outer one.
    package var innerTag: VLANTag? { tag(at: 16) }

    /// Everything behind the type, padding included.
    package var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(headerLength..<bytes.count) }
    }

    private func tag(at offset: Int) -> VLANTag? {
        guard offset < typeOffset else { return nil }
        return VLANTag(protocolID: bytes.bigEndian16(at: offset), control: bytes.bigEndian16(at: offset + 2))
    }
}

/// What the header of an Ethernet frame says.
package struct EthernetHeader: Hashable, Sendable {
    package var destination: MACAddress
    package var source: MACAddress
    package var outerTag: VLANTag?
    /// Only beside an outer tag.
    package var innerTag: VLANTag?
    package var etherType: UInt16

    package init(
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
    package init?(reading bytes: Span<UInt8>) {
        guard let view = EthernetView(bytes) else { return nil }
        self.init(view)
    }

    package init(_ view: borrowing EthernetView) {
        self.init(
            destination: view.destination,
            source: view.source,
            outerTag: view.outerTag,
            innerTag: view.innerTag,
            etherType: view.etherType
        )
    }

    /// Writes the header behind what is there already.
    package func append(to bytes: inout [UInt8]) {
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
