// SPDX-License-Identifier: Apache-2.0

/// The definition of a set or of a map.
///
/// nft(8), "SETS" and "MAPS".
package struct NamedSet: Hashable, Sendable {
    /// What an element has beside its key.
    package enum Content: Hashable, Sendable {
        /// Nothing: this is a set and no map.
        case none
        /// One value, or a concatenation of several.
        case values([DataType])
        /// What becomes of the packet.
        case verdict
    }

    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// No elements come or go once it is in use.
        package static let constant = Flags(rawValue: 2)
        /// Elements may be ranges.
        package static let interval = Flags(rawValue: 4)
        /// Elements may go by themselves after a time.
        package static let timeout = Flags(rawValue: 16)
        /// Rules may add elements.
        package static let dynamic = Flags(rawValue: 32)
    }

    package let table: Table
    package let name: String
    /// One type, or several for a concatenation.
    package let key: [DataType]
    package let content: Content
    package var flags: Flags
    /// After how many milliseconds elements go; nil is never.
    package var timeoutMilliseconds: UInt64?
    /// How many elements it can hold; nil is any number.
    package var size: UInt32?
    package var comment: String?

    package init(
        _ table: Table,
        _ name: String,
        key: [DataType],
        content: Content = .none,
        flags: Flags = [],
        timeoutMilliseconds: UInt64? = nil,
        size: UInt32? = nil,
        comment: String? = nil
    ) {
        precondition(!key.isEmpty, "a set without key")
        self.table = table
        self.name = name
        self.key = key
        self.content = content
        self.flags = flags
        self.timeoutMilliseconds = timeoutMilliseconds
        self.size = size
        self.comment = comment
    }

    /// `set` or `map`, as nft says it.
    package var noun: String { content == .none ? "set" : "map" }
}

extension NamedSet: CustomStringConvertible {
    /// As nft says it: `inet culvert ports4`.
    package var description: String { "\(table) \(name)" }
}

/// One element of a set or of a map.
package struct SetElement: Hashable, Sendable {
    /// What an element of a map has beside its key.
    package enum Content: Hashable, Sendable {
        case none
        case values([Datum])
        case verdict(Verdict)
    }

    /// One datum for each part of the key; ranges only in sets with the flag `interval`.
    package let key: [Datum]
    package let content: Content
    package var comment: String?

    /// An element of a set.
    package init(_ key: Datum..., comment: String? = nil) {
        self.init(key: key, comment: comment)
    }

    package init(key: [Datum], content: Content = .none, comment: String? = nil) {
        self.key = key
        self.content = content
        self.comment = comment
    }

    /// An element of a map.
    package init(key: [Datum], values: [Datum], comment: String? = nil) {
        self.init(key: key, content: .values(values), comment: comment)
    }

    /// An element of a verdict map.
    package init(key: [Datum], verdict: Verdict, comment: String? = nil) {
        self.init(key: key, content: .verdict(verdict), comment: comment)
    }
}
