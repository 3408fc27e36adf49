// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A message of ICMP or ICMPv6 as it lies in memory (RFC 792; RFC 4443, 2.1).
public struct ICMPView: ~Escapable {
    public static let minimumLength = 8

    private let bytes: Span<UInt8>

    /// Takes the payload of a packet; nil when it is too short.
    ///
    /// The checksum is not looked at.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.minimumLength else { return nil }
        self.bytes = bytes
    }

    public var type: UInt8 { bytes[0] }
    public var code: UInt8 { bytes[1] }
    public var checksum: UInt16 { bytes.bigEndian16(at: 2) }
    /// Four octets whose meaning depends on the type: of an echo, identifier and sequence number.
    public var rest: UInt32 { bytes.bigEndian32(at: 4) }

    public var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(Self.minimumLength..<bytes.count) }
    }

    /// The address a neighbour solicitation asks for or an advertisement speaks of (RFC 4861, 4.3 and 4.4).
    ///
    /// Nil for all other messages of ICMPv6; meaningless for those of ICMP.
    public var neighbourTarget: IPAddress? {
        guard type == ICMPMessage.neighbourSolicitation || type == ICMPMessage.neighbourAdvertisement,
            bytes.count >= 24
        else { return nil }
        return IPAddress(v6: UInt128(bytes.bigEndian64(at: 8)) << 64 | UInt128(bytes.bigEndian64(at: 16)))
    }
}

/// What the header of a message of ICMP or ICMPv6 says.
public struct ICMPMessage: Hashable, Sendable {
    public static let neighbourSolicitation: UInt8 = 135
    public static let neighbourAdvertisement: UInt8 = 136

    public var type: UInt8
    public var code: UInt8
    public var rest: UInt32

    public init(type: UInt8, code: UInt8 = 0, rest: UInt32 = 0) {
        self.type = type
        self.code = code
        self.rest = rest
    }

    /// Reads what a ``ICMPView`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = ICMPView(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing ICMPView) {
        self.init(type: view.type, code: view.code, rest: view.rest)
    }

    /// Writes header and payload behind what is there already, with the checksum.
    ///
    /// - Parameters:
    ///   - bytes: where to.
    ///   - payload: what follows the header.
    ///   - pseudoHeader: what ICMPv6 counts besides (``InternetChecksum/addPseudoHeader(source:destination:protocolNumber:length:)``);
    ///     nothing for ICMP.
    public func append(to bytes: inout [UInt8], payload: [UInt8], pseudoHeader: InternetChecksum = .init()) {
        var message = [type, code, 0, 0]
        message.appendBigEndian(rest)
        message += payload
        var checksum = pseudoHeader
        checksum.add(message.span)
        message[2] = UInt8(checksum.value >> 8)
        message[3] = UInt8(truncatingIfNeeded: checksum.value)
        bytes += message
    }
}
