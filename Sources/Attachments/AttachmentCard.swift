// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
package import JSON
internal import LeaseStore
internal import Linux
package import Plugin
package import Pools
internal import Wiring

/// Everything about one attachment: what its records say, what it leases, and what the packet filter keeps for it.
package struct AttachmentCard {
    package let row: AttachmentRow
    /// Its addresses in the lease directories of this host.
    package let leases: [AddressReport]
    /// What plugins of its chain have in packet filters.
    package let rules: [RuleFacts]
    private let store: AttachmentStore

    /// What one plugin keeps in packet filters for an attachment.
    package struct RuleFacts: Hashable, Sendable {
        package let plugin: String
        /// A line for each thing that it does.
        package let words: [String]
        /// What should be there and is not; nil when nobody can look.
        package let missing: [String]?
    }

    /// Looks at leases and packet filters; changes nothing.
    ///
    /// - Parameters:
    ///   - facts: what the records say.
    ///   - networks: where leases are looked for.
    ///   - settings: where records are, and how long to wait for locks.
    /// - Throws: ``PoolFailure`` when leases cannot be read.
    package init(
        _ facts: AttachmentFacts,
        leasesOf networks: [PoolNetwork],
        _ settings: Settings
    ) throws(PoolFailure) {
        row = AttachmentRow(looking: facts)
        store = AttachmentStore(root: settings.runDirectory)
        var leases: [AddressReport] = []
        for network in networks where network.name == facts.key.network {
            for report in try network.reports(onContainer: facts.key.containerID, settings) {
                guard let owner = report.record?.owner, owner.containerID == facts.key.containerID,
                    owner.interfaceName.isEmpty || owner.interfaceName == facts.key.interfaceName
                else { continue }
                leases.append(report)
            }
        }
        self.leases = leases
        rules = AttachmentCard.rules(of: facts, store)
    }

    private static func rules(of facts: AttachmentFacts, _ store: AttachmentStore) -> [RuleFacts] {
        facts.notes.compactMap { note in
            guard let record = note.record, record.state == .attached,
                let wanted = try? RecordedRules(record, note.file, in: store)
            else { return nil }
            var missing: [String]?
            do throws(KernelError) {
                missing = try wanted.missing() + wanted.missingElsewhere()
            } catch {
                missing = nil
            }
            return RuleFacts(plugin: note.plugin, words: wanted.words, missing: missing)
        }
    }
}

// MARK: - For people

extension AttachmentCard {
    /// A sentence, then what is known, indented, line by line.
    ///
    /// `now`: ``Machine/bootNanoseconds``.
    package func lines(_ look: Look, now: Int64) -> [String] {
        let facts = interfaceFacts + hostFacts + lifeFacts(look, now) + leaseFacts(look) + ruleFacts(look) + fileFacts
        let width = facts.map { $0.0.count }.max() ?? 0
        return [headline(look)]
            + facts.map { name, text in
                let padding = String(repeating: " ", count: width - name.count + 2)
                return "  \(look.tinted(name, .dim))\(padding)\(text)"
            }
    }

    private func headline(_ look: Look) -> String {
        let facts = row.facts
        let network = look.tinted(facts.key.network, .name)
        let state = look.tinted(facts.state.rawValue, facts.state.tint)
        let life = look.tinted(facts.life.verdict.rawValue, facts.life.verdict.tint)
        let isKnown = facts.life.verdict != .unknown
        let subject = isKnown ? "its container is \(life)" : "nobody can tell whether its container lives"
        return "\(look.tinted(row.name, .bold)) in network \(network) is \(state), \(subject)"
    }

    private var interfaceFacts: [(String, String)] {
        var facts: [(String, String)] = []
        func add(_ name: String, _ text: String) { if !text.isEmpty { facts.append((name, text)) } }
        let interface = row.facts.interface
        add("MAC", interface?.mac ?? "")
        if let mtu = interface?.mtu, mtu > 0 { add("MTU", "\(mtu)") }
        for ip in row.facts.result?.ips ?? [] {
            add("Address", "\(ip.address)" + (ip.gateway.map { ", gateway \($0)" } ?? ""))
        }
        for route in row.facts.result?.routes ?? [] {
            add("Route", "\(route.destination)" + (route.gateway.map { " via \($0)" } ?? ""))
        }
        add("Name servers", row.facts.result?.dns.nameservers.joined(separator: ", ") ?? "")
        return facts
    }

