// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Journal
package import Pools

/// One call as operators and programs read it.
package struct CallRow: Sendable {
    private let report: CallReport

    package init(_ report: CallReport) {
        self.report = report
    }

    /// The columns of the table; with `isWide` all of them.
    package static func columns(isWide: Bool) -> [TextTable.Column] {
        var columns = ["TIME", "NETWORK", "CONTAINER", "INTERFACE", "PLUGIN", "VERB"].map { TextTable.Column($0) }
        columns.append(TextTable.Column("TOOK", isNumber: true))
        columns.append(TextTable.Column("RESULT"))
        guard isWide else { return columns }
        return columns + ["LOCKS", "RECLAIMED"].map { TextTable.Column($0, isNumber: true) }
            + ["ADDRESSES BY", "TRACE", "SPAN", "PID", "NETNS"].map { TextTable.Column($0) }
    }

    /// What stands in the columns; ids of containers are cut in the narrow table, as by other tools.
    package func cells(isWide: Bool) -> [TextTable.Cell] {
        let container = isWide ? report.containerID : String(report.containerID.prefix(12))
        var cells: [TextTable.Cell] = [
            .init(Instant.text(report.beganWall, digits: isWide ? 9 : 3), .dim), .init(report.network, .name),
            .init(container), .init(report.interfaceName), .init(report.plugin), .init(report.verb, .bold),
            .init(Instant.stretch(report.duration)), result,
        ]
        guard isWide else { return cells }
        cells.append(.init(report.lockWait == 0 ? "" : Instant.stretch(report.lockWait)))
        cells.append(.init(report.reclaimed == 0 ? "" : "\(report.reclaimed)"))
        cells.append(.init(report.addressPlugin))
        cells.append(.init(report.trace?.traceText ?? ""))
        cells.append(.init(report.trace?.spanText ?? ""))
        cells.append(.init("\(report.process)"))
        cells.append(.init(report.namespacePath))
        return cells
    }

    private var result: TextTable.Cell {
        guard case .failed(let code, _, _) = report.outcome else { return .init("ok", .good) }
        return .init("failed, code \(code)", .bad)
    }

    /// Why it failed, indented; nothing when it did not.
    package func reasons(_ look: Look) -> [String] {
        guard case .failed(_, let message, let details) = report.outcome else { return [] }
        return [message, details].filter { !$0.isEmpty }
            .map { "  " + look.tinted(TextTable.Cell($0).text, .bad) }
    }

    /// As one line of JSON; keys stay, and new ones may be added.
    package var json: JSONValue {
        var object = JSONObject()
        object[exact: "time"] = .string(Instant.text(report.beganWall))
        object[exact: "durationNanoseconds"] = .integer(report.duration)
        object[exact: "plugin"] = .string(report.plugin)
        object[exact: "verb"] = .string(report.verb)
        object[exact: "network"] = .string(report.network)
        object[exact: "containerID"] = .string(report.containerID)
        object[exact: "interface"] = .string(report.interfaceName)
        object[exact: "netns"] = .string(report.namespacePath)
        object[exact: "addressPlugin"] = .string(report.addressPlugin)
        object[exact: "result"] = .string(report.hasFailed ? "failed" : "ok")
        if case .failed(let code, let message, let details) = report.outcome {
            object[exact: "code"] = .integer(Int64(code))
            object[exact: "message"] = .string(message)
            object[exact: "details"] = .string(details)
        }
        object[exact: "steps"] = .array(report.steps.map(CallRow.json))
        object[exact: "lockWaitNanoseconds"] = .integer(report.lockWait)
        object[exact: "reclaimed"] = .integer(Int64(report.reclaimed))
        object[exact: "pid"] = .integer(Int64(report.process))
        if let trace = report.trace {
            object[exact: "traceID"] = .string(trace.traceText)
            object[exact: "spanID"] = .string(trace.spanText)
            if trace.parentID != 0 { object[exact: "parentSpanID"] = .string(trace.parentText) }
        }
        return .object(object)
    }

    private static func json(_ step: CallNotes.Step) -> JSONValue {
        [
            "name": .string(step.phase.rawValue), "beganNanoseconds": .integer(step.began),
            "durationNanoseconds": .integer(step.duration),
        ]
    }

    /// What the time went into: a line a step, with a bar where and how long it was.
    package func steps(_ look: Look) -> [String] {
        let width = 40
        let whole = max(report.duration, 1)
        return report.steps.map { step in
            let start = min(width - 1, Int(step.began * Int64(width) / whole))
            let length = min(max(1, Int(step.duration * Int64(width) / whole)), width - start)
            let name =
                step.phase == .addresses && !report.addressPlugin.isEmpty
                ? "addresses (\(report.addressPlugin))" : step.phase.rawValue
            let took = Instant.stretch(step.duration)
            let bar = String(repeating: look.hasBlocks ? "█" : "#", count: length)
            let padding = String(repeating: " ", count: max(1, 24 - name.count))
            let gap = String(repeating: " ", count: max(0, 9 - took.count))
            return "  \(name)\(padding)\(gap)\(took)  \(String(repeating: " ", count: start))\(look.tinted(bar, .name))"
        }
    }
}
