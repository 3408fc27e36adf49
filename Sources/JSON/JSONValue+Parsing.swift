// SPDX-License-Identifier: Apache-2.0
import CJansson

extension JSONValue {
    /// Where and why a text is not JSON.
    package struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
        /// What was expected or is wrong, such as `'}' expected near end of file`.
        package let problem: String
        /// Line of the problem, counted from 1.
        package let line: Int
        /// Column of the problem in characters.
        package let column: Int
        /// Distance of the problem from the beginning in bytes.
        package let offset: Int

        package var description: String {
            "\(problem) (line \(line), column \(column), byte \(offset))"
        }
    }

    /// Reads a JSON text; of members with equal keys the last one counts.
    ///
    /// Refused besides what RFC 8259 refuses: anything but white space after the value, more than 2048 levels of
    /// nesting, text that is not UTF-8, integers beyond 64 bits, reals beyond `Double`, and NUL inside a key.
    ///
    /// - Throws: `SyntaxError` with the place of the first problem.
    package init(parsing bytes: [UInt8]) throws(SyntaxError) {
        _ = hashSeedIsSet
        var error = json_error_t()
        let root = bytes.withUnsafeBytes { buffer in
            // An empty array has no address, which jansson would take for a mistake of ours.
            withUnsafePointer(to: 0 as CChar) { nothing in
                let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nothing
                return json_loadb(start, buffer.count, Int(JSON_DECODE_ANY | JSON_ALLOW_NUL), &error)
            }
        }
        guard let root else { throw SyntaxError(error) }
        defer { json_decref(root) }
        self.init(root)
    }

    /// Reads a JSON text as `init(parsing:)` for bytes does.
    ///
    /// - Throws: `SyntaxError` with the place of the first problem.
    package init(parsing text: String) throws(SyntaxError) {
        try self.init(parsing: Array(text.utf8))
    }

    /// Copies jansson's tree; its depth is bounded by the parser.
    fileprivate init(_ node: UnsafeMutablePointer<json_t>) {
        switch node.pointee.type {
        case JSON_OBJECT: self = .object(JSONObject(node))
        case JSON_ARRAY:
            var elements: [JSONValue] = []
            for index in 0..<json_array_size(node) {
                if let element = json_array_get(node, index) { elements.append(JSONValue(element)) }
            }
            self = .array(elements)
        case JSON_STRING: self = .string(String(json_string_value(node), json_string_length(node)))
        case JSON_INTEGER: self = .integer(Int64(json_integer_value(node)))
        case JSON_REAL: self = .real(json_real_value(node))
        case JSON_TRUE: self = .bool(true)
        case JSON_FALSE: self = .bool(false)
        default: self = .null
        }
    }
}

extension JSONObject {
    fileprivate init(_ node: UnsafeMutablePointer<json_t>) {
        members.reserveCapacity(json_object_size(node))
        var iterator = json_object_iter(node)
        while let member = iterator {
            let key = String(json_object_iter_key(member), json_object_iter_key_len(member))
            members.append(Member(key: key, value: json_object_iter_value(member).map(JSONValue.init) ?? .null))
            iterator = json_object_iter_next(node, member)
        }
    }
}

extension String {
    /// Copies a text of jansson's, which has checked that it is UTF-8.
    fileprivate init(_ start: UnsafePointer<CChar>?, _ count: Int) {
        self.init(decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count), as: UTF8.self)
    }
}

extension JSONValue.SyntaxError {
    fileprivate init(_ error: json_error_t) {
        problem = withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        line = Int(error.line)
        column = Int(error.column)
        offset = Int(error.position)
    }
}