    private var hostFacts: [(String, String)] {
        guard let end = row.hostEnd else { return [] }
        guard end.isThere else { return [("Host end", "\(end.name), which is gone")] }
        var facts = [("Host end", end.name + (end.bridge.isEmpty ? "" : ", port of \(end.bridge)"))]
        for (title, direction) in [("Received there", "rx"), ("Sent there", "tx")] {
            guard let octets = end.count("\(direction)_bytes"), let packets = end.count("\(direction)_packets") else {
                continue
            }
            let drops = end.count("\(direction)_dropped") ?? 0
            let errors = end.count("\(direction)_errors") ?? 0
            let amount = "\(HostEndFacts.text(ofOctets: octets)) in \(packets) packets"
            facts.append((title, "\(amount), \(drops) dropped, \(errors) errors"))
        }
        return facts
    }

    private func lifeFacts(_ look: Look, _ now: Int64) -> [(String, String)] {
        let facts = row.facts
        var lines = [("Container", "\(facts.life.verdict.rawValue): \(facts.life.proof)")]
        if let record = facts.record, record.intendedNanoseconds > 0, record.intendedNanoseconds <= now {
            let age = Moment.age(seconds: (now - record.intendedNanoseconds) / 1_000_000_000)
            let moment = Moment.text(ofWall: Moment.wall(ofBoot: record.intendedNanoseconds))
            lines.append(("Begun", "\(moment), \(age) ago"))
        }
        return lines
    }

    private func leaseFacts(_ look: Look) -> [(String, String)] {
        leases.map { report in
            let state = report.record.map { LeaseRow($0, of: report.network.name).stateName } ?? ""
            return ("Lease", "\(report.address), \(state), in \(report.network.directory)")
        }
    }

    private func ruleFacts(_ look: Look) -> [(String, String)] {
        rules.flatMap { rule in
            var lines = rule.words.map { ("Rules", "\(rule.plugin): \($0)") }
            for lost in rule.missing ?? [] { lines.append(("Missing", look.tinted("\(rule.plugin): \(lost)", .bad))) }
            if rule.missing == nil { lines.append(("Rules", "\(rule.plugin): nobody can look whether they are there")) }
            return lines
        }
    }

    private var fileFacts: [(String, String)] {
        row.facts.notes.map { note in
            let state = note.record?.state.rawValue ?? "half a record"
            return ("Record", "\(note.plugin), \(state): \(store.path(of: row.facts.key, plugin: note.file))")
        }
    }
}

// MARK: - For programs

extension AttachmentCard {
    /// What is known, with keys that stay: those of a list, and more.
    package func json(now: Int64) -> JSONValue {
        guard case .object(var object) = row.json(now: now) else { return .null }
        if let result = row.facts.notes.first(where: { $0.file.isEmpty })?.record?.result, result != .null {
            object[exact: "result"] = result
        }
        object[exact: "leases"] = .array(leases.map { $0.json })
        object[exact: "rules"] = .array(
            rules.map { rule in
                .object([
                    "plugin": .string(rule.plugin), "rules": .array(rule.words.map { .string($0) }),
                    "missing": rule.missing.map { .array($0.map { .string($0) }) } ?? .null,
                ])
            }
        )
        object[exact: "records"] = .array(
            row.facts.notes.map { note in
                .object([
                    "plugin": .string(note.plugin), "file": .string(store.path(of: row.facts.key, plugin: note.file)),
                    "state": note.record.map { .string($0.state.rawValue) } ?? .null,
                    "configuration": note.record?.configuration ?? .null,
                ])
            }
        )
        return .object(object)
    }
}
