// SPDX-License-Identifier: Apache-2.0

/// What one call of a plugin did, and how long it took: for whoever keeps account of calls.
package struct CallReport: Hashable, Sendable {
    /// How a call ended.
    package enum Outcome: Hashable, Sendable {
        case done
        /// What the plugin answered instead: code, message and details of a CNI error.
        case failed(code: Int, message: String, details: String)
    }

    /// When the call began, in nanoseconds since 1970.
    package var beganWall: Int64 = 0
    /// How long it took, in nanoseconds, until its answer was written.
    package var duration: Int64 = 0
    /// The name that the binary was called by.
    package var plugin = ""
    /// `ADD`, `DEL`, `CHECK`, `GC` or `STATUS`, or whatever CNI_COMMAND was; VERSION is not reported.
    package var verb = ""
    /// The network's name as it was written; empty when that could not be read.
    package var network = ""
    /// As CNI_CONTAINERID says, unchecked; empty for calls that concern no attachment.
    package var containerID = ""
    /// As CNI_IFNAME says, unchecked.
    package var interfaceName = ""
    /// As CNI_NETNS says, unchecked.
    package var namespacePath = ""
    /// The plugin that was asked for addresses; empty when none was.
    package var addressPlugin = ""
    package var outcome = Outcome.done
    /// What the time went into: one after the other, without gaps.
    package var steps: [CallNotes.Step] = []
    /// How long the process waited for locks that others held, in nanoseconds; part of the steps.
    package var lockWait: Int64 = 0
    /// How many addresses of dead containers were given to others.
    package var reclaimed = 0
    /// How many addresses this binary gave to containers, and how many it took back.
    package var leases = LeaseCounts()
    /// Nil when the call belongs to no trace.
    package var trace: TraceContext?
    package var process: Int32 = 0

    package init() {}

    /// Whether the plugin answered with an error.
    package var hasFailed: Bool { outcome != .done }

    /// How long one kind of work took in all, in nanoseconds.
    package func duration(of phase: CallNotes.Phase) -> Int64 {
        var sum: Int64 = 0
        for step in steps where step.phase == phase { sum += step.duration }
        return sum
    }
}
