// SPDX-License-Identifier: Apache-2.0
package import CNI
package import Linux
package import Plugin
package import Runtime
internal import Wiring

/// Ends attachments that nobody has any more, by the plugins' own DEL; no runtime is asked.
///
/// Can be killed anywhere: what is not done yet still has its record, and a second run goes on.
package struct GarbageCollection {
    private let store: AttachmentStore
    private let settings: Settings
    /// Finds the list of a network; nil when it has none.
    private let list: (String) -> NetworkList?
    /// Runs one plugin.
    private let execute: (Runtime.PluginCall) throws(CNIError) -> Void

    package init(
        _ settings: Settings,
        list: @escaping (String) -> NetworkList?,
        execute: @escaping (Runtime.PluginCall) throws(CNIError) -> Void
    ) {
        store = AttachmentStore(root: settings.runDirectory)
        self.settings = settings
        self.list = list
        self.execute = execute
    }

    /// What there is to do: of all networks, or of one; changes nothing.
    ///
    /// - Throws: ``KernelError`` when the records cannot be read.
    package func plan(network: String?) throws(KernelError) -> [AttachmentGarbage] {
        try AttachmentSurvey(store, network: network).attachments.compactMap { AttachmentGarbage($0) }
    }

    /// Does it, unless the attachment is another one by now, or has come to life.
    ///
    /// Nor is one ended that comes to life meanwhile: plugins look at their records under their own locks, and while those
    /// are called that keep none, nobody can begin anything.
    ///
    /// - Returns: whether it was done.
    /// - Throws: ``CNIError`` of the first plugin that failed; those before it in the chain were not called, and the next
    ///   run calls all of them again.
    package func carryOut(_ garbage: AttachmentGarbage) throws(CNIError) -> Bool {
        let facts = garbage.facts
        let isStill = try translating("cannot look at \(facts.key) again", .storeUnusable) {
            () throws(KernelError) -> Bool in
            try self.isStill(garbage)
        }
        guard isStill else { return false }
        guard garbage.kind == .disconnect else { return true }
        // Of whom the interface is: its record is the last to go.
        let owner = facts.notes.first { $0.record != nil }
        var isThere = true
        for call in DisconnectPlan(facts, list(facts.key.network)).calls {
            if call.besides.isEmpty, isThere, let owner {
                guard try run(call, holding: owner, of: facts.key) else { return false }
            } else {
                try run(call)
            }
            if call.type == owner?.plugin { isThere = false }
        }
        try requireEnd(of: facts)
        return true
    }

    private func run(_ call: Runtime.PluginCall) throws(CNIError) {
        do throws(CNIError) {
            try execute(call)
        } catch {
            throw CNIError(
                CNIError.Code(rawValue: error.code),
                "plugin \(call.type) failed (delete): \(error.message)",
                details: error.details
            )
        }
    }

    /// Runs a plugin that keeps no record, while nobody can begin or end the attachment.
    ///
    /// - Returns: false when somebody has, or works on it: then it was not run.
    private func run(
        _ call: Runtime.PluginCall,
        holding note: AttachmentFacts.Note,
        of key: AttachmentKey
    ) throws(CNIError) -> Bool {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(existing: key, of: note.file, in: store, waitingAtMost: settings.lockBound)
        } catch {
            if [.wouldBlock, .noSuchFileOrDirectory].contains(error.errno) { return false }
            throw CNIError(.storeUnusable, "cannot lock the record of \(key)", error)
        }
        guard file.record == note.record else { return false }
        try run(call)
        // Locked until here.
        _ = consume file
        return true
    }

    /// Looks again under the locks of the records, and removes half records while it holds them.
    private func isStill(_ garbage: AttachmentGarbage) throws(KernelError) -> Bool {
        let facts = garbage.facts
        for note in facts.notes {
            do throws(KernelError) {
                let file = try AttachmentFile(existing: facts.key, of: note.file, in: store, waitingAtMost: .zero)
                guard file.record == note.record else { return false }
                if note.record == nil { try file.remove() }
            } catch {
                // Somebody works on it, or has ended it meanwhile.
                guard error.errno == .wouldBlock || error.errno == .noSuchFileOrDirectory else { throw error }
                return false
            }
        }
        guard garbage.kind == .disconnect, facts.life.verdict == .dead else { return true }
        var inquest = AttachmentInquest(store)
        return try inquest.life(of: facts.key, facts.record).verdict == .dead
    }

    /// A plugin of the same name that is none of ours succeeds, and leaves what it does not know.
    private func requireEnd(of facts: AttachmentFacts) throws(CNIError) {
        for note in facts.notes {
            guard let record = note.record else { continue }
            let path = store.path(of: facts.key, plugin: note.file)
            let found = try translating("cannot look for \(path)", .storeUnusable) { () throws(KernelError) in
                try store.record(of: facts.key, plugin: note.file)
            }
            guard found?.intendedNanoseconds == record.intendedNanoseconds else { continue }
            throw CNIError(
                .delegateFailed,
                "DEL of \(note.plugin) succeeded, but its record is still there: \(path)",
                details:
                    "the first \(note.plugin) in CNI_PATH is no plugin of this suite, or uses another CULVERT_RUN_DIR"
            )
        }
    }
}
