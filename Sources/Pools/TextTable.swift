// SPDX-License-Identifier: Apache-2.0

/// A table as kubectl and calicoctl print it: upper-case headers, columns as wide as they must be, two spaces between.
package struct TextTable: Sendable {
    /// One column's head, and on which side its texts end.
    package struct Column: Hashable, Sendable {
        package let title: String
        package let isNumber: Bool

        package init(_ title: String, isNumber: Bool = false) {
            self.title = title
            self.isNumber = isNumber
        }
    }

    /// What stands in one place.
    package struct Cell: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        package let text: String
        package let tint: Look.Tint
        /// The text as it is printed, when parts of it have colours of their own; as wide as `text`.
        package let drawn: String?

        package init(_ text: String, _ tint: Look.Tint = .plain, drawn: String? = nil) {
            // A name that somebody made up must not move the cursor.
            self.text = String(text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? "?" : $0 })
            self.tint = tint
            self.drawn = drawn
        }

        package init(stringLiteral text: String) {
            self.init(text)
        }
    }

    private let columns: [Column]
    /// So wide is each column; grows with what is measured.
    private var widths: [Int]

    package init(_ columns: [Column]) {
        self.columns = columns
        widths = columns.map { $0.title.count }
    }

    /// Makes room for rows that are to be printed.
    ///
    /// Rows that nobody measured are printed all the same: those of a long list that does not wait for its end.
    package mutating func measure(_ rows: [[Cell]]) {
        for row in rows {
            for (position, cell) in row.enumerated() where position < widths.count {
                widths[position] = max(widths[position], cell.text.count)
            }
        }
    }

    /// How many columns of a terminal a row takes.
    package var width: Int { widths.reduce(0, +) + 2 * max(widths.count - 1, 0) }

    /// The line with the titles.
    package func header(_ look: Look) -> String {
        line(columns.map { Cell($0.title, .bold) }, look)
    }

    /// One row as a line without its end.
    package func line(_ cells: [Cell], _ look: Look) -> String {
        var line = ""
        var owed = 0
        for (position, cell) in cells.enumerated() {
            if position > 0 { owed += 2 }
            let padding = max(0, widths[position] - cell.text.count)
            if columns[position].isNumber { owed += padding }
            // What is empty at the end leaves no spaces behind.
            if !cell.text.isEmpty {
                line += String(repeating: " ", count: owed)
                line += look.hasColor ? cell.drawn ?? look.tinted(cell.text, cell.tint) : cell.text
                owed = 0
            }
            if !columns[position].isNumber { owed += padding }
        }
        return line
    }

    /// Everything at once: the titles, then the rows.
    package static func lines(
        _ columns: [Column],
        _ rows: [[Cell]],
        _ look: Look,
        hasHeader: Bool = true
    ) -> [String] {
        var table = TextTable(columns)
        table.measure(rows)
        return (hasHeader ? [table.header(look)] : []) + rows.map { table.line($0, look) }
    }
}
