// SPDX-License-Identifier: Apache-2.0
internal import Doctor
package import Pools

extension Trace {
    /// Numbered steps, and one line of verdict at the end.
    package func lines(_ look: Look) -> [String] {
        var lines = [look.tinted(subject, .bold)]
        var place = ""
        var isAnswer = false
        for (index, step) in steps.enumerated() {
            if step.isAnswer != isAnswer {
                lines.append(look.tinted("the answer", .bold))
                (isAnswer, place) = (step.isAnswer, "")
            }
            if step.place != place {
                lines.append("  " + look.tinted(step.place == "host" ? "host" : "container \(step.place)", .name))
                place = step.place
            }
            let number = "\(index + 1)".padded(to: 4)
            lines.append("\(number)  \(step.stage.rawValue.padded(after: 9))  \(step.text)")
        }
        if !verdict.plugin.isEmpty { lines.append("  " + look.tinted("plugin", .dim) + "   \(verdict.plugin)") }
        if !verdict.advice.isEmpty { lines.append("  " + look.tinted("fix", .dim) + "      \(verdict.advice)") }
        if let finding = verdict.finding {
            lines.append("  " + look.tinted("doctor", .dim) + "   \(finding.rawValue): \(finding.meaning)")
        }
        return lines + [look.tinted("\(verdict.words): \(verdict.reason)", verdict.tint)]
    }
}

extension TraceVerdict {
    var words: String {
        switch outcome {
        case .connected: "DELIVERED"
        case .refused: "REFUSED"
        case .unreachable: "UNREACHABLE"
        case .dropped: "DROPPED"
        case .unknown: "CANNOT TELL"
        }
    }

    var tint: Look.Tint {
        switch outcome {
        case .connected: .good
        case .refused, .unreachable, .dropped: .bad
        case .unknown: .notable
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }

    fileprivate func padded(after width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
