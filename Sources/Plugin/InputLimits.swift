// SPDX-License-Identifier: Apache-2.0

/// How much of a configuration is read at most, so that a plugin needs a bounded amount of memory whatever it is sent.
///
/// A runtime that names ten thousand attachments to GC, in both spellings, sends two MiB and some sixty thousand values.
package enum InputLimits {
    /// Of standard input.
    package static let octets = 4 << 20
    /// Of a JSON text: each member, element, object and array.
    ///
    /// A value takes up to two hundred octets of memory.
    package static let values = 1 << 18

    /// Whether a text has at most so many values; if it is no JSON, any answer will do.
    package static func admits(_ text: [UInt8], values limit: Int = values) -> Bool {
        // A value and what parts it from the next are two octets at least.
        guard text.count > 2 * limit else { return true }
        var found = 1
        var isInString = false
        var isEscaped = false
        for octet in text {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if octet == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if octet == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch octet {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "{"): found += 1
            default: continue
            }
        }
        return found <= limit
    }
}
