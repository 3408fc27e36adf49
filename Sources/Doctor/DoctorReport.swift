// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Pools

/// What `culvert doctor` says.
package struct DoctorReport: Sendable {
    /// The worst first; within one severity in the order of kinds, then of places.
    package let findings: [Finding]
    /// What could not be looked at, and why.
    package let unseen: [String]
    private let networks: [String]

    /// Judges the facts.
    ///
    /// `network`: what concerns another network alone is left away.
    package init(_ facts: HostFacts, unseen: [String] = [], network: String? = nil) {
        let all =
            ConfigurationExamination(facts).findings + ProgramExamination(facts).findings
            + KernelExamination(facts).findings + SettingExamination(facts).findings
            + FilterExamination(facts).findings + LinkExamination(facts).findings + PortExamination(facts).findings
            + ShortcutExamination(facts).findings + SwitchExamination(facts).findings
            + ManagerExamination(facts).findings + PoolExamination(facts).findings
            + StoreExamination(facts).findings + RemainsExamination(facts).findings
        let order = Dictionary(FindingKind.allCases.enumerated().map { ($1, $0) }) { first, _ in first }
        let meant = all.filter { network == nil || $0.network == nil || $0.network == network }
        var seen: Set<Finding> = []
        findings = meant.filter { seen.insert($0).inserted }.sorted { one, other in
            if one.severity != other.severity { return one.severity < other.severity }
            if one.kind != other.kind { return order[one.kind] ?? 0 < order[other.kind] ?? 0 }
            return one.place < other.place
        }
        self.unseen = unseen
        networks = facts.networks.map { $0.name }.filter { network == nil || $0 == network }
    }

    // MARK: - For people

    /// Some lines for each finding, and one that counts.
    ///
    /// `isVerbose`: says what was looked at and is fine, too.
    package func lines(isVerbose: Bool, _ look: Look) -> [String] {
        var lines: [String] = []
        for finding in findings {
            let tint: Look.Tint = finding.severity == .error ? .bad : .notable
            let title = "\(finding.severity.rawValue)  \(finding.kind.rawValue)"
            let network = finding.network.map { "  network \($0)" } ?? ""
            lines += [
                look.tinted(title, tint) + look.tinted(network, .name),
                "  where  \(finding.place)",
                "  what   \(finding.detail)",
                "  why    \(finding.kind.meaning)",
                "  fix    \(finding.fix)"
                    + (finding.remedy == nil ? "" : look.tinted("  (culvert doctor --fix)", .dim)),
                "",
            ]
        }
        if isVerbose { lines += fine(look) }
        lines += unseen.map { "not looked at: \($0)" }
        return lines + [look.tinted(summary, findings.isEmpty ? .good : .bold)]
    }

    private func fine(_ look: Look) -> [String] {
        let bad = Set(findings.map { $0.kind })
        return FindingKind.allCases.filter { !bad.contains($0) }.map { look.tinted("fine  \($0.rawValue)", .good) }
    }

    private var summary: String {
        let place = "\(CheckReport.count(networks.count, "network"))"
        guard !findings.isEmpty else {
            return unseen.isEmpty ? "healthy: \(place)" : "nothing found in what could be looked at: \(place)"
        }
        let errors = findings.filter { $0.severity == .error }.count
        let parts = [
            errors > 0 ? CheckReport.count(errors, "error") : nil,
            findings.count > errors ? CheckReport.count(findings.count - errors, "warning") : nil,
        ].compactMap { $0 }
        return "found \(parts.joined(separator: " and ")) in \(place)"
    }

    // MARK: - For programs

    /// The whole, with keys that stay.
    ///
    /// `done`: what was put right before.
    package func json(done: [String]) -> JSONValue {
        .object([
            "version": 1,
            "healthy": .bool(findings.isEmpty),
            "networks": .array(networks.map { .string($0) }),
            "findings": .array(findings.map { $0.json }),
            "fixed": .array(done.map { .string($0) }),
            "notLookedAt": .array(unseen.map { .string($0) }),
        ])
    }
}
