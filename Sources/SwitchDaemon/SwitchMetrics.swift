// SPDX-License-Identifier: Apache-2.0
internal import SwitchControl

/// Counters as text (OpenMetrics 1.0), for who collects them.
enum SwitchMetrics {
    /// All counters of all switches, in order of names.
    static func text(of survey: SwitchSurvey) -> String {
        var text = ""
        for metric in SwitchMetric.all {
            let family = metric.isCounter ? String(metric.name.dropLast("_total".count)) : metric.name
            text += "# TYPE \(family) \(metric.isCounter ? "counter" : "gauge")\n# HELP \(family) \(metric.help)\n"
            for sample in metric.samples(of: [survey]) {
                let labels = zip(metric.labels, sample.labels).map { "\($0)=\"\(escaped($1))\"" }
                text += "\(metric.name){\(labels.joined(separator: ","))} \(sample.value)\n"
            }
        }
        return text + "# EOF\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
