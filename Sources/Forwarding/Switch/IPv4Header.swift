// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The numbers of protocols inside of IP (Assigned Internet Protocol Numbers, IANA).
public enum IPProtocol {
    public static let icmp: UInt8 = 1
    public static let tcp: UInt8 = 6
    public static let udp: UInt8 = 17
    public static let icmpv6: UInt8 = 58
    public static let sctp: UInt8 = 132

    /// Whether the first four octets are a source port and a destination port.
    @inline(__always)
    public static func hasPorts(_ number: UInt8) -> Bool {
        number == tcp || number == udp || number == sctp
    }
}

/// A packet of IPv4 as it lies in memory (RFC 791, 3.1).
public struct IPv4View: ~Escapable {
    public static let minimumLength = 20

    private let bytes: Span<UInt8>
    /// The length of the header with its options, in octets: 20 to 60.
    public let headerLength: Int
    /// The length of the packet in octets, padding of the frame not included.
    public let totalLength: Int

    /// Takes the payload of a frame; nil unless all of the packet is there.
    ///
    /// The checksum is not looked at.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.minimumLength, bytes[0] >> 4 == 4 else { return nil }
        let headerLength = Int(bytes[0] & 15) * 4
        let totalLength = Int(bytes.bigEndian16(at: 2))
        guard headerLength >= Self.minimumLength, totalLength >= headerLength, totalLength <= bytes.count else {
            return nil
        }
        self.bytes = bytes
        self.headerLength = headerLength
        self.totalLength = totalLength
    }

    /// Six bits of service class and two of congestion (RFC 2474, RFC 3168).
    public var trafficClass: UInt8 { bytes[1] }
    public var identification: UInt16 { bytes.bigEndian16(at: 4) }
    public var mayNotFragment: Bool { bytes[6] & 0x40 != 0 }
    public var hasMoreFragments: Bool { bytes[6] & 0x20 != 0 }
    /// Where in the whole packet this fragment begins, in octets.
    public var fragmentOffset: Int { Int(bytes.bigEndian16(at: 6) & 0x1fff) * 8 }
    public var timeToLive: UInt8 { bytes[8] }
    public var protocolNumber: UInt8 { bytes[9] }
    public var checksum: UInt16 { bytes.bigEndian16(at: 10) }
    public var source: IPAddress { IPAddress(v4: bytes.bigEndian32(at: 12)) }
    public var destination: IPAddress { IPAddress(v4: bytes.bigEndian32(at: 16)) }
    public var hasRightChecksum: Bool { InternetChecksum.of(bytes.extracting(0..<headerLength)) == 0 }

    /// Options and their padding; empty as a rule.
    public var options: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(Self.minimumLength..<headerLength) }
    }

    /// What the packet carries.
    public var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(headerLength..<totalLength) }
    }
}

/// What the header of a packet of IPv4 says.
public struct IPv4Header: Hashable, Sendable {
    public var trafficClass: UInt8 = 0
    public var identification: UInt16 = 0
    public var mayNotFragment = false
    public var hasMoreFragments = false
    /// In octets; a multiple of 8 below 65536.
    public var fragmentOffset = 0
    public var timeToLive: UInt8 = 64
    public var protocolNumber: UInt8
    public var source: IPAddress
    public var destination: IPAddress
    /// A multiple of 4 octets, 40 at most.
    public var options: [UInt8] = []

    public init(protocolNumber: UInt8, source: IPAddress, destination: IPAddress) {
        self.protocolNumber = protocolNumber
        self.source = source
        self.destination = destination
    }

    /// Reads what a ``IPv4View`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = IPv4View(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing IPv4View) {
        self.init(protocolNumber: view.protocolNumber, source: view.source, destination: view.destination)
        trafficClass = view.trafficClass
        identification = view.identification
        mayNotFragment = view.mayNotFragment
        hasMoreFragments = view.hasMoreFragments
        fragmentOffset = view.fragmentOffset
        timeToLive = view.timeToLive
        let options = view.options
        for index in options.indices { self.options.append(options[index]) }
    }

    /// Writes the header behind what is there already, with its checksum.
    ///
    /// - Parameters:
    ///   - bytes: where to.
    ///   - payloadLength: how many octets will follow.
    public func append(to bytes: inout [UInt8], payloadLength: Int) {
        precondition(options.count % 4 == 0 && options.count <= 40, "options of IPv4 fill words, ten at most")
        var header: [UInt8] = [0x45 + UInt8(options.count / 4), trafficClass]
        header.appendBigEndian(UInt16(truncatingIfNeeded: IPv4View.minimumLength + options.count + payloadLength))
        header.appendBigEndian(identification)
        let flags: UInt16 = (mayNotFragment ? 0x4000 : 0) | (hasMoreFragments ? 0x2000 : 0)
        header.appendBigEndian(flags | UInt16(truncatingIfNeeded: fragmentOffset / 8) & 0x1fff)
        header += [timeToLive, protocolNumber, 0, 0]
        header.append(source, of: .v4)
        header.append(destination, of: .v4)
        header += options
        let checksum = InternetChecksum.of(header.span)
        header[10] = UInt8(checksum >> 8)
        header[11] = UInt8(truncatingIfNeeded: checksum)
        bytes += header
    }
}
