// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Where the extension headers of a packet of IPv6 end, and what comes behind them (RFC 8200, 4).
public struct IPv6Chain: Hashable, Sendable {
    /// How many extension headers are followed.
    ///
    /// RFC 8200 sets no limit, and each costs time; senders have no use for more than a handful.
    public static let maximumHeaders = 16

    /// The number of the first header that is no extension: TCP, UDP, ICMPv6, ESP, 59 for none.
    public let protocolNumber: UInt8
    /// Where it begins, in octets from the start of the packet.
    public let offset: Int
    /// Whether the packet is a fragment of a larger one.
    public let isFragment: Bool
    /// Whether it is one that does not begin with the header `protocolNumber` announces.
    public let isLaterFragment: Bool

    /// Walks over the extension headers of a packet that ends at `end`.
    ///
    /// - Returns: nil when the packet ends inside of an extension header, or has more than ``maximumHeaders``.
    @inline(__always)
    init?(_ bytes: Span<UInt8>, to end: Int) {
        var number = bytes[6]
        var offset = IPv6View.headerLength
        var isFragment = false
        var isLaterFragment = false
        if Self.isExtension(number) {
            var headers = 0
            while Self.isExtension(number), !isLaterFragment {
                guard headers < Self.maximumHeaders, offset + 8 <= end else { return nil }
                let length: Int
                switch number {
                case 44:
                    length = 8
                    isFragment = true
                    isLaterFragment = bytes.bigEndian16(at: offset + 2) & 0xfff8 != 0
                case 51:
                    length = (Int(bytes[offset + 1]) + 2) * 4  // RFC 4302, 2.2
                default:
                    length = (Int(bytes[offset + 1]) + 1) * 8
                }
                guard offset + length <= end else { return nil }
                number = bytes[offset]
                offset += length
                headers += 1
            }
        }
        protocolNumber = number
        self.offset = offset
        self.isFragment = isFragment
        self.isLaterFragment = isLaterFragment
    }

    /// Whether a header of this number has a length and names the next one (IPv6 Extension Header Types, IANA).
    ///
    /// ESP (50) is none: what follows it is encrypted.
    @inline(__always)
    private static func isExtension(_ number: UInt8) -> Bool {
        switch number {
        case 0, 43, 44, 51, 60, 135, 139, 140: true
        default: false
        }
    }
}

/// A packet of IPv6 as it lies in memory (RFC 8200, 3).
public struct IPv6View: ~Escapable {
    public static let headerLength = 40

    private let bytes: Span<UInt8>
    /// The length of the packet with its header, in octets, padding of the frame not included.
    public let totalLength: Int
    /// What follows the extension headers; nil when they are damaged.
    public let chain: IPv6Chain?

    /// Takes the payload of a frame; nil unless all of the packet is there.
    ///
    /// A payload of length 0 has none, also where it stands for a jumbogram (RFC 2675).
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.headerLength, bytes[0] >> 4 == 6 else { return nil }
        let totalLength = Self.headerLength + Int(bytes.bigEndian16(at: 4))
        guard totalLength <= bytes.count else { return nil }
        self.bytes = bytes
        self.totalLength = totalLength
        chain = IPv6Chain(bytes, to: totalLength)
    }

    /// Six bits of service class and two of congestion.
    public var trafficClass: UInt8 { UInt8(truncatingIfNeeded: bytes.bigEndian16(at: 0) >> 4) }
    /// Twenty bits.
    public var flowLabel: UInt32 { bytes.bigEndian32(at: 0) & 0xf_ffff }
    /// The number of the header behind this one, an extension or not.
    public var nextHeader: UInt8 { bytes[6] }
    public var hopLimit: UInt8 { bytes[7] }
    public var source: IPAddress { address(at: 8) }
    public var destination: IPAddress { address(at: 24) }

    /// Everything behind the fixed header, extension headers included.
    public var payload: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(Self.headerLength..<totalLength) }
    }

    /// What comes behind the extension headers; empty when they are damaged.
    public var transport: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting((chain?.offset ?? totalLength)..<totalLength) }
    }

    private func address(at offset: Int) -> IPAddress {
        IPAddress(v6: UInt128(bytes.bigEndian64(at: offset)) << 64 | UInt128(bytes.bigEndian64(at: offset + 8)))
    }
}

/// What the fixed header of a packet of IPv6 says.
public struct IPv6Header: Hashable, Sendable {
    public var trafficClass: UInt8 = 0
    /// Twenty bits.
    public var flowLabel: UInt32 = 0
    public var nextHeader: UInt8
    public var hopLimit: UInt8 = 64
    public var source: IPAddress
    public var destination: IPAddress

    public init(nextHeader: UInt8, source: IPAddress, destination: IPAddress) {
        self.nextHeader = nextHeader
        self.source = source
        self.destination = destination
    }

    /// Reads what a ``IPv6View`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = IPv6View(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing IPv6View) {
        self.init(nextHeader: view.nextHeader, source: view.source, destination: view.destination)
        trafficClass = view.trafficClass
        flowLabel = view.flowLabel
        hopLimit = view.hopLimit
    }

    /// Writes the header behind what is there already.
    ///
    /// - Parameters:
    ///   - bytes: where to.
    ///   - payloadLength: how many octets will follow, extension headers included.
    public func append(to bytes: inout [UInt8], payloadLength: Int) {
        bytes.appendBigEndian(6 << 28 | UInt32(trafficClass) << 20 | flowLabel & 0xf_ffff)
        bytes.appendBigEndian(UInt16(truncatingIfNeeded: payloadLength))
        bytes += [nextHeader, hopLimit]
        bytes.append(source, of: .v6)
        bytes.append(destination, of: .v6)
    }
}
