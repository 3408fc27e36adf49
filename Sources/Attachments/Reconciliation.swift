// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import Interfaces
package import JSON
internal import Linux
package import Plugin
package import Runtime
internal import VRF
package import Wiring

/// Makes all living attachments again what their records say: links, addresses, routes, then rules of packet filters.
package struct Reconciliation {
    /// What was wrong with one attachment.
    package struct Finding: Hashable, Sendable {
        package let key: AttachmentKey
        package let plugin: String
        /// In words, such as `veth1a2b3c4d is down`.
        package let text: String

        /// For programs, with keys that stay.
        package var json: JSONValue {
            .object([
                "network": .string(key.network), "containerID": .string(key.containerID),
                "interface": .string(key.interfaceName), "plugin": .string(plugin), "finding": .string(text),
            ])
        }
    }

    /// What was found, and what could not be done.
    package struct Outcome: Hashable, Sendable {
        /// In the order of networks and containers, links before rules.
        package fileprivate(set) var findings: [Finding] = []
        /// What could not be looked at or put right, a sentence each.
        package fileprivate(set) var troubles: [String] = []
        /// How many living attachments there are.
        package fileprivate(set) var count = 0

        package init() {}
    }

    private let settings: Settings
    private let network: String?
    private let cache: ResultCache

    /// - Parameters:
    ///   - settings: where records are, and how long to wait for locks.
    ///   - network: only its attachments; nil is all of them.
    ///   - cache: what runtimes remember.
    package init(_ settings: Settings, network: String?, cache: ResultCache = .standard) {
        self.settings = settings
        self.network = network
        self.cache = cache
    }

    /// Looks at everything, and puts it right.
    ///
    /// Goes on after trouble with one attachment. Killed anywhere, it can be run again: it changes only what is wrong.
    ///
    /// - Parameter changing: whether anything is put right; else it is only said.
    /// - Returns: what was wrong.
    /// - Throws: ``CNIError`` when the records or the packet filter cannot be read at all.
    package func run(changing: Bool) throws(CNIError) -> Outcome {
        var outcome = Outcome()
        let store = AttachmentStore(root: settings.runDirectory)
        let all = try translating("cannot read the records of attachments", .storeUnusable) { () throws(KernelError) in
            try AttachmentSurvey(store, network: network).attachments
        }
        let living = all.filter { $0.life.verdict == .alive }
        outcome.count = living.count
        var parts: [AttachmentKey: Outcome] = [:]
        for facts in Reconciliation.youngestFirst(living) {
            guard let note = facts.notes.first, note.file.isEmpty, AttachmentAims.plugins.contains(note.plugin) else {
                continue
            }
            var part = Outcome()
            do throws(CNIError) {
                try restore(facts.key, note.plugin, store, changing: changing, &part)
            } catch {
                part.troubles.append("\(facts.key) \(note.plugin): \(error)")
            }
            parts[facts.key] = part
        }
        for part in living.compactMap({ parts[$0.key] }) {
            outcome.findings += part.findings
            outcome.troubles += part.troubles
        }
        let rules = try RuleReload(network: network).run(changing: changing)
        for finding in rules.findings {
            outcome.findings += finding.missing.map { text in
                Finding(key: finding.key, plugin: finding.plugin, text: "missing: \(text)")
            }
        }
        outcome.troubles += rules.troubles
        return outcome
    }

    /// In the order in which they are put right.
    ///
    /// What several share is made again as the first of them knows it: a bridge gets the hardware address that the last
    /// containers have learned their gateway by, and not one that it had before it was made the last time.
    private static func youngestFirst(_ living: [AttachmentFacts]) -> [AttachmentFacts] {
        living.sorted { ($0.record?.intendedNanoseconds ?? 0) > ($1.record?.intendedNanoseconds ?? 0) }
    }

    /// Works on one attachment, which nobody else does meanwhile.
    private func restore(
        _ key: AttachmentKey,
        _ plugin: String,
        _ store: AttachmentStore,
        changing: Bool,
        _ outcome: inout Outcome
    ) throws(CNIError) {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(existing: key, in: store, waitingAtMost: settings.lockBound)
        } catch {
            // A DEL was faster.
            guard error.errno != .noSuchFileOrDirectory else { return }
            throw CNIError(.storeUnusable, "cannot lock its record", error)
        }
        // Of what is half made or half gone, whoever made it half has to say.
        guard let record = file.record, record.state == .attached, !record.isOfDeadContainer else { return }
        let standing = try StandingAttachment(record, settings)
        let (findings, complaints) = try Restoration(standing, isChanging: changing).run()
        outcome.findings += findings.map { Finding(key: key, plugin: plugin, text: $0) }
        outcome.troubles += complaints.map { "\(key) \(plugin): \($0)" }
        // What is to be in a VRF has to be there first.
        if complaints.isEmpty { restoreVRF(of: standing, changing, &outcome) }
        // Locked until here.
        _ = consume file
    }

    /// What `vrf` did behind the plugin that made the interface.
    private func restoreVRF(
        of standing: StandingAttachment,
        _ changing: Bool,
        _ outcome: inout Outcome
    ) {
        let key = standing.record.key
        do throws(CNIError) {
            guard let restoration = try standing.vrf(cache) else { return }
            let findings = try restoration.findings()
            outcome.findings += findings.map { Finding(key: key, plugin: "vrf", text: $0) }
            guard changing, !findings.isEmpty else { return }
            try restoration.putRight()
            let left = try restoration.findings()
            if !left.isEmpty { outcome.troubles.append("\(key) vrf: still wrong: \(left.joined(separator: "; "))") }
        } catch {
            outcome.troubles.append("\(key) vrf: \(error)")
        }
    }
}
