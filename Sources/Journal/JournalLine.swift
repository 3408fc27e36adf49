// SPDX-License-Identifier: Apache-2.0

/// A report as a line of the journal: one JSON object (RFC 8259), and never longer than ``longest``.
///
/// `docs/observe.md` names every key. What is empty or zero is left out.
package struct JournalLine {
    /// In octets, its end included: the sum of what the members may take.
    package static var longest: Int { 8192 }
    /// What every line begins with, and what stands nowhere else in it: in a text the quotation marks are escaped.
    ///
    /// Behind half a line that somebody left who was killed, readers find the next one by it.
    package static var beginning: String { "{\"v\":1," }

    /// The text in UTF-8, with a line feed at its end.
    package private(set) var octets: [UInt8] = []

    package init(_ report: CallReport) {
        octets.reserveCapacity(1024)
        append(plain: JournalLine.beginning)
        append(plain: "\"time\":\(report.beganWall),\"took\":\(report.duration)")
        append("plugin", report.plugin, limit: 64)
        append("verb", report.verb, limit: 32)
        append("network", report.network, limit: 256)
        append("container", report.containerID, limit: 256)
        append("interface", report.interfaceName, limit: 64)
        append("netns", report.namespacePath, limit: 512)
        append("addressPlugin", report.addressPlugin, limit: 64)
        append(report.steps)
        append("lockWait", Int64(report.lockWait))
        append("reclaimed", Int64(report.reclaimed))
        append("pid", Int64(report.process))
        if let trace = report.trace { append(trace) }
        if case .failed(let code, let message, let details) = report.outcome {
            append(plain: ",\"code\":\(code)")
            append("message", message, limit: 1024)
            append("details", details, limit: 2048)
        }
        append(plain: "}\n")
    }

    private mutating func append(_ steps: [CallNotes.Step]) {
        append(plain: ",\"steps\":[")
        for (index, step) in steps.prefix(CallNotes.mostSteps).enumerated() {
            append(plain: "\(index == 0 ? "" : ",")[\"\(step.phase.rawValue)\",\(step.duration)]")
        }
        append(plain: "]")
    }

    private mutating func append(_ trace: TraceContext) {
        append("trace", trace.traceText, limit: 32)
        append("span", trace.spanText, limit: 16)
        append("parent", trace.parentText, limit: 16)
        append(plain: ",\"flags\":\(trace.flags)")
        // Half a list of other people's is none; 512 octets are what everybody has to take (Trace Context, 3.3.1.5).
        if trace.state.utf8.count <= 512 { append("state", trace.state, limit: 1024) }
    }

    private mutating func append(_ key: String, _ number: Int64) {
        guard number != 0 else { return }
        append(plain: ",\"\(key)\":\(number)")
    }

    /// A text that whoever calls a plugin may have made up: escaped, and cut off beyond so many octets.
    private mutating func append(_ key: String, _ text: String, limit: Int) {
        guard !text.isEmpty else { return }
        append(plain: ",\"\(key)\":\"")
        let end = octets.count + limit
        for scalar in text.unicodeScalars {
            let start = octets.count
            append(escaped: scalar)
            guard octets.count > end else { continue }
            octets.removeLast(octets.count - start)
            append(plain: "…")
            break
        }
        append(plain: "\"")
    }

    private mutating func append(escaped scalar: Unicode.Scalar) {
        switch scalar {
        case "\"", "\\":
            octets.append(UInt8(ascii: "\\"))
            octets.append(UInt8(truncatingIfNeeded: scalar.value))
        case "\n": append(plain: "\\n")
        case "\t": append(plain: "\\t")
        case _ where scalar.value < 0x20:
            append(plain: "\\u00")
            for digit in [scalar.value >> 4, scalar.value & 15] {
                octets.append(UInt8(truncatingIfNeeded: digit < 10 ? 48 + digit : 87 + digit))
            }
        case _ where scalar.value < 0x80: octets.append(UInt8(truncatingIfNeeded: scalar.value))
        default: octets.append(contentsOf: String(Character(scalar)).utf8)
        }
    }

    private mutating func append(plain text: String) {
        octets.append(contentsOf: text.utf8)
    }
}
