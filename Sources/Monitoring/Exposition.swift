// SPDX-License-Identifier: Apache-2.0
internal import Meters

/// Metrics as a text that Prometheus and others read.
package struct Exposition {
    /// Which text.
    package enum Form: String, Hashable, Sendable, CaseIterable {
        /// OpenMetrics 1.0.0.
        case openMetrics = "openmetrics"
        /// The text format 0.0.4 of Prometheus, which node_exporter's textfile collector reads.
        case text

        /// As Content-Type of HTTP has it.
        package var contentType: String {
            switch self {
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            }
        }
    }

    private let form: Form
    private var octets: [UInt8] = []

    private init(_ form: Form) {
        self.form = form
    }

    /// The whole text.
    package static func text(_ families: [MetricFamily], _ form: Form) -> [UInt8] {
        var exposition = Exposition(form)
        for family in families { exposition.write(family) }
        if form == .openMetrics { exposition.line("# EOF") }
        return exposition.octets
    }

    private mutating func line(_ text: String) {
        octets.append(contentsOf: text.utf8)
        octets.append(UInt8(ascii: "\n"))
    }

    /// OpenMetrics names a family without what its samples have at their end, the older format names the samples.
    private mutating func write(_ family: MetricFamily) {
        let description = family.description
        var name = description.name
        if form == .openMetrics, description.kind == .counter { name = String(name.dropLast("_total".count)) }
        if form == .text, description.kind == .info { name += "_info" }
        let kind = form == .text && description.kind == .info ? MetricDescription.Kind.gauge : description.kind
        line("# TYPE \(name) \(kind.rawValue)")
        if form == .openMetrics, !description.unit.isEmpty { line("# UNIT \(name) \(description.unit)") }
        line("# HELP \(name) \(Exposition.escaped(description.help, quotes: form == .openMetrics))")
        for sample in family.samples { write(sample, of: description) }
    }

    private mutating func write(_ sample: MetricFamily.Sample, of description: MetricDescription) {
        let labels = zip(description.labels, sample.labels).map { name, value in
            "\(name)=\"\(Exposition.escaped(value, quotes: true))\""
        }
        func set(_ more: [String] = []) -> String {
            let all = labels + more
            return all.isEmpty ? "" : "{\(all.joined(separator: ","))}"
        }
        let name = description.kind == .info ? "\(description.name)_info" : description.name
        switch sample.value {
        case .count(let count): line("\(name)\(set()) \(count)")
        case .nanoseconds(let nanoseconds): line("\(name)\(set()) \(Exposition.seconds(nanoseconds))")
        case .histogram(let histogram):
            var sum: UInt64 = 0
            for (bucket, count) in histogram.buckets.enumerated() {
                sum &+= count
                line("\(name)_bucket\(set(["le=\"\(Exposition.bound(bucket))\""])) \(sum)")
            }
            line("\(name)_count\(set()) \(sum)")
            line("\(name)_sum\(set()) \(Exposition.seconds(histogram.nanoseconds))")
        }
    }

    /// The upper bound of a bucket in seconds, as OpenMetrics, "Numbers", has them written.
    private static func bound(_ bucket: Int) -> String {
        guard bucket < MeterBuckets.bounds.count else { return "+Inf" }
        return seconds(MeterBuckets.bounds[bucket] * 1000)
    }

    /// A decimal fraction with no more digits than it needs, one at least: `0.0002`, `1.0`.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let fraction = String(nanoseconds % 1_000_000_000)
        var digits = String(repeating: "0", count: 9 - fraction.count) + fraction
        while digits.count > 1, digits.hasSuffix("0") { digits.removeLast() }
        return "\(nanoseconds / 1_000_000_000).\(digits)"
    }

    /// A text in which a backslash, the end of a line and, if asked, a quotation mark are escaped.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
