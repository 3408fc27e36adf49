// SPDX-License-Identifier: Apache-2.0

/// A value of a JSON document is not what its reader needs there.
///
/// Reads like `mtu: expected an integer, found the string "1500"`.
package struct JSONTypeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the document, such as `ipam.ranges[0][1].subnet`; empty for the document itself.
    package let path: String
    /// What would have been right, such as `an integer from 0 to 4094`.
    package let expected: String
    /// What stands there, shortened to a bounded length.
    package let found: String

    package init(path: String, expected: String, found: String) {
        self.path = path
        self.expected = expected
        self.found = found
    }

    package var description: String {
        let sentence = "expected \(expected), found \(found)"
        return path.isEmpty ? sentence : "\(path): \(sentence)"
    }
}

extension JSONValue {
    /// The value in words of bounded length, such as `the string "1500"`.
    package var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): "the boolean \(value)"
        case .integer(let value): "the integer \(value)"
        case .real(let value): "the real number \(value)"
        case .string(let text): "the string \(text.quotedBriefly)"
        case .array(let elements): "an array of \(elements.count)"
        case .object(let object): object.isEmpty ? "an empty object" : "an object of \(object.count)"
        }
    }
}

extension String {
    /// The first characters in JSON's quotes, so that neither newlines nor length can garble a log.
    fileprivate var quotedBriefly: String {
        let limit = 60
        let start = String(unicodeScalars.prefix(limit))
        let quoted = String(decoding: JSONValue.string(start).serialized(), as: UTF8.self)
        return unicodeScalars.count > limit ? "\(quoted)..." : quoted
    }
}
