// SPDX-License-Identifier: Apache-2.0
import Addressing
import JSON
import LeaseStore
import Linux
import Pools

/// Prints leases one after the other, in whatever form, without waiting for the last.
struct LeaseListing {
    private let form: IPAMOutput.Form
    private let hasHeader: Bool
    private let look: Look
    private let now = Machine.wallNanoseconds
    private var console = Console()
    private var table: TextTable
    /// Rows of a table that wait for their columns to be measured.
    private var waiting: [[TextTable.Cell]] = []
    private var hasBegun = false

    /// So many rows decide how wide the columns begin.
    private static let measured = 200

    init(_ output: IPAMOutput) {
        form = output.output
        hasHeader = !output.noHeaders
        look = output.look
        table = TextTable(LeaseRow.columns(isWide: output.output == .wide))
    }

    /// - Throws: what ``Console`` throws.
    mutating func write(_ row: LeaseRow) throws {
        switch form {
        case .table, .wide:
            waiting.append(row.cells(isWide: form == .wide, now: now))
            if waiting.count >= LeaseListing.measured { try writeRows() }
        case .json:
            let start = hasBegun ? ",\n    " : "{\n  \"leases\": [\n    "
            try console.write(Array(start.utf8) + row.json.serialized())
        case .yaml:
            if !hasBegun { try console.writeLine("leases:") }
            for line in JSONValue.array([row.json]).yaml.split(separator: "\n") { try console.writeLine("  \(line)") }
        case .name: try console.writeLine("\(row.record.address)")
        }
        if form != .table && form != .wide { hasBegun = true }
    }

    /// Prints what is still missing.
    ///
    /// - Throws: what ``Console`` throws.
    mutating func finish() throws {
        switch form {
        case .table, .wide:
            if waiting.isEmpty && !hasBegun {
                Machine.log("ipam: there are no such leases")
            } else {
                try writeRows()
            }
        case .json: try console.writeLine(hasBegun ? "\n  ]\n}" : "{\n  \"leases\": []\n}")
        case .yaml: if !hasBegun { try console.writeLine("leases: []") }
        case .name: break
        }
        try console.flush()
    }

    /// Prints what there was before something went wrong; a document stays without its end.
    ///
    /// - Throws: what ``Console`` throws.
    mutating func abandon() throws {
        try writeRows()
        try console.flush()
    }

    private mutating func writeRows() throws {
        guard !waiting.isEmpty else { return }
        table.measure(waiting)
        if !hasBegun, hasHeader { try console.writeLine(table.header(look)) }
        hasBegun = true
        for row in waiting { try console.writeLine(table.line(row, look)) }
        waiting = []
        // A terminal shows what there is, and `head` ends us early.
        try console.flush()
    }
}
