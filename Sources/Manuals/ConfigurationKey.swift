// SPDX-License-Identifier: Apache-2.0
package import JSON

/// One key of a plugin's configuration, as manuals, tables and `culvert doctor` describe it.
///
/// Texts are in Markdown: code in backticks, links with their targets relative to `docs`.
package struct ConfigurationKey: Hashable, Sendable {
    /// What JSON tells apart.
    package enum Kind: String, Sendable {
        case string
        case integer
        /// With or without a fraction.
        case number
        case boolean
        case list
        case object
    }

    /// Which values are right.
    package enum Form: Hashable, Sendable {
        case string
        case boolean
        case object
        /// All integers within the bounds, and no others.
        case integer(ClosedRange<Int>)
        /// These texts, and the empty one where the plugin says so.
        case choice([String])
        case list(of: String)
        /// What the others cannot say, in words, and the kinds of values that may be right.
        case described(String, [Kind])
    }

    /// What a missing key means.
    package enum Absence: Hashable, Sendable {
        /// The configuration is refused.
        case required
        /// The same as this value.
        case value(JSONValue)
        /// What no value says.
        case none
        /// What depends on something else, in words.
        case words(String)
    }

    /// Which releases of the reference plugins read the key too.
    package enum Compatibility: Hashable, Sendable {
        /// Debian 12's, 1.1.1, and probably older ones.
        case always
        /// This one and newer ones; or, in words, a later one than any.
        case release(String)
        case never
    }

    package let name: String
    package let form: Form
    package let absence: Absence
    /// A value that is right, and means something else than a missing key.
    package let example: JSONValue
    /// Keys that have to be there for the example to be right.
    package let companions: [String: JSONValue]
    /// Keys that may not be there for the example to be right.
    package let opponents: [String]
    package let compatibility: Compatibility
    package let meaning: String

    init(
        _ name: String,
        _ form: Form,
        _ absence: Absence,
        example: JSONValue,
        beside companions: [String: JSONValue] = [:],
        without opponents: [String] = [],
        since compatibility: Compatibility = .always,
        _ meaning: String
    ) {
        self.name = name
        self.form = form
        self.absence = absence
        self.example = example
        self.companions = companions
        self.opponents = opponents
        self.compatibility = compatibility
        self.meaning = meaning
    }

    /// The kinds of values that may be right.
    package var kinds: [Kind] {
        switch form {
        case .string, .choice: [.string]
        case .boolean: [.boolean]
        case .object: [.object]
        case .integer: [.integer]
        case .list: [.list]
        case .described(_, let kinds): kinds
        }
    }

    /// Which values are right, in words.
    package var type: String {
        switch form {
        case .string: "string"
        case .boolean: "boolean"
        case .object: "object"
        case .integer(let bounds): "integer, \(bounds.lowerBound) to \(bounds.upperBound)"
        case .choice(let names): ConfigurationKey.alternatives(names.map { "`\($0)`" })
        case .list(let elements): "list of \(elements)"
        case .described(let words, _): words
        }
    }

    /// What a missing key means, in words.
    package var missing: String {
        switch absence {
        case .required: "required"
        case .none: "none"
        case .words(let words): words
        case .value(.string(let text)) where !text.isEmpty: "`\(text)`"
        case .value(let value): "`\(String(decoding: value.serialized(), as: UTF8.self))`"
        }
    }

    private static func alternatives(_ names: [String]) -> String {
        guard names.count > 1, let last = names.last else { return names.joined() }
        return names.dropLast().joined(separator: ", ") + " or \(last)"
    }
}
