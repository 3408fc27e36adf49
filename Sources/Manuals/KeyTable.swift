// SPDX-License-Identifier: Apache-2.0
package import JSON

/// The keys of one object of a configuration.
package struct KeyTable: Hashable, Sendable {
    /// By which pages of `docs` name the table, such as `host-local ranges`.
    package let mark: String
    /// Where the object stands in the configuration of a plugin, such as `ipam.ranges[][]`; empty for all of it.
    package let place: String
    package let keys: [ConfigurationKey]

    /// Where a key stands, such as `ipam.ranges[][].subnet`.
    package func path(of key: ConfigurationKey) -> String { place.isEmpty ? key.name : "\(place).\(key.name)" }

    // MARK: - In pages

    /// The table in Markdown, and below it a sentence on keys that not every release of the reference reads.
    package var markdown: String {
        var lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key in keys { lines.append("| `\(key.name)` | \(key.type) | \(key.missing) | \(key.meaning) |") }
        if let sentence = compatibility { lines += ["", sentence] }
        return lines.joined(separator: "\n")
    }

    /// What to know before configurations go to the reference; nil when there is nothing to know.
    package var compatibility: String? {
        var releases: [(release: String, names: [String])] = []
        var own: [String] = []
        for key in keys {
            switch key.compatibility {
            case .always: continue
            case .never: own.append("`\(key.name)`")
            case .release(let release):
                if let place = releases.firstIndex(where: { $0.release == release }) {
                    releases[place].names.append("`\(key.name)`")
                } else {
                    releases.append((release, ["`\(key.name)`"]))
                }
            }
        }
        let clauses = releases.map { entry in
            let since = entry.release.hasPrefix("after") ? entry.release : "since \(entry.release)"
            return "\(entry.names.joined(separator: ", ")) \(since)"
        }
        let some = clauses.isEmpty ? nil : "The reference plugins read \(clauses.joined(separator: "; "))."
        let subject = clauses.isEmpty ? "The reference plugins" : "They"
        let none = own.isEmpty ? nil : "\(subject) do not read \(own.joined(separator: ", "))."
        let sentences = [some, none].compactMap { $0 }
        return sentences.isEmpty ? nil : sentences.joined(separator: " ")
    }

    private static func beginning(_ mark: String) -> String { "<!-- keys: \(mark) (written by make docs) -->" }
    private static let end = "<!-- end of keys -->"

    /// A page with its tables as the code has them now.
    ///
    /// - Returns: the page, and the marks of the tables in it.
    /// - Throws: ``ManualError`` for a table that nobody knows, or that has no end.
    package static func update(_ page: String) throws(ManualError) -> (text: String, marks: [String]) {
        var lines: [Substring] = []
        var marks: [String] = []
        var open: String?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if open == nil { lines.append(line) }
            if line == end[...], open != nil {
                lines.append(line)
                open = nil
            }
            guard open == nil, line.hasPrefix("<!-- keys: ") else { continue }
            guard let table = PluginManual.allTables.first(where: { beginning($0.mark) == line }) else {
                throw ManualError("nobody knows the table of \(line)")
            }
            marks.append(table.mark)
            lines += table.markdown.split(separator: "\n", omittingEmptySubsequences: false)
            open = table.mark
        }
        if let open { throw ManualError("the table \"\(open)\" has no end, which is \(end)") }
        return (lines.joined(separator: "\n"), marks)
    }

    // MARK: - For programs

    /// One object for each key.
    package var json: [JSONValue] {
        keys.map { key in
            var object: JSONObject = [
                "path": .string(path(of: key)),
                "type": .string(key.type.withoutMarkup),
                "kinds": .array(key.kinds.map { .string($0.rawValue) }),
                "required": .bool(key.absence == .required),
            ]
            switch key.form {
            case .integer(let bounds):
                object[exact: "minimum"] = .integer(Int64(bounds.lowerBound))
                object[exact: "maximum"] = .integer(Int64(bounds.upperBound))
            case .choice(let names): object[exact: "values"] = .array(names.map { .string($0) })
            default: break
            }
            if case .value(let value) = key.absence { object[exact: "default"] = value }
            object[exact: "example"] = key.example
            object[exact: "meaning"] = .string(key.meaning.withoutMarkup)
            switch key.compatibility {
            case .always: object[exact: "referenceSince"] = .string("1.1.1 or older")
            case .release(let release): object[exact: "referenceSince"] = .string(release)
            case .never: object[exact: "referenceSince"] = .null
            }
            return .object(object)
        }
    }
}

/// Why a page cannot be written.
package struct ManualError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension String {
    /// Markdown as plain text: links by their words, code without its signs.
    package var withoutMarkup: String {
        var text = ""
        var rest = self[...]
        while let open = rest.firstIndex(of: "[") {
            let words = rest[rest.index(after: open)...].prefix { $0 != "]" }
            let behind = rest[words.endIndex...]
            guard behind.hasPrefix("]("), let close = behind.firstIndex(of: ")") else {
                text += rest[...open]
                rest = rest[rest.index(after: open)...]
                continue
            }
            text += rest[..<open] + words
            rest = rest[rest.index(after: close)...]
        }
        return String((text + rest).filter { $0 != "`" })
    }
}
