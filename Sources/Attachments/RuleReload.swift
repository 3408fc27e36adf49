// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import Firewall
package import JSON
internal import Linux
internal import Plugin
internal import PortMap
package import Wiring

/// Compares the packet filter with what the records of all attachments ask for, and puts back what is missing.
package struct RuleReload {
    private let network: String?

    /// - Parameter network: only its attachments; nil is all of them.
    package init(network: String?) {
        self.network = network
    }

    /// What was found, in words.
    package struct Outcome {
        /// What one attachment lacks of one plugin.
        package struct Finding: Hashable, Sendable {
            package let key: AttachmentKey
            package let plugin: String
            /// In words, such as `element of map inet culvert_portmap ports4: tcp . 8080`.
            package let missing: [String]

            /// For programs, with keys that stay.
            package var json: JSONValue {
                .object([
                    "network": .string(key.network), "containerID": .string(key.containerID),
                    "interface": .string(key.interfaceName), "plugin": .string(plugin),
                    "missing": .array(missing.map { .string($0) }),
                ])
            }
        }

        package fileprivate(set) var findings: [Finding] = []
        /// How many rule sets are recorded of living containers.
        package fileprivate(set) var count = 0
        /// What there is to say at the end.
        fileprivate var sum = ""
        /// What could not be read or put back.
        package fileprivate(set) var troubles: [String] = []
        /// How many rules, elements, chains and tables were missing.
        package fileprivate(set) var missing = 0
        /// One line for each attachment of which something was missing, and a sum.
        package var report: [String] {
            findings.map { "\($0.key) \($0.plugin): \($0.missing.joined(separator: "; "))" } + [sum]
        }

        /// What is said of firewalld when it has once not answered: nobody waits for it again.
        private var silence: KernelError?

        /// Nothing was found yet.
        package init() {}

        /// Does something for one record, and remembers why if it cannot; whether it could.
        fileprivate mutating func tries(
            _ want: RecordedRules,
            asksFirewalld: Bool = false,
            _ body: () throws(KernelError) -> Void
        ) -> Bool {
            do throws(KernelError) {
                if asksFirewalld, let silence { throw silence }
                try body()
                return true
            } catch {
                if asksFirewalld, error.errno == .timedOut { silence = error }
                troubles.append("\(want.key) \(want.plugin): \(error)")
                return false
            }
        }
    }

    /// - Throws: `CNIError` when the records or the packet filter cannot be read at all.
    package func run(changing: Bool) throws(CNIError) -> Outcome {
        var outcome = Outcome()
        let wants = try wants(&outcome)
        outcome.count = wants.count
        var shares: [RecordedRules] = []
        var others: [RecordedRules] = []
        for want in wants {
            var missing: [String] = []
            // What stands in nf_tables is put back even if firewalld cannot be asked.
            let isComplete =
                outcome.tries(want) { () throws(KernelError) in missing = try want.missing() }
                && outcome.tries(want, asksFirewalld: want.usesFirewalld) { () throws(KernelError) in
                    missing += try want.missingElsewhere()
                }
            guard !missing.isEmpty else { continue }
            outcome.missing += missing.count
            outcome.findings.append(.init(key: want.key, plugin: want.plugin, missing: missing))
            if !want.shares.isEmpty { shares.append(want) }
            if want.hasOthers && isComplete { others.append(want) }
        }
        if changing, outcome.missing > 0 { try putBack(shares, others, &outcome) }
        outcome.sum = summary(outcome, changing: changing)
        return outcome
    }

    private func putBack(
        _ shares: [RecordedRules],
        _ others: [RecordedRules],
        _ outcome: inout Outcome
    ) throws(CNIError) {
        var busy: [RecordedRules] = []
        for start in stride(from: 0, to: shares.count, by: RuleReload.together) {
            let some = shares[start..<min(start + RuleReload.together, shares.count)]
            busy += try putBack(some, waitingAtMost: .zero, &outcome)
        }
        // Whoever works on one of them may take long, and nobody else is to wait for that.
        let settings = Settings(variable: Machine.variable)
        for want in busy {
            for late in try putBack([want], waitingAtMost: settings.lockBound, &outcome) {
                outcome.troubles.append("\(late.key) \(late.plugin): somebody holds its record; run this again")
            }
        }
        for want in others {
            _ = outcome.tries(want, asksFirewalld: want.usesFirewalld) { () throws(KernelError) in
                let held = try HeldRecord(want, waitingAtMost: settings.lockBound)
                try withExtendedLifetime(held) { () throws(KernelError) in try held?.want.makeOthers() }
            }
        }
    }

    /// How many records are locked at the same time: each is an open file.
    private static let together = 200

    /// Makes what some attachments lack in nf_tables, in one transaction, unless a DEL or another ADD was faster: nobody
    /// would take it away.
    ///
    /// - Returns: those on which somebody works.
    private func putBack(
        _ wants: ArraySlice<RecordedRules>,
        waitingAtMost bound: Duration,
        _ outcome: inout Outcome
    ) throws(CNIError) -> [RecordedRules] {
        var busy: [RecordedRules] = []
        var held: [HeldRecord] = []
        for want in wants {
            do throws(KernelError) {
                if let record = try HeldRecord(want, waitingAtMost: bound) { held.append(record) }
            } catch {
                if error.errno == .wouldBlock {
                    busy.append(want)
                } else {
                    outcome.troubles.append("\(want.key) \(want.plugin): \(error)")
                }
            }
        }
        let claims = held.map { FilterEngine.Claim(key: $0.want.key, shares: $0.want.shares) }
        guard !claims.isEmpty else { return busy }
        try withExtendedLifetime(held) { () throws(CNIError) in
            try translating("cannot put rules back") { () throws(KernelError) in
                try FilterEngine().install(claims)
            }
        }
        return busy
    }

    private func summary(_ outcome: Outcome, changing: Bool) -> String {
        guard outcome.missing > 0 else { return "nothing is missing of \(outcome.count) recorded rule sets" }
        let things = outcome.missing == 1 ? "1 thing" : "\(outcome.missing) things"
        return changing ? "put back \(things)" : "\(things) missing"
    }

    /// What the attachments ask for whose containers are alive.
    private func wants(_ outcome: inout Outcome) throws(CNIError) -> [RecordedRules] {
        let store = AttachmentStore(root: Settings(variable: Machine.variable).runDirectory)
        var wants: [RecordedRules] = []
        try translating("cannot read the records of attachments", .storeUnusable) { () throws(KernelError) in
            for name in try store.networks() where network == nil || network == name {
                for plugin in ["", PortMapRules.plugin, FirewallRules.plugin] {
                    for key in try store.keys(of: name, plugin: plugin) {
                        guard let record = try store.record(of: key, plugin: plugin),
                            record.state == .attached, !record.isOfDeadContainer,
                            let want = try RecordedRules(record, plugin, in: store)
                        else { continue }
                        wants.append(want)
                    }
                }
            }
        }
        return wants
    }
}

/// A record that says what it said, and on which nobody works as long as this lives.
private final class HeldRecord {
    let want: RecordedRules
    private let file: AttachmentFile

    /// Nil when the attachment has been ended, or is another one by now.
    ///
    /// - Throws: `KernelError`, with `EWOULDBLOCK` when somebody worked on it all the time.
    init?(_ want: RecordedRules, waitingAtMost bound: Duration) throws(KernelError) {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(
                existing: want.key,
                of: want.record.plugin,
                in: AttachmentStore(root: Settings(variable: Machine.variable).runDirectory),
                waitingAtMost: bound
            )
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
        guard file.record == want.record.content else { return nil }
        self.want = want
        self.file = file
    }
}
