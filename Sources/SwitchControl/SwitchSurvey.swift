// SPDX-License-Identifier: Apache-2.0
package import DaemonTalk
internal import JSON

/// What is known of one daemon at one moment.
package struct SwitchSurvey: Hashable, Sendable {
    /// Where it listens.
    package let daemon: String
    /// Whether it answered.
    package let isThere: Bool
    /// In order of names.
    package let switches: [SwitchView]
    /// How many attachments have no port although their records say so.
    package let lost: Int

    /// One that answered.
    package init(of daemon: String, _ switches: [SwitchView], lost: Int) {
        self.daemon = daemon
        isThere = true
        self.switches = switches.sorted { $0.name < $1.name }
        self.lost = lost
    }

    /// One that did not.
    package init(absent daemon: String) {
        self.daemon = daemon
        isThere = false
        switches = []
        lost = 0
    }

    /// Asks a daemon.
    ///
    /// - Returns: what it said; ``init(absent:)`` when nobody listens there.
    /// - Throws: ``DaemonLinkError`` when somebody listens, and gives no answer that makes sense.
    package static func ask(
        at path: String,
        waitingAtMost bound: Duration = .seconds(2)
    ) throws(DaemonLinkError) -> SwitchSurvey {
        do throws(DaemonLinkError) {
            let answer = try SwitchLink.ask(.show(switchName: ""), at: path, waitingAtMost: bound)
            do throws(JSONTypeError) {
                let lost = try JSONReader(answer).array("lost") ?? []
                return SwitchSurvey(of: path, try SwitchView.all(in: answer), lost: lost.count)
            } catch {
                throw DaemonLinkError.stranger("an answer that makes no sense: \(error)")
            }
        } catch {
            if case .absent = error { return SwitchSurvey(absent: path) }
            throw error
        }
    }

    /// Ports that have metrics of their own: the first so many.
    var toldApart: [(SwitchView, SwitchPortView)] {
        var ports: [(SwitchView, SwitchPortView)] = []
        for view in switches {
            for port in view.ports.prefix(SwitchMetric.mostPorts - ports.count) { ports.append((view, port)) }
        }
        return ports
    }

    /// How many ports have none.
    package var untold: Int { max(0, switches.reduce(0) { $0 + $1.ports.count } - SwitchMetric.mostPorts) }
}
