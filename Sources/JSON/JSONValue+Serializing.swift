// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// The JSON text of this value in UTF-8: members in their order, no newline at the end, slashes as they are.
    ///
    /// Written here and not by jansson, which would need a second tree of every value: a plugin's record and its answer
    /// are the larger part of what it does outside the kernel.
    ///
    /// - Parameter indent: Spaces per level, at most 31; with 0 the text is one line without any white space.
    /// - Returns: The bytes of the text.
    /// - Precondition: No real is infinite or NaN.
    package func serialized(indent: Int = 0) -> [UInt8] {
        precondition((0...31).contains(indent), "JSON is indented by 0 to 31 spaces per level")
        var writer = JSONWriter(indent: indent)
        writer.write(self)
        return writer.text
    }
}

/// Appends values to a text.
private struct JSONWriter {
    private let indent: Int
    private var level = 0
    private(set) var text: [UInt8] = []

    init(indent: Int) {
        self.indent = indent
        text.reserveCapacity(1024)
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: write("null")
        case .bool(let value): write(value ? "true" : "false")
        case .integer(let value): write(value.description)
        case .real(let value):
            precondition(value.isFinite, "\(value) has no form in JSON")
            write(value.description)
        case .string(let value): writeString(value)
        case .array(let elements):
            guard !elements.isEmpty else { return write("[]") }
            open("[")
            for index in elements.indices {
                separate(isFirst: index == elements.startIndex)
                write(elements[index])
            }
            close("]")
        case .object(let object):
            guard !object.isEmpty else { return write("{}") }
            open("{")
            for index in object.members.indices {
                separate(isFirst: index == object.members.startIndex)
                writeString(object.members[index].key)
                write(indent == 0 ? ":" : ": ")
                write(object.members[index].value)
            }
            close("}")
        }
    }

    private mutating func write(_ plain: String) {
        var plain = plain
        plain.withUTF8 { text.append(contentsOf: $0) }
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        text.append(UInt8(ascii: bracket))
        level += 1
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        level -= 1
        breakLine()
        text.append(UInt8(ascii: bracket))
    }

    private mutating func separate(isFirst: Bool) {
        if !isFirst { text.append(UInt8(ascii: ",")) }
        breakLine()
    }

    private mutating func breakLine() {
        guard indent > 0 else { return }
        text.append(UInt8(ascii: "\n"))
        for _ in 0..<(indent * level) { text.append(UInt8(ascii: " ")) }
    }

    /// RFC 8259, 7: quotation mark, reverse solidus and control characters must be escaped.
    private mutating func writeString(_ value: String) {
        text.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { octets in
            if octets.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
                writeEscaped(octets)
            } else {
                text.append(contentsOf: octets)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    private mutating func writeEscaped(_ octets: UnsafeBufferPointer<UInt8>) {
        for octet in octets {
            switch octet {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(octet)
            case UInt8(ascii: "\n"): write("\\n")
            case UInt8(ascii: "\r"): write("\\r")
            case UInt8(ascii: "\t"): write("\\t")
            case 0x08: write("\\b")
            case 0x0c: write("\\f")
            case 0x00..<0x20:
                write("\\u00")
                writeDigit(octet >> 4)
                writeDigit(octet & 15)
            default: text.append(octet)
            }
        }
    }

    private mutating func writeDigit(_ digit: UInt8) {
        text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}
