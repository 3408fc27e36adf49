// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
internal import Firewall
internal import JSON
package import Linux
internal import PortMap
package import Wiring

/// Everything that the records say of one attachment, and whether its container lives.
package struct AttachmentFacts: Hashable, Sendable {
    /// How far the work on it is, by the word that reports use; these words stay.
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// All of it stands.
        case whole
        /// Somebody works on it right now.
        case busy
        /// Its ADD was cut off.
        case begun
        /// It was to be taken away, and part of it could not be.
        case pending
    }

    /// What a plugin of the chain noted.
    package struct Note: Hashable, Sendable {
        /// The plugin's type.
        package let plugin: String
        /// Whose record that is in the store; empty for the plugin that made the interface.
        package let file: String
        /// nil when its writer died over it.
        package let record: AttachmentRecord?

        package init(plugin: String, file: String, record: AttachmentRecord?) {
            self.plugin = plugin
            self.file = file
            self.record = record
        }
    }

    package let key: AttachmentKey
    /// In the order of the chain.
    package let notes: [Note]
    package let life: AttachmentLife
    package let state: State
    /// What ADD answered; nil when nothing readable was written down.
    package let result: AddResult?

    package init(key: AttachmentKey, notes: [Note], life: AttachmentLife, isBusy: Bool) {
        self.key = key
        self.notes = notes
        self.life = life
        state = isBusy ? .busy : AttachmentFacts.state(of: notes)
        let answer = notes.first { $0.file.isEmpty }?.record?.result
        result = answer.flatMap { AttachmentFacts.result($0) }
    }

    /// Reads what ADD answered; nil when there is nothing readable.
    static func result(_ document: JSONValue) -> AddResult? {
        guard document != .null else { return nil }
        do throws(CNIError) {
            return try AddResult(JSONReader(document), assuming: .newest)
        } catch {
            return nil
        }
    }

    /// An attachment is as far as the least of what was noted.
    private static func state(of notes: [Note]) -> State {
        if notes.contains(where: { $0.record?.state == .removing }) { return .pending }
        return notes.allSatisfy { $0.record?.state == .attached } ? .whole : .begun
    }

    /// The record of the plugin that made the interface, else of another one.
    package var record: AttachmentRecord? { notes.lazy.compactMap { $0.record }.first }

    /// The types of the plugins that noted anything, in the order of the chain.
    package var chain: [String] { notes.map { $0.plugin } }

    /// The container's own interface as ADD answered it.
    package var interface: AddResult.Interface? {
        result?.interfaces.first { !$0.sandbox.isEmpty && $0.name == key.interfaceName }
    }

    /// The addresses that ADD answered.
    package var addresses: [CIDR] { result?.ips.map { $0.address } ?? [] }

    /// The host's end of the pair; empty where there is none.
    package var hostInterface: String { notes.first { $0.file.isEmpty }?.record?.hostInterface ?? "" }
}

/// All attachments of this host by their records, found without a runtime.
package struct AttachmentSurvey {
    /// In the order of networks and containers.
    package private(set) var attachments: [AttachmentFacts] = []

    /// The files of plugins that note something besides who made the interface, in the order of a usual chain.
    package static let chained = [PortMapRules.plugin, FirewallRules.plugin]

    /// Looks at all records; changes nothing.
    ///
    /// - Parameters:
    ///   - store: where they are.
    ///   - network: only its attachments; nil is all of them.
    /// - Throws: ``KernelError`` when they cannot be read.
    package init(_ store: AttachmentStore, network: String? = nil) throws(KernelError) {
        var inquest = AttachmentInquest(store)
        for name in try store.networks() where network == nil || network == name {
            var keys: Set<AttachmentKey> = []
            for plugin in [""] + AttachmentSurvey.chained { keys.formUnion(try store.keys(of: name, plugin: plugin)) }
            for key in keys.sorted(by: { $0.description < $1.description }) {
                if let facts = try AttachmentSurvey.facts(of: key, store, &inquest) { attachments.append(facts) }
            }
        }
    }

    /// - Returns: nil when all records have gone meanwhile.
    private static func facts(
        of key: AttachmentKey,
        _ store: AttachmentStore,
        _ inquest: inout AttachmentInquest
    ) throws(KernelError) -> AttachmentFacts? {
        var notes: [AttachmentFacts.Note] = []
        for file in [""] + chained {
            guard try FileStatus.of(store.path(of: key, plugin: file)) != nil else { continue }
            let record = try store.record(of: key, plugin: file)
            let plugin = file.isEmpty ? type(of: record) : file
            notes.append(AttachmentFacts.Note(plugin: plugin, file: file, record: record))
        }
        guard !notes.isEmpty else { return nil }
        let isBusy = try store.isAlive(key, since: .max)
        let life = try inquest.life(of: key, notes.lazy.compactMap { $0.record }.first)
        return AttachmentFacts(key: key, notes: notes, life: life, isBusy: isBusy)
    }

    /// The type of the plugin that wrote a record; a question mark when nobody can tell.
    private static func type(of record: AttachmentRecord?) -> String {
        guard let record, let type = try? JSONReader(record.configuration).string("type"), !type.isEmpty else {
            return "?"
        }
        return type
    }
}
