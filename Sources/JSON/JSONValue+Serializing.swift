// SPDX-License-Identifier: Apache-2.0
import CJansson
import Glibc

extension JSONValue {
    /// The JSON text of this value in UTF-8: members in their order, no newline at the end, slashes as they are.
    ///
    /// - Parameter indent: Spaces per level, at most 31; with 0 the text is one line without any white space.
    /// - Returns: The bytes of the text.
    /// - Precondition: No real is infinite or NaN.
    package func serialized(indent: Int = 0) -> [UInt8] {
        precondition((0...31).contains(indent), "JSON is indented by 0 to 31 spaces per level")
        _ = hashSeedIsSet
        let root = makeNode()
        defer { json_decref(root) }
        let layout = indent == 0 ? Int(JSON_COMPACT) : indent
        let text = json_dumps(root, Int(JSON_ENCODE_ANY) | layout)
        guard let text else { preconditionFailure("jansson found no memory for a text") }
        defer { free(text) }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    /// A tree of jansson's with this content; the caller owns it.
    private func makeNode() -> UnsafeMutablePointer<json_t> {
        let node =
            switch self {
            case .null: json_null()
            case .bool(let value): value ? json_true() : json_false()
            case .integer(let value): json_integer(json_int_t(value))
            case .real(let value): json_real(value)
            case .string(let text): text.withBytes { json_stringn_nocheck($0, $1) }
            case .array(let elements): Self.makeArray(elements)
            case .object(let object): Self.makeObject(object)
            }
        guard let node else { preconditionFailure("\(self) is not a finite number, or jansson found no memory") }
        return node
    }

    private static func makeArray(_ elements: [JSONValue]) -> UnsafeMutablePointer<json_t>? {
        let array = json_array()
        for element in elements {
            // The container takes ownership of the element even when it fails.
            let status = json_array_append_new(array, element.makeNode())
            precondition(status == 0, "jansson found no memory for an array")
        }
        return array
    }

    private static func makeObject(_ object: JSONObject) -> UnsafeMutablePointer<json_t>? {
        let node = json_object()
        for member in object.members {
            let value = member.value.makeNode()
            let status = member.key.withBytes { json_object_setn_new_nocheck(node, $0, $1, value) }
            precondition(status == 0, "jansson found no memory for an object")
        }
        return node
    }
}

extension String {
    /// Lends the UTF-8 bytes, which may contain NUL, as jansson wants them.
    fileprivate func withBytes<Result>(_ body: (UnsafePointer<CChar>, Int) -> Result) -> Result {
        withCString { body($0, utf8.count) }
    }
}
