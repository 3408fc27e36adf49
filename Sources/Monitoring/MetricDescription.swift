// SPDX-License-Identifier: Apache-2.0

/// What a metric is: its name, what it counts, and by what it is told apart.
package struct MetricDescription: Hashable, Sendable {
    /// How its values behave, by the word of OpenMetrics.
    package enum Kind: String, Hashable, Sendable {
        /// Only grows, until the machine boots.
        case counter
        /// Is as it is.
        case gauge
        /// How many observations fell below which bounds.
        case histogram
        /// Always 1: its labels are what it says.
        case info
    }

    /// As samples of it are named, but for `_bucket`, `_sum`, `_count` and `_info`.
    package let name: String
    package let kind: Kind
    /// The last word of its name that says in what it is measured; empty when it counts things without a unit.
    package let unit: String
    /// One sentence without a full stop.
    package let help: String
    /// The names of its labels, in the order in which they are printed; a histogram has `le` besides.
    package let labels: [String]

    package init(_ name: String, _ kind: Kind, unit: String = "", labels: [String] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
        self.labels = labels
    }

    /// The row of a table that describes it, as `docs/metrics.md` has it.
    package var row: String {
        let sample = kind == .info ? "\(name)_info" : name
        let labels = labels.isEmpty ? "–" : labels.map { "`\($0)`" }.joined(separator: ", ")
        return "| `\(sample)` | \(kind.rawValue) | \(labels) | \(help) |"
    }
}

/// All metrics that there are, in the order in which they are printed.
extension MetricDescription {
    package static let calls = MetricDescription(
        "culvert_plugin_calls_total",
        .counter,
        labels: ["plugin", "verb", "result"],
        "Calls of plugins by runtimes that have ended"
    )
    package static let failures = MetricDescription(
        "culvert_plugin_failures_total",
        .counter,
        labels: ["plugin", "verb", "code", "reason"],
        "Calls of plugins that ended with an error"
    )
    package static let durations = MetricDescription(
        "culvert_plugin_duration_seconds",
        .histogram,
        unit: "seconds",
        labels: ["plugin", "verb"],
        "How long calls of plugins took"
    )
    package static let lockWaits = MetricDescription(
        "culvert_plugin_lock_wait_seconds",
        .histogram,
        unit: "seconds",
        labels: ["plugin"],
        "How long calls of plugins waited for locks that others held"
    )
    package static let leasesGiven = MetricDescription(
        "culvert_leases_given_total",
        .counter,
        labels: ["network", "family"],
        "Addresses that host-local gave to containers"
    )
    package static let leasesReleased = MetricDescription(
        "culvert_leases_released_total",
        .counter,
        labels: ["network", "family"],
        "Addresses that host-local took back when a container left"
    )
    package static let leasesReclaimed = MetricDescription(
        "culvert_leases_reclaimed_total",
        .counter,
        labels: ["network"],
        "Addresses that host-local took from containers that died without a word"
    )
    package static let countersBegun = MetricDescription(
        "culvert_counters_begun_timestamp_seconds",
        .gauge,
        unit: "seconds",
        "When the counters of calls began, in seconds since 1970"
    )
    package static let poolCapacity = MetricDescription(
        "culvert_pool_capacity_addresses",
        .gauge,
        unit: "addresses",
        labels: ["network", "family", "set"],
        "Addresses of a range set that can be given, to anybody"
    )
    package static let pool = MetricDescription(
        "culvert_pool_addresses",
        .gauge,
        unit: "addresses",
        labels: ["network", "family", "set", "state"],
        "Addresses of a range set by what became of them; all states together are its capacity"
    )
    package static let strayLeases = MetricDescription(
        "culvert_pool_stray_leases",
        .gauge,
        labels: ["network"],
        "Leases of a network that lie in none of its configured ranges"
    )
    package static let attachments = MetricDescription(
        "culvert_attachments",
        .gauge,
        labels: ["network", "state", "container"],
        "Attachments by how far the work on them is, and whether their container lives"
    )
    package static let hostPorts = MetricDescription(
        "culvert_host_ports",
        .gauge,
        labels: ["network", "protocol"],
        "Ports of the host that lead to containers"
    )
    package static let unreadable = MetricDescription(
        "culvert_collection_failures",
        .gauge,
        labels: ["part"],
        "What could not be read for these metrics: each is a gap in them"
    )
    package static let collection = MetricDescription(
        "culvert_collection_duration_seconds",
        .gauge,
        unit: "seconds",
        "How long it took to put these metrics together"
    )
    package static let build = MetricDescription(
        "culvert_build",
        .info,
        labels: ["version", "compatible"],
        "The version of culvert that put these metrics together, and that of the reference plugins it stands for"
    )

    /// Those that calls of plugins count.
    package static let counted = [
        calls, failures, durations, lockWaits, leasesGiven, leasesReleased, leasesReclaimed, countersBegun,
    ]

    /// Those that are read off the host.
    package static let read =
        [poolCapacity, pool, strayLeases, attachments, hostPorts] + switches + [unreadable, collection, build]
}
