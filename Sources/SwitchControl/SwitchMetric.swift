// SPDX-License-Identifier: Apache-2.0

/// What is counted of switches, for those who collect such things: what the daemon prints, and what `culvert metrics` does.
package struct SwitchMetric: Sendable {
    /// One value, told apart from the others by its labels.
    package struct Sample: Hashable, Sendable {
        /// In the order of the metric's.
        package let labels: [String]
        package let value: Int
    }

    /// As its samples are called: with `_total` at the end of a counter's.
    package let name: String
    /// Whether it only grows, as long as the port is there.
    package let isCounter: Bool
    /// The names of its labels.
    package let labels: [String]
    /// One sentence without a full stop.
    package let help: String
    private let values: @Sendable (SwitchSurvey) -> [Sample]

    private init(
        _ name: String,
        isCounter: Bool = false,
        labels: [String],
        _ help: String,
        _ values: @escaping @Sendable (SwitchSurvey) -> [Sample]
    ) {
        self.name = name
        self.isCounter = isCounter
        self.labels = labels
        self.help = help
        self.values = values
    }

    /// Its values on one host.
    ///
    /// Ports beyond the first ``mostPorts`` of a daemon are not told apart.
    package func samples(of surveys: [SwitchSurvey]) -> [Sample] {
        surveys.flatMap { values($0) }
    }

    /// So that names from outside cannot make the number of series grow without end.
    package static let mostPorts = 1024

    /// All there are, in the order in which they are printed.
    package static let all = [
        isThere,
        ofSwitches("ports", "Ports of a switch") { $0.ports.count },
        ofSwitches("stations", "Stations that a switch knows") { $0.stations },
        lostPorts,
        ofPorts("received_frames", "Frames that came from a port") { $0.receivedFrames },
        ofPorts("received_bytes", "Octets that came from a port") { $0.receivedBytes },
        ofPorts("sent_frames", "Frames for a port") { $0.sentFrames },
        ofPorts("sent_bytes", "Octets for a port") { $0.sentBytes },
        ofPorts("mirrored_frames", "Copies for a port") { $0.mirroredFrames },
        ofPorts("full_drops", "Frames for a port that found no room") { $0.fullDrops },
        ofPorts("refused_drops", "Frames for a port whose link would not take them") { $0.refusedDrops },
        drops,
    ]

    private static let isThere = SwitchMetric(
        "culvert_switch_up",
        labels: ["daemon"],
        "Whether the daemon answers that carries the frames of containers, by where it listens"
    ) { [Sample(labels: [$0.daemon], value: $0.isThere ? 1 : 0)] }

    private static let lostPorts = SwitchMetric(
        "culvert_switch_lost_ports",
        labels: ["daemon"],
        "Attachments whose ports the daemon cannot open"
    ) { $0.isThere ? [Sample(labels: [$0.daemon], value: $0.lost)] : [] }

    private static let portLabels = ["daemon", "switch", "port", "network"]

    private static let drops = SwitchMetric(
        "culvert_switch_port_drops_total",
        isCounter: true,
        labels: portLabels + ["reason"],
        "Frames that came from a port and went nowhere, by the reason"
    ) { survey in
        survey.toldApart.flatMap { view, port in
            port.counters.drops.map { drop in
                Sample(labels: labels(survey, view, port) + [drop.reason], value: drop.frames)
            }
        }
    }

    private static func ofSwitches(
        _ name: String,
        _ help: String,
        _ value: @escaping @Sendable (SwitchView) -> Int
    ) -> SwitchMetric {
        SwitchMetric("culvert_switch_\(name)", labels: ["daemon", "switch"], help) { survey in
            survey.switches.map { Sample(labels: [survey.daemon, $0.name], value: value($0)) }
        }
    }

    private static func ofPorts(
        _ name: String,
        _ help: String,
        _ value: @escaping @Sendable (SwitchPortCounters) -> Int
    ) -> SwitchMetric {
        SwitchMetric("culvert_switch_port_\(name)_total", isCounter: true, labels: portLabels, help) { survey in
            survey.toldApart.map { view, port in
                Sample(labels: labels(survey, view, port), value: value(port.counters))
            }
        }
    }

    private static func labels(_ survey: SwitchSurvey, _ view: SwitchView, _ port: SwitchPortView) -> [String] {
        [survey.daemon, view.name, port.name, port.network]
    }
}
