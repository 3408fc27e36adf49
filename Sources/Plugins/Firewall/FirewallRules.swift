// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import Linux
package import Wiring

/// The firewall's rules of one attachment by its record, for who puts them back.
package struct FirewallRules {
    /// Whose records these are.
    package static let plugin = FirewallAttachment.plugin

    private let plan: FirewallPlan

    /// Nil when the record makes no sense.
    package init?(_ record: AttachmentRecord) {
        guard let plan = FirewallPlan(record) else { return nil }
        self.plan = plan
    }

    /// What they come to, in words.
    package var words: [String] {
        let addresses = plan.configuration.addresses.map { "\($0)" }.joined(separator: ", ")
        guard !addresses.isEmpty else { return [] }
        let policy = plan.configuration.policy == .open ? "" : ", ingress policy \(plan.configuration.policy.rawValue)"
        return ["lets \(addresses) through\(policy), by \(plan.backend.rawValue)"]
    }

    /// Whether iptables or firewalld holds rules.
    package var usesOthers: Bool { plan.backend != .nftables }

    /// What stands in nf_tables.
    package var shares: [FilterShare] { plan.usesTable ? [plan.share] : [] }

    /// Whether firewalld is asked for anything.
    package var usesFirewalld: Bool { plan.backend == .firewalld }

    /// What is not in nf_tables, in words.
    ///
    /// - Throws: ``KernelError``.
    package func missingShare() throws(KernelError) -> [String] {
        try plan.missingShare(withNeighbours: true)
    }

    /// What iptables or firewalld do not have, in words.
    ///
    /// - Throws: ``KernelError``.
    package func missingElsewhere() throws(KernelError) -> [String] {
        try plan.missingElsewhere()
    }

    /// Makes what iptables or firewalld hold.
    ///
    /// - Throws: ``KernelError``.
    package func makeOtherRules() throws(KernelError) {
        if usesOthers { try plan.make(isFresh: false) }
    }
}
