// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A message that resolves addresses of IPv4 on Ethernet, as it lies in memory (RFC 826).
public struct ARPView: ~Escapable {
    public static let length = 28

    private let bytes: Span<UInt8>

    /// Takes the payload of a frame; nil when it is too short, or about other networks than Ethernet and IPv4.
    @_lifetime(copy bytes)
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.length, bytes.bigEndian64(at: 0) >> 16 == 0x0001_0800_0604 else { return nil }
        self.bytes = bytes
    }

    /// 1 asks, 2 answers.
    public var operation: UInt16 { bytes.bigEndian16(at: 6) }
    public var senderMAC: MACAddress { MACAddress(value: bytes.bigEndian64(at: 8) >> 16) }
    public var senderAddress: IPAddress { IPAddress(v4: bytes.bigEndian32(at: 14)) }
    public var targetMAC: MACAddress { MACAddress(value: bytes.bigEndian64(at: 18) >> 16) }
    public var targetAddress: IPAddress { IPAddress(v4: bytes.bigEndian32(at: 24)) }
}

/// What a message of ARP says.
public struct ARPMessage: Hashable, Sendable {
    public static let request: UInt16 = 1
    public static let reply: UInt16 = 2

    public var operation: UInt16
    public var senderMAC: MACAddress
    /// 0.0.0.0 in a probe (RFC 5227, 1.1).
    public var senderAddress: IPAddress
    public var targetMAC: MACAddress
    public var targetAddress: IPAddress

    public init(
        operation: UInt16,
        senderMAC: MACAddress,
        senderAddress: IPAddress,
        targetMAC: MACAddress,
        targetAddress: IPAddress
    ) {
        self.operation = operation
        self.senderMAC = senderMAC
        self.senderAddress = senderAddress
        self.targetMAC = targetMAC
        self.targetAddress = targetAddress
    }

    /// Reads what a ``ARPView`` takes; nil for what it refuses.
    public init?(reading bytes: Span<UInt8>) {
        guard let view = ARPView(bytes) else { return nil }
        self.init(view)
    }

    public init(_ view: borrowing ARPView) {
        self.init(
            operation: view.operation,
            senderMAC: view.senderMAC,
            senderAddress: view.senderAddress,
            targetMAC: view.targetMAC,
            targetAddress: view.targetAddress
        )
    }

    /// Writes the message behind what is there already.
    public func append(to bytes: inout [UInt8]) {
        bytes += [0, 1, 8, 0, 6, 4]
        bytes.appendBigEndian(operation)
        bytes += senderMAC.octets
        bytes.append(senderAddress, of: .v4)
        bytes += targetMAC.octets
        bytes.append(targetAddress, of: .v4)
    }
}
