// SPDX-License-Identifier: Apache-2.0

/// A segment of TCP as it lies in memory (RFC 9293, 3.1).
public struct TCPView: ~Escapable {
    public static let minimumLength = 20

    private let bytes: Span<UInt8>
    /// The length of the header with its options, in octets: 20 to 60.
    public let headerLength: Int

    /// Takes the payload of a packet; nil unless all of the header is there.
    ///
    /// The checksum is not looked at.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.minimumLength else { return nil }
        let headerLength = Int(bytes[12] >> 4) * 4
        guard headerLength >= Self.minimumLength, headerLength <= bytes.count else { return nil }
        self.bytes = bytes
        self.headerLength = headerLength
    }

    public var sourcePort: UInt16 { bytes.bigEndian16(at: 0) }
    public var destinationPort: UInt16 { bytes.bigEndian16(at: 2) }
    public var sequenceNumber: UInt32 { bytes.bigEndian32(at: 4) }
    public var acknowledgement: UInt32 { bytes.bigEndian32(at: 8) }
    /// From the least significant bit on: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
    public var flags: UInt8 { bytes[13] }
    public var window: UInt16 { bytes.bigEndian16(at: 14) }
    public var checksum: UInt16 { bytes.bigEndian16(at: 16) }
    public var urgentPointer: UInt16 { bytes.bigEndian16(at: 18) }

    public var options: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(Self.minimumLength..<headerLength) }
    }

    public var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(headerLength..<bytes.count) }
    }
}

/// What the header of a segment of TCP says.
public struct TCPHeader: Hashable, Sendable {
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    public var sequenceNumber: UInt32 = 0
    public var acknowledgement: UInt32 = 0
    /// From the least significant bit on: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
    public var flags: UInt8 = 0
    public var window: UInt16 = 0
    public var urgentPointer: UInt16 = 0
    /// A multiple of 4 octets, 40 at most.
    public var options: [UInt8] = []

    public init(sourcePort: UInt16, destinationPort: UInt16) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
    }

    /// Reads what a ``TCPView`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = TCPView(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing TCPView) {
        self.init(sourcePort: view.sourcePort, destinationPort: view.destinationPort)
        sequenceNumber = view.sequenceNumber
        acknowledgement = view.acknowledgement
        flags = view.flags
        window = view.window
        urgentPointer = view.urgentPointer
        let options = view.options
        for index in options.indices { self.options.append(options[index]) }
    }

    /// Writes header and payload behind what is there already, with the checksum.
    ///
    /// - Parameters:
    ///   - bytes: where to.
    ///   - payload: what follows the header.
    ///   - pseudoHeader: what TCP counts besides, for the length of header and payload together.
    public func append(to bytes: inout [UInt8], payload: [UInt8], pseudoHeader: InternetChecksum) {
        precondition(options.count % 4 == 0 && options.count <= 40, "options of TCP fill words, ten at most")
        var segment: [UInt8] = []
        segment.appendBigEndian(sourcePort)
        segment.appendBigEndian(destinationPort)
        segment.appendBigEndian(sequenceNumber)
        segment.appendBigEndian(acknowledgement)
        segment += [UInt8((TCPView.minimumLength + options.count) / 4) << 4, flags]
        segment.appendBigEndian(window)
        segment += [0, 0]
        segment.appendBigEndian(urgentPointer)
        segment += options
        segment += payload
        var checksum = pseudoHeader
        checksum.add(segment.span)
        segment[16] = UInt8(checksum.value >> 8)
        segment[17] = UInt8(truncatingIfNeeded: checksum.value)
        bytes += segment
    }
}
