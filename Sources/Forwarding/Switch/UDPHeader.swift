// SPDX-License-Identifier: Apache-2.0

/// A datagram of UDP as it lies in memory (RFC 768).
public struct UDPView: ~Escapable {
    public static let headerLength = 8

    private let bytes: Span<UInt8>
    /// The length of the datagram with its header, in octets.
    public let totalLength: Int

    /// Takes the payload of a packet; nil unless all of the datagram is there.
    ///
    /// The checksum is not looked at.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.headerLength else { return nil }
        let totalLength = Int(bytes.bigEndian16(at: 4))
        guard totalLength >= Self.headerLength, totalLength <= bytes.count else { return nil }
        self.bytes = bytes
        self.totalLength = totalLength
    }

    public var sourcePort: UInt16 { bytes.bigEndian16(at: 0) }
    public var destinationPort: UInt16 { bytes.bigEndian16(at: 2) }
    /// 0 stands for none, which IPv6 allows to tunnels only (RFC 6935).
    public var checksum: UInt16 { bytes.bigEndian16(at: 6) }

    public var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(Self.headerLength..<totalLength) }
    }
}

/// What the header of a datagram of UDP says.
public struct UDPHeader: Hashable, Sendable {
    public var sourcePort: UInt16
    public var destinationPort: UInt16

    public init(sourcePort: UInt16, destinationPort: UInt16) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
    }

    /// Reads what a ``UDPView`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = UDPView(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing UDPView) {
        self.init(sourcePort: view.sourcePort, destinationPort: view.destinationPort)
    }

    /// Writes header and payload behind what is there already, with the checksum.
    ///
    /// - Parameters:
    ///   - bytes: where to.
    ///   - payload: what follows the header.
    ///   - pseudoHeader: what UDP counts besides, for the length of header and payload together; nil writes no checksum.
    public func append(to bytes: inout [UInt8], payload: [UInt8], pseudoHeader: InternetChecksum?) {
        var datagram: [UInt8] = []
        datagram.appendBigEndian(sourcePort)
        datagram.appendBigEndian(destinationPort)
        datagram.appendBigEndian(UInt16(truncatingIfNeeded: UDPView.headerLength + payload.count))
        datagram += [0, 0]
        datagram += payload
        if var checksum = pseudoHeader {
            checksum.add(datagram.span)
            // A sum of zero is sent as its other spelling, for zero says that there is none.
            let value = checksum.value == 0 ? .max : checksum.value
            datagram[6] = UInt8(value >> 8)
            datagram[7] = UInt8(truncatingIfNeeded: value)
        }
        bytes += datagram
    }
}

/// A frame inside of a datagram of UDP, as it lies in memory (RFC 7348, 5).
public struct VXLANView: ~Escapable {
    public static let headerLength = 8
    /// The port of datagrams that carry frames.
    public static let port: UInt16 = 4789

    private let bytes: Span<UInt8>

    /// Takes the payload of a datagram; nil when it is too short or does not name a network.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.headerLength, bytes[0] & 0x08 != 0 else { return nil }
        self.bytes = bytes
    }

    /// Twenty-four bits that name the network the frame belongs to.
    public var network: UInt32 { bytes.bigEndian32(at: 4) >> 8 }

    /// The frame that is carried, without its checksum.
    public var frame: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(Self.headerLength..<bytes.count) }
    }
}

/// What the header in front of a carried frame says.
public struct VXLANHeader: Hashable, Sendable {
    /// Twenty-four bits.
    public var network: UInt32

    public init(network: UInt32) {
        self.network = network
    }

    /// Reads what a ``VXLANView`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = VXLANView(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing VXLANView) {
        self.init(network: view.network)
    }

    /// Writes the header behind what is there already.
    public func append(to bytes: inout [UInt8]) {
        bytes += [0x08, 0, 0, 0]
        bytes.appendBigEndian(network << 8)
    }
}
