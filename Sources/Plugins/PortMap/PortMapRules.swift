// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import Linux
package import Wiring

/// The rules of one attachment's published ports by its record, for who puts them back.
package struct PortMapRules {
    /// Whose records these are.
    package static let plugin = PortPublisher.plugin

    private let plan: PortPlan

    /// Nil when the record makes no sense.
    package init?(_ record: AttachmentRecord) {
        guard let plan = PortPlan(record) else { return nil }
        self.plan = plan
    }

    package var usesIPTables: Bool { plan.configuration.backend == .iptables }

    /// What stands in nf_tables.
    package var shares: [FilterShare] { usesIPTables ? [] : [plan.share] }

    /// What they come to, a line for each port.
    package var words: [String] {
        plan.configuration.forwards.map { forward in
            let inside = forward.family == .v4 ? "\(forward.target)" : "[\(forward.target)]"
            return "\(forward) leads to \(inside):\(forward.containerPort)"
        }
    }

    /// What is not there, in words.
    ///
    /// - Throws: ``KernelError``.
    package func missing() throws(KernelError) -> [String] {
        try plan.missing()
    }

    /// Makes what iptables holds.
    ///
    /// - Throws: ``KernelError``.
    package func makeIPTablesRules() throws(KernelError) {
        if usesIPTables { try plan.make(isFresh: false) }
    }
}
