// SPDX-License-Identifier: Apache-2.0
import JSON
import Linux
import Wiring

/// What a command that puts things right says of what it found.
struct RepairReport {
    /// For people.
    let lines: [String]
    /// What was looked at, in a word, and how many.
    let looked: (at: String, count: Int)
    let findings: [(key: AttachmentKey, json: JSONValue)]
    /// What could not be put right: for standard error.
    let troubles: [String]
    /// Whether anything was to be put right, rather than only told.
    let isDone: Bool

    /// Prints it in the form that is wanted.
    func print(_ output: IPAMOutput) throws {
        for trouble in troubles { Machine.log("culvert: \(trouble)") }
        switch output.output {
        case .table, .wide: try output.print(lines)
        case .json, .yaml:
            try output.print(
                .object([
                    "done": .bool(isDone), looked.at: .integer(Int64(looked.count)),
                    "findings": .array(findings.map { $0.json }),
                    "troubles": .array(troubles.map { .string($0) }),
                ])
            )
        case .name:
            var names: [String] = []
            for finding in findings where names.last != "\(finding.key)" { names.append("\(finding.key)") }
            try output.print(names)
        }
    }
}
