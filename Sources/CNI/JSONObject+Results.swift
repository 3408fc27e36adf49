// SPDX-License-Identifier: Apache-2.0
import JSON

/// Members of results; the ones that say nothing are left out, as Go's `omitempty` does.
extension JSONObject {
    mutating func append(_ key: String, _ text: String) {
        self[exact: key] = text.isEmpty ? nil : .string(text)
    }

    mutating func append(_ key: String, _ elements: [JSONValue]) {
        self[exact: key] = elements.isEmpty ? nil : .array(elements)
    }

    /// Only an absent number says nothing.
    mutating func append(_ key: String, _ number: Int?) {
        self[exact: key] = number.map { .integer(Int64($0)) }
    }

    /// Zero says nothing.
    mutating func append(_ key: String, nonzero number: Int) {
        append(key, number == 0 ? nil : number)
    }
}
