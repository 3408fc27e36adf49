// SPDX-License-Identifier: Apache-2.0
package import Doctor
package import JSON

/// Something that happens to the packet, for people.
package struct TraceStep: Hashable, Sendable {
    /// What part of the kernel does it; these words stay.
    package enum Stage: String, Hashable, Sendable, CaseIterable {
        case route
        case neighbour
        case link
        case bridge
        case filter
        case nat
        case setting
        case socket
        case remark
    }

    package let stage: Stage
    /// The namespace: `host`, or the container's id.
    package let place: String
    package let text: String
    /// Whether it happens to the answer.
    package let isAnswer: Bool

    package init(_ stage: Stage, _ place: String, _ text: String, isAnswer: Bool = false) {
        self.stage = stage
        self.place = place
        self.text = text
        self.isAnswer = isAnswer
    }
}

/// What becomes of a flow.
package struct TraceVerdict: Hashable, Sendable {
    /// What the sender sees; these words stay.
    package enum Outcome: String, Hashable, Sendable, CaseIterable {
        /// It arrives, and the answer comes back.
        case connected
        /// It arrives, and nobody listens; or somebody on the way says so.
        case refused
        /// The sender is told that there is no way.
        case unreachable
        /// Nothing ever comes back.
        case dropped
        /// Something on the way is not understood or could not be seen.
        case unknown
    }

    package var outcome: Outcome
    /// Where it ends, and why: one sentence without a full stop.
    package var reason: String
    /// The namespace where it ends.
    package var place: String
    /// The plugin of ours whose rule or setting it is; empty when none.
    package var plugin = ""
    /// What to change; empty when there is nothing to say.
    package var advice = ""
    /// The attachment that has to be looked into before more can be said; nil when none has.
    package var stranger: String?
    /// What `culvert doctor` calls it.
    package var finding: FindingKind?

    package init(_ outcome: Outcome, at place: String, _ reason: String) {
        self.outcome = outcome
        self.place = place
        self.reason = reason
    }
}

/// The way of a flow, and its end.
package struct Trace: Hashable, Sendable {
    package internal(set) var steps: [TraceStep] = []
    package internal(set) var verdict: TraceVerdict
    /// The packet that it is about, in words.
    package let subject: String

    init(subject: String, steps: [TraceStep], verdict: TraceVerdict) {
        self.subject = subject
        self.steps = steps
        self.verdict = verdict
    }

    /// 0 delivered, 1 not delivered, 2 nobody can tell.
    package var exitStatus: Int32 {
        switch verdict.outcome {
        case .connected: 0
        case .refused, .unreachable, .dropped: 1
        case .unknown: 2
        }
    }

    /// With keys that stay.
    package var json: JSONValue {
        var verdict: JSONObject = [
            "outcome": .string(self.verdict.outcome.rawValue), "place": .string(self.verdict.place),
            "reason": .string(self.verdict.reason),
        ]
        if !self.verdict.plugin.isEmpty { verdict[exact: "plugin"] = .string(self.verdict.plugin) }
        if !self.verdict.advice.isEmpty { verdict[exact: "advice"] = .string(self.verdict.advice) }
        if let finding = self.verdict.finding { verdict[exact: "finding"] = .string(finding.rawValue) }
        return .object([
            "version": 1, "packet": .string(subject), "verdict": .object(verdict),
            "steps": .array(
                steps.map { step in
                    .object([
                        "stage": .string(step.stage.rawValue), "place": .string(step.place),
                        "text": .string(step.text), "answer": .bool(step.isAnswer),
                    ])
                }
            ),
        ])
    }
}
