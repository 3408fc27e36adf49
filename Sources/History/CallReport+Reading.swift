// SPDX-License-Identifier: Apache-2.0
internal import JSON
package import Journal

extension CallReport {
    /// Reads a line of the journal; nil for half a line, or one of another version.
    ///
    /// What is behind half a line that its writer left is read all the same.
    ///
    /// `line`: without its end.
    package init?(line: ArraySlice<UInt8>) {
        guard let start = CallReport.lastBeginning(in: line),
            let document = try? JSONValue(parsing: Array(line[start...])),
            let report = try? CallReport(JSONReader(document))
        else { return nil }
        self = report
    }

    private static func lastBeginning(in line: ArraySlice<UInt8>) -> Int? {
        let beginning = Array(JournalLine.beginning.utf8)
        var position = line.endIndex - beginning.count
        while position >= line.startIndex {
            if line[position...].starts(with: beginning) { return position }
            position -= 1
        }
        return nil
    }

    private init(_ reader: JSONReader) throws(JSONTypeError) {
        self.init()
        beganWall = try reader.member("time")?.integer() ?? 0
        duration = try reader.member("took")?.integer() ?? 0
        plugin = try reader.string("plugin") ?? ""
        verb = try reader.string("verb") ?? ""
        network = try reader.string("network") ?? ""
        containerID = try reader.string("container") ?? ""
        interfaceName = try reader.string("interface") ?? ""
        namespacePath = try reader.string("netns") ?? ""
        addressPlugin = try reader.string("addressPlugin") ?? ""
        lockWait = try reader.member("lockWait")?.integer() ?? 0
        reclaimed = try reader.integer("reclaimed", in: 0...Int(Int32.max)) ?? 0
        process = Int32(try reader.integer("pid", in: 0...Int(Int32.max)) ?? 0)
        var began: Int64 = 0
        for step in try reader.member("steps")?.array() ?? [] {
            let parts = try step.array()
            guard parts.count == 2, let phase = CallNotes.Phase(rawValue: try parts[0].string()) else { continue }
            let duration = try parts[1].integer()
            steps.append(CallNotes.Step(phase: phase, began: began, duration: duration))
            began += duration
        }
        if let code = try reader.integer("code", in: Int(Int32.min)...Int(Int32.max)) {
            outcome = .failed(
                code: code,
                message: try reader.string("message") ?? "",
                details: try reader.string("details") ?? ""
            )
        }
        trace = try CallReport.trace(reader)
    }

    private static func trace(_ reader: JSONReader) throws(JSONTypeError) -> TraceContext? {
        guard let trace = try reader.string("trace"), let span = try reader.string("span"),
            let own = TraceContext(parent: "00-\(trace)-\(span)-01")
        else { return nil }
        let parent = try reader.string("parent").flatMap { TraceContext(parent: "00-\(trace)-\($0)-01") }
        return TraceContext(
            traceID: own.traceID,
            spanID: own.spanID,
            parentID: parent?.spanID ?? 0,
            flags: UInt8(try reader.integer("flags", in: 0...255) ?? 0),
            state: try reader.string("state") ?? ""
        )
    }
}
