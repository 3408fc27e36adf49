// SPDX-License-Identifier: Apache-2.0
internal import JSON

extension JSONValue {
    /// The same value with the members of all objects in alphabetical order, as Go writes maps.
    var sorted: JSONValue {
        switch self {
        case .array(let elements): return .array(elements.map(\.sorted))
        case .object(let object):
            var copy = JSONObject()
            copy.members = object.members
                .map { JSONObject.Member(key: $0.key, value: $0.value.sorted) }
                .sorted { $0.key.precedesBytewise($1.key) }
            return .object(copy)
        default: return self
        }
    }
}

extension String {
    /// The order of Go's strings and of file names in a directory: byte by byte.
    func precedesBytewise(_ other: String) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}
