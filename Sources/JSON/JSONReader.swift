// SPDX-License-Identifier: Apache-2.0

/// A value together with where it stands, for typed reading with errors that name the place.
///
/// Reads as Go's decoder does, because the configurations were written for it: keys match in any case, `null` means
/// absent, unknown members do not matter, and nothing is converted (`"1500"`, `1500.0` and `true` are not integers).
package struct JSONReader: Hashable, Sendable {
    package let value: JSONValue
    /// Such as `ipam.ranges[0][1].subnet`, keys as they are written in the document; empty at the top.
    package let path: String

    package init(_ value: JSONValue, path: String = "") {
        self.value = value
        self.path = path
    }

    /// The member with this key in any case; nil when it is absent or `null`.
    ///
    /// - Throws: `JSONTypeError` when this value is not an object.
    package func member(_ key: String) throws(JSONTypeError) -> JSONReader? {
        guard let member = try object().member(matching: key), member.value != .null else { return nil }
        return JSONReader(member.value, path: path.isEmpty ? member.key : "\(path).\(member.key)")
    }

    /// The value as an object.
    ///
    /// - Throws: `JSONTypeError` when it is something else.
    package func object() throws(JSONTypeError) -> JSONObject {
        guard case .object(let object) = value else { throw mismatch(expected: "an object") }
        return object
    }

    /// The value as a text without NUL, so that whoever hands it to the kernel hands over all of it.
    ///
    /// - Throws: `JSONTypeError` when it is something else.
    package func string() throws(JSONTypeError) -> String {
        guard case .string(let text) = value else { throw mismatch(expected: "a string") }
        guard !text.utf8.contains(0) else { throw mismatch(expected: "a string without NUL") }
        return text
    }

    /// The value as a truth value.
    ///
    /// - Throws: `JSONTypeError` when it is something else.
    package func bool() throws(JSONTypeError) -> Bool {
        guard case .bool(let truth) = value else { throw mismatch(expected: "a boolean") }
        return truth
    }

    /// The value as an integer.
    ///
    /// - Throws: `JSONTypeError` when it is something else, also when it is a real number without fraction.
    package func integer() throws(JSONTypeError) -> Int64 {
        guard case .integer(let number) = value else { throw mismatch(expected: "an integer") }
        return number
    }

    /// The value as an integer inside these bounds.
    ///
    /// - Throws: `JSONTypeError` when it is something else or outside.
    package func integer(in bounds: ClosedRange<Int>) throws(JSONTypeError) -> Int {
        let number = Int(try integer())
        guard bounds.contains(number) else {
            throw mismatch(expected: "an integer from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    /// The elements of an array, each with its place.
    ///
    /// - Throws: `JSONTypeError` when the value is something else.
    package func array() throws(JSONTypeError) -> [JSONReader] {
        guard case .array(let elements) = value else { throw mismatch(expected: "an array") }
        return elements.enumerated().map { JSONReader($1, path: "\(path)[\($0)]") }
    }

    /// The error for a value that is not what it should be, in the words of this place.
    ///
    /// - Parameter expected: What would have been right, such as `an IP address`.
    /// - Returns: An error to throw.
    package func mismatch(expected: String) -> JSONTypeError {
        JSONTypeError(path: path, expected: expected, found: value.summary)
    }
}

/// Members by key in any case; nil when absent or `null`.
extension JSONReader {
    /// - Throws: `JSONTypeError` when this is no object or the member is no string without NUL.
    package func string(_ key: String) throws(JSONTypeError) -> String? {
        try member(key)?.string()
    }

    /// - Throws: `JSONTypeError` when this is no object or the member is no boolean.
    package func bool(_ key: String) throws(JSONTypeError) -> Bool? {
        try member(key)?.bool()
    }

    /// - Throws: `JSONTypeError` when this is no object or the member is no integer inside the bounds.
    package func integer(_ key: String, in bounds: ClosedRange<Int>) throws(JSONTypeError) -> Int? {
        try member(key)?.integer(in: bounds)
    }

    /// - Throws: `JSONTypeError` when this is no object or the member is no array.
    package func array(_ key: String) throws(JSONTypeError) -> [JSONReader]? {
        try member(key)?.array()
    }

    /// - Throws: `JSONTypeError` when this is no object or the member is none.
    package func object(_ key: String) throws(JSONTypeError) -> JSONReader? {
        guard let member = try member(key) else { return nil }
        _ = try member.object()
        return member
    }
}
