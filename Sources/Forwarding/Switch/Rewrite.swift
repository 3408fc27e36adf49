// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// How a frame has to be changed before it leaves.
public struct Rewrite: Hashable, Sendable, BitwiseCopyable {
    public enum TagChange: Hashable, Sendable, BitwiseCopyable {
        case keep
        case pop
        /// A new tag in front of what there is.
        case push(control: UInt16)
        /// Other contents of the tag that is there.
        case replace(control: UInt16)
    }

    public var tag = TagChange.keep
    /// ``EtherType/customerTag`` or ``EtherType/serviceTag``.
    public var tagProtocol = EtherType.customerTag
    /// New addresses, and one hop less to live; only of what is routed.
    public var isRouted = false
    var destinationNumber: UInt64 = 0
    var sourceNumber: UInt64 = 0

    /// Nothing is changed.
    public init() {}

    /// The new destination; nil keeps the old one.
    public var destination: MACAddress? { isRouted ? MACAddress(value: destinationNumber) : nil }
    /// The new source; nil keeps the old one.
    public var source: MACAddress? { isRouted ? MACAddress(value: sourceNumber) : nil }

    /// How many octets the frame grows, or shrinks when negative.
    public var growth: Int {
        switch tag {
        case .keep, .replace: 0
        case .pop: -4
        case .push: 4
        }
    }

    /// Writes the changed frame.
    ///
    /// - Parameters:
    ///   - frame: as it came, and as the decision was made about.
    ///   - output: where to; what lies behind the frame stays.
    /// - Returns: the length of the changed frame; nil, with nothing written, when there is no room for it.
    public func write(_ frame: Span<UInt8>, into output: inout MutableSpan<UInt8>) -> Int? {
        let length = frame.count + growth
        guard frame.count >= EthernetView.minimumLength, length >= 12, length <= output.count else { return nil }
        for index in 0..<12 { output[index] = frame[index] }
        var next = 12
        var rest = 12
        switch tag {
        case .keep:
            break
        case .pop:
            rest = 16
        case .push(let control), .replace(let control):
            if case .replace = tag { rest = 16 }
            Self.set(tagProtocol, at: 12, in: &output)
            Self.set(control, at: 14, in: &output)
            next = 16
        }
        let shift = next - rest
        while rest < frame.count {
            output[rest + shift] = frame[rest]
            rest += 1
        }
        if isRouted { route(&output, length) }
        return length
    }

    private static func set(_ number: UInt16, at offset: Int, in output: inout MutableSpan<UInt8>) {
        output[offset] = UInt8(truncatingIfNeeded: number >> 8)
        output[offset + 1] = UInt8(truncatingIfNeeded: number)
    }

    private func route(_ output: inout MutableSpan<UInt8>, _ length: Int) {
        for index in 0..<6 {
            output[index] = UInt8(truncatingIfNeeded: destinationNumber >> UInt64(40 - 8 * index))
            output[6 + index] = UInt8(truncatingIfNeeded: sourceNumber >> UInt64(40 - 8 * index))
        }
        var offset = 12
        while offset + 4 < length, EtherType.isTag(Self.number(at: offset, in: output)) { offset += 4 }
        let packet = offset + 2
        switch Self.number(at: offset, in: output) {
        case EtherType.ipv4 where packet + IPv4View.minimumLength <= length:
            let old = Self.number(at: packet + 8, in: output)
            output[packet + 8] &-= 1
            let new = Self.number(at: packet + 8, in: output)
            let checksum = Self.number(at: packet + 10, in: output)
            Self.set(InternetChecksum.updated(checksum, from: old, to: new), at: packet + 10, in: &output)
        case EtherType.ipv6 where packet + IPv6View.headerLength <= length:
            output[packet + 7] &-= 1
        default:
            break
        }
    }

    private static func number(at offset: Int, in output: borrowing MutableSpan<UInt8>) -> UInt16 {
        UInt16(output[offset]) << 8 | UInt16(output[offset + 1])
    }
}
