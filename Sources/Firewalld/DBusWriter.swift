// SPDX-License-Identifier: Apache-2.0

/// Writes values in D-Bus's form, integers with their lowest octet first.
struct DBusWriter {
    private(set) var octets: [UInt8] = []

    mutating func append(_ more: [UInt8]) {
        octets += more
    }

    /// Fills with zeros up to a multiple.
    mutating func align(_ multiple: Int) {
        while octets.count % multiple != 0 { octets.append(0) }
    }

    mutating func append(uint32 value: UInt32) {
        align(4)
        for shift in [0, 8, 16, 24] as [UInt32] { octets.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// A length of four octets, the text, and a zero.
    mutating func append(string: String) {
        append(uint32: UInt32(string.utf8.count))
        octets += Array(string.utf8)
        octets.append(0)
    }

    /// A length of one octet, the types, and a zero.
    mutating func append(signature: String) {
        octets.append(UInt8(signature.utf8.count))
        octets += Array(signature.utf8)
        octets.append(0)
    }

    /// One field of a header, unless it is absent: a number and a value that says its type.
    mutating func append(field number: UInt8, _ type: String, _ value: String?) {
        guard let value else { return }
        align(8)
        octets.append(number)
        append(signature: type)
        append(string: value)
    }
}

/// Reads values in D-Bus's form; nil for whatever the octets do not hold.
struct DBusReader {
    private let octets: [UInt8]
    private var position = 0
    private let isLittleEndian: Bool

    init(_ octets: [UInt8], isLittleEndian: Bool) {
        self.octets = octets
        self.isLittleEndian = isLittleEndian
    }

    var isAtEnd: Bool { position >= octets.count }

    mutating func skip(_ count: Int) {
        position += count
    }

    /// Goes to a multiple, over zeros; false when there is something else, or the end.
    mutating func align(_ multiple: Int) -> Bool {
        while position % multiple != 0 {
            guard octet() == 0 else { return false }
        }
        return true
    }

    mutating func octet() -> UInt8? {
        guard position < octets.count else { return nil }
        position += 1
        return octets[position - 1]
    }

    mutating func uint32() -> UInt32? {
        guard align(4), octets.count - position >= 4 else { return nil }
        var value: UInt32 = 0
        for index in 0..<4 {
            let octet = octets[position + (isLittleEndian ? 3 - index : index)]
            value = value << 8 | UInt32(octet)
        }
        position += 4
        return value
    }

    mutating func string() -> String? {
        guard let length = uint32() else { return nil }
        return text(Int(length))
    }

    mutating func signature() -> String? {
        guard let length = octet() else { return nil }
        return text(Int(length))
    }

    /// So many octets of UTF-8, and a zero that does not count.
    private mutating func text(_ length: Int) -> String? {
        guard octets.count - position > length, octets[position + length] == 0 else { return nil }
        defer { position += length + 1 }
        return String(validating: octets[position..<position + length], as: UTF8.self)
    }
}
