// SPDX-License-Identifier: Apache-2.0
package import JSON

/// How far somebody has read the journal: in the current file, and in the previous one, to which slow calls may still
/// add a line after it was put aside.
package struct JournalPosition: Hashable, Sendable {
    /// How far somebody has read one file.
    package struct Place: Hashable, Sendable {
        /// Which file: its number in the file system, which another one may get later, and a sum of its first line.
        package var inode: UInt64
        package var mark: UInt64
        /// In octets: everything before has been read.
        package var offset: Int

        package init(inode: UInt64, mark: UInt64, offset: Int) {
            self.inode = inode
            self.mark = mark
            self.offset = offset
        }
    }

    /// One or two; none before anything was read.
    package var places: [Place] = []

    package init() {}

    /// Reads what ``json`` wrote; nil for anything else.
    package init?(_ document: JSONValue) {
        guard let parsed = try? JournalPosition.places(JSONReader(document)) else { return nil }
        places = parsed
    }

    private static func places(_ reader: JSONReader) throws(JSONTypeError) -> [Place] {
        var places: [Place] = []
        for element in try reader.member("files")?.array() ?? [] {
            guard let inode = UInt64(try element.string("inode") ?? ""),
                let mark = UInt64(try element.string("mark") ?? "", radix: 16),
                let offset = try element.integer("offset", in: 0...Int.max)
            else { throw element.mismatch(expected: "a place in a file") }
            places.append(Place(inode: inode, mark: mark, offset: offset))
        }
        return places
    }

    /// As a document to keep.
    package var json: JSONValue {
        [
            "files": .array(
                places.map { place in
                    [
                        "inode": .string("\(place.inode)"), "mark": .string(String(place.mark, radix: 16)),
                        "offset": .integer(Int64(place.offset)),
                    ]
                }
            )
        ]
    }
}
