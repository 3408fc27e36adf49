// SPDX-License-Identifier: Apache-2.0
internal import Addressing

/// Puts numbers and texts one behind the other.
struct LogWriter {
    private(set) var octets: [UInt8] = []

    mutating func append(_ number: Int64) {
        withUnsafeBytes(of: number.littleEndian) { octets.append(contentsOf: $0) }
    }

    mutating func append(_ content: [UInt8]) {
        append(Int64(content.count))
        octets.append(contentsOf: content)
    }

    mutating func append(_ text: String) {
        append(Int64(text.utf8.count))
        octets.append(contentsOf: text.utf8)
    }

    mutating func fill(to count: Int) {
        while octets.count < count { octets.append(0) }
    }

    /// Tells damage, not malice: Fowler, Noll and Vo's function 1a.
    static func sum(_ octets: ArraySlice<UInt8>) -> UInt64 {
        var sum: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in octets { sum = (sum ^ UInt64(octet)) &* 0x0000_0100_0000_01b3 }
        return sum
    }
}

/// Takes apart what a ``LogWriter`` put together; nil at the end, or when something cannot be.
struct LogReader {
    private let octets: [UInt8]
    private var position = 0

    init(_ octets: [UInt8]) {
        self.octets = octets
    }

    var isAtEnd: Bool { position == octets.count }

    mutating func number() -> Int64? {
        guard position + 8 <= octets.count else { return nil }
        let number = octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Int64.self) }
        position += 8
        return Int64(littleEndian: number)
    }

    mutating func content() -> [UInt8]? {
        guard let count = number(), count >= 0, count <= octets.count - position else { return nil }
        defer { position += Int(count) }
        return Array(octets[position..<(position + Int(count))])
    }

    mutating func text() -> String? { content().map { String(decoding: $0, as: UTF8.self) } }

    mutating func address() -> IPAddress? { content().flatMap { IPAddress(sortKey: $0) } }
}
