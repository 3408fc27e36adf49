// SPDX-License-Identifier: Apache-2.0
internal import Attachments
internal import DaemonTalk
package import SwitchControl

/// Switches in user space, as metrics.
package enum SwitchFamilies {
    /// So many daemons are asked: each may take its time.
    private static let mostDaemons = 8

    /// Where the daemons listen that carry the frames of these attachments.
    static func daemons(of attachments: [AttachmentFacts]) -> Set<String> {
        var paths: Set<String> = []
        for facts in attachments {
            for note in facts.notes where note.plugin == SwitchPortOrder.pluginName {
                if let record = note.record, let order = SwitchPortOrder(record) { paths.insert(order.socketPath) }
            }
        }
        return paths
    }

    /// Asks these daemons, and the usual one, which is missed only where somebody needs it.
    ///
    /// - Parameters:
    ///   - daemons: where those listen that attachments need.
    ///   - complain: is told of whoever listens and does not answer.
    /// - Returns: what each is known to do.
    static func surveys(of daemons: Set<String>, _ complain: (String) -> Void) -> [SwitchSurvey] {
        var surveys: [SwitchSurvey] = []
        for daemon in daemons.union([SwitchLink.usualPath]).sorted().prefix(mostDaemons) {
            do throws(DaemonLinkError) {
                let survey = try SwitchSurvey.ask(at: daemon)
                if survey.isThere || daemons.contains(daemon) { surveys.append(survey) }
                guard survey.untold > 0 else { continue }
                complain("culvert-switchd at \(daemon) has \(survey.untold) ports beyond \(SwitchMetric.mostPorts)")
            } catch {
                complain("culvert-switchd at \(daemon): \(error.text)")
                surveys.append(SwitchSurvey(absent: daemon))
            }
        }
        return surveys
    }

    /// One family for each of ``MetricDescription/switches``, without values where there are no switches.
    package static func families(_ surveys: [SwitchSurvey]) -> [MetricFamily] {
        zip(MetricDescription.switches, SwitchMetric.all).map { description, metric in
            var family = MetricFamily(description)
            for sample in metric.samples(of: surveys) { family.add(sample.labels, .count(UInt128(sample.value))) }
            return family
        }
    }
}

extension MetricDescription {
    /// Those that `culvert-switchd` knows.
    package static let switches = SwitchMetric.all.map { metric in
        MetricDescription(metric.name, metric.isCounter ? .counter : .gauge, labels: metric.labels, metric.help)
    }
}
