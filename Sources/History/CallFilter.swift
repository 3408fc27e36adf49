// SPDX-License-Identifier: Apache-2.0
package import Journal

/// Which calls somebody wants to see.
package struct CallFilter: Hashable, Sendable {
    package var network: String?
    /// The beginning of a container's id.
    package var container: String?
    package var plugin: String?
    /// In capitals.
    package var verb: String?
    package var isFailedOnly = false
    /// In nanoseconds since 1970.
    package var since: Int64?
    /// A trace's id, or its beginning, in lower case.
    package var trace: String?

    package init() {}

    package func admits(_ report: CallReport) -> Bool {
        if let network, report.network != network { return false }
        if let container, !report.containerID.hasPrefix(container) { return false }
        if let plugin, report.plugin != plugin { return false }
        if let verb, report.verb != verb { return false }
        if isFailedOnly, !report.hasFailed { return false }
        if let since, report.beganWall < since { return false }
        if let trace { guard let context = report.trace, context.traceText.hasPrefix(trace) else { return false } }
        return true
    }
}
