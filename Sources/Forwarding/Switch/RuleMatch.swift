// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Which frames a rule is about: some bits of a ``FlowKey``, and what they have to be.
///
/// A field that is not named does not count. Naming an address names the protocol it belongs to: bits of something else
/// are never taken for it. Who names a port names the protocol too.
public struct RuleMatch: Hashable, Sendable {
    /// What the bits of ``mask`` have to be; zero elsewhere.
    public private(set) var key = FlowKey()
    /// Which bits count.
    public private(set) var mask = FlowKey()

    /// All frames.
    public init() {}

    /// Takes a key and a mask as they are: the caller vouches that fields which share words are told apart.
    public init(key: FlowKey, mask: FlowKey) {
        self.key = key.masked(by: mask)
        self.mask = mask
    }

    /// Whether the rule is about this frame.
    public func contains(_ flow: FlowKey) -> Bool {
        flow.masked(by: mask).agrees(with: key)
    }

    /// Frames that came through this interface.
    public mutating func require(ingress: InterfaceID) {
        key.ingress = ingress
        mask.ingress = InterfaceID(index: .max)
    }

    /// Frames of this type; see ``EtherType``.
    public mutating func require(etherType: UInt16) {
        key.etherType = etherType
        mask.etherType = .max
    }

    /// Frames that belong to this VLAN.
    public mutating func require(vlan: UInt16) {
        key.vlan = vlan
        mask.vlan = .max
    }

    /// Frames to this address, or to those that agree with it in the bits of a mask.
    public mutating func require(destination: MACAddress, mask bits: MACAddress = MACAddress(value: .max)) {
        key.destination = MACAddress(value: destination.value & bits.value)
        mask.destination = bits
    }

    /// Frames from this address, or from those that agree with it in the bits of a mask.
    public mutating func require(source: MACAddress, mask bits: MACAddress = MACAddress(value: .max)) {
        key.source = MACAddress(value: source.value & bits.value)
        mask.source = bits
    }

    /// Packets of IP from this network.
    ///
    /// Of ARP: `require(etherType:)` afterwards.
    public mutating func require(sourceNetwork network: CIDR) {
        requirePacket(network.family)
        let (bits, value) = Self.words(network)
        switch network.family {
        case .v4:
            key.word3 = key.word3 & 0xffff_ffff | value.low << 32
            mask.word3 = mask.word3 & 0xffff_ffff | bits.low << 32
        case .v6:
            (key.word3, key.word4) = (value.high, value.low)
            (mask.word3, mask.word4) = (bits.high, bits.low)
        }
    }

    /// Packets of IP to this network.
    ///
    /// Of ARP: `require(etherType:)` afterwards.
    public mutating func require(destinationNetwork network: CIDR) {
        requirePacket(network.family)
        let (bits, value) = Self.words(network)
        switch network.family {
        case .v4:
            key.word3 = key.word3 & ~0xffff_ffff | value.low
            mask.word3 = mask.word3 & ~0xffff_ffff | bits.low
        case .v6:
            (key.word5, key.word6) = (value.high, value.low)
            (mask.word5, mask.word6) = (bits.high, bits.low)
        }
    }

    /// Packets of this protocol in IP of one version, behind extension headers.
    public mutating func require(protocolNumber: UInt8, family: AddressFamily) {
        requirePacket(family)
        key.protocolNumber = protocolNumber
        mask.protocolNumber = .max
    }

    /// Segments from ports that agree with this one in the bits of a mask.
    ///
    /// Of ICMP: messages of this type. Never a later fragment, which has no ports.
    public mutating func require(sourcePort: UInt16, mask bits: UInt16 = .max) {
        requireNot(FlowKey.Note.laterFragment)
        key.sourcePort = sourcePort & bits
        mask.sourcePort = bits
    }

    /// Segments to ports that agree with this one in the bits of a mask.
    ///
    /// Of ICMP: messages of this code. Never a later fragment, which has no ports.
    public mutating func require(destinationPort: UInt16, mask bits: UInt16 = .max) {
        requireNot(FlowKey.Note.laterFragment)
        key.destinationPort = destinationPort & bits
        mask.destinationPort = bits
    }

    /// Frames of which it cannot be said what packet they hold; see ``FlowKey/isMalformed``.
    public mutating func requireMalformed() {
        key.word0 |= FlowKey.Note.malformed
        mask.word0 |= FlowKey.Note.malformed
    }

    /// Ports and masks that together stand for a range: one rule for each, thirty at most.
    public static func prefixes(of ports: ClosedRange<UInt16>) -> [(port: UInt16, mask: UInt16)] {
        var prefixes: [(port: UInt16, mask: UInt16)] = []
        var next = Int(ports.lowerBound)
        let end = Int(ports.upperBound)
        while next <= end {
            var size = next == 0 ? 0x10000 : next & -next
            while next + size - 1 > end { size /= 2 }
            prefixes.append((UInt16(next), ~UInt16(size - 1)))
            next += size
        }
        return prefixes
    }

    private mutating func requirePacket(_ family: AddressFamily) {
        require(etherType: family == .v4 ? EtherType.ipv4 : EtherType.ipv6)
        requireNot(FlowKey.Note.malformed)
    }

    private mutating func requireNot(_ note: UInt64) {
        key.word0 &= ~note
        mask.word0 |= note
    }

    private typealias Halves = (high: UInt64, low: UInt64)

    /// The mask of a network and its first address.
    private static func words(_ network: CIDR) -> (bits: Halves, value: Halves) {
        let hosts = network.last.value ^ network.first.value
        let bits = (network.family == .v4 ? UInt128(UInt32.max) : .max) & ~hosts
        return (halves(bits), halves(network.first.value))
    }

    private static func halves(_ number: UInt128) -> Halves {
        (UInt64(truncatingIfNeeded: number >> 64), UInt64(truncatingIfNeeded: number))
    }
}
