// SPDX-License-Identifier: Apache-2.0
import History
import JSON
import Journal
import Linux
import Pools

/// Prints calls, some now and some later, under one header.
struct CallPrinter {
    private let form: CallLog.Form
    private let hasSteps: Bool
    private var hasHeader: Bool
    private let look = Look.ofStandardOutput
    private var table: TextTable
    private var console = Console()

    init(form: CallLog.Form, hasSteps: Bool, hasHeader: Bool) {
        self.form = form
        self.hasSteps = hasSteps
        self.hasHeader = hasHeader
        table = TextTable(CallRow.columns(isWide: form == .wide))
    }

    /// - Throws: `ExitCode` when nobody reads any more.
    mutating func print(_ reports: [CallReport]) throws {
        guard !reports.isEmpty else { return }
        let rows = reports.map { CallRow($0) }
        if form == .json {
            for row in rows { try console.write(row.json.serialized() + [UInt8(ascii: "\n")]) }
            return try console.flush()
        }
        let cells = rows.map { $0.cells(isWide: form == .wide) }
        table.measure(cells)
        if hasHeader { try console.writeLine(table.header(look)) }
        hasHeader = false
        for (row, cells) in zip(rows, cells) {
            try console.writeLine(table.line(cells, look))
            for reason in row.reasons(look) { try console.writeLine(reason) }
            guard hasSteps else { continue }
            for step in row.steps(look) { try console.writeLine(step) }
        }
        try console.flush()
    }
}
