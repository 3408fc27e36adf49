// SPDX-License-Identifier: Apache-2.0
internal import Linux

/// What a call of a plugin notes on its way: what it is at, and what is worth counting.
///
/// Costs one look at the clock per change of phase, and can fail nobody.
// A call is carried out by one thread from its beginning to its end, and its notes go with it: whoever hands a request
// to another thread does not touch it any more. A lock would cost more than what is noted.
package final class CallNotes: @unchecked Sendable {
    /// What a call is at.
    package enum Phase: String, CaseIterable, Hashable, Sendable {
        /// The environment and the configuration are read.
        case parse
        /// Whatever has no name of its own: the plugin's plan, looking at what is there.
        case work
        /// What is intended or done is written down, or removed; also the wait for its lock.
        case record
        /// Another plugin is asked for addresses, or gives them back.
        case addresses
        /// The kernel makes, changes or removes links, addresses, routes and queues.
        case links
        /// Rules of the packet filter are made or removed.
        case filter
        /// The answer is written.
        case answer
    }

    /// One stretch of a call.
    package struct Step: Hashable, Sendable {
        package var phase: Phase
        /// When it began, in nanoseconds since the call did.
        package var began: Int64
        /// In nanoseconds.
        package var duration: Int64

        package init(phase: Phase, began: Int64, duration: Int64) {
            self.phase = phase
            self.began = began
            self.duration = duration
        }
    }

    /// So many steps are kept apart; what comes later belongs to the last one.
    package static var mostSteps: Int { 16 }

    /// When the call began, in nanoseconds since 1970.
    package let beganWall: Int64
    /// The same, by ``Machine/bootNanoseconds``.
    package let beganBoot: Int64
    /// What this call is part of; nil when it belongs to no trace.
    package let trace: TraceContext?
    /// Which plugin was asked for addresses; empty when none was.
    package var addressPlugin = ""
    /// How many addresses of dead containers were given to others.
    package var reclaimed = 0
    /// How many addresses it gave, and how many it took back.
    package var leases = LeaseCounts()
    private var steps: [Step] = []
    /// What the call is at now, and since when.
    private var current: (phase: Phase, began: Int64) = (.parse, 0)

    /// Begins now, with ``Phase/parse``.
    package init(trace: TraceContext? = nil) {
        beganWall = Machine.wallNanoseconds
        beganBoot = Machine.bootNanoseconds
        self.trace = trace
    }

    /// From here on the call is at something else; nothing if it is at that already.
    ///
    /// - Returns: what it was at until now, for who wants to go back to that.
    @discardableResult
    package func enter(_ phase: Phase) -> Phase {
        let previous = current.phase
        guard phase != previous, steps.count + 1 < CallNotes.mostSteps else { return previous }
        let now = Machine.bootNanoseconds - beganBoot
        steps.append(Step(phase: previous, began: current.began, duration: now - current.began))
        current = (phase, now)
        return previous
    }

    /// What was noted until now: durations, steps and counts.
    ///
    /// Who called for what, the caller adds.
    package func report() -> CallReport {
        let now = Machine.bootNanoseconds - beganBoot
        var report = CallReport()
        report.beganWall = beganWall
        report.duration = now
        report.steps = steps + [Step(phase: current.phase, began: current.began, duration: now - current.began)]
        report.addressPlugin = addressPlugin
        report.reclaimed = reclaimed
        report.leases = leases
        report.lockWait = Machine.lockWaitNanoseconds
        report.trace = trace
        report.process = Machine.processID
        return report
    }
}
