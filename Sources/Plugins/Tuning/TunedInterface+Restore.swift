// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Journal
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// DEL and GC
extension TunedInterface {
    /// Gives the interface back what it had, if it is still there, and forgets about it; can be repeated.
    func restore() throws(CNIError) {
        let path = TuningConfiguration.dataDirectory(request)
        let intention = "cannot give \(name) of container \(request.invocation.containerID) back what it had"
        request.notes.enter(.record)
        do throws(KernelError) {
            _ = try TuningBackupFile.withLock(fileName, in: path, waitingAtMost: request.settings.lockBound) {
                backup throws(KernelError) in
                guard let backup else { return }
                let refusals = try give(back: backup, at: request.invocation.namespacePath)
                // A value that the kernel refuses today it will refuse tomorrow: no reason to keep the addresses too.
                for refusal in refusals { Machine.log("tuning: \(refusal)") }
                try TuningBackupFile.removeAll(fileName, in: path)
            }
            // What a dead writer left, and a file that made no sense.
            try TuningBackupFile.removeAll(fileName, in: path)
        } catch {
            throw CNIError(.storeUnusable, intention, error)
        }
    }

    /// - Returns: what the kernel refused, in words.
    /// - Throws: ``KernelError`` when nobody can tell whether the interface is there.
    private func give(back backup: TuningBackup, at path: String) throws(KernelError) -> [String] {
        guard !path.isEmpty, !backup.before.isEmpty else { return [] }
        let phase = request.notes.enter(.links)
        defer { request.notes.enter(phase) }
        let container: NetworkNamespace
        do throws(KernelError) {
            container = try NetworkNamespace(path: path)
        } catch {
            // Gone, or a plain file that a lost mount left behind: the interface went with the namespace.
            guard error.isMissingNamespace else { throw error }
            return []
        }
        // Another namespace or another link under the same name was never tuned.
        if let origin = backup.origin, origin.namespaceIdentity != "\(container.identity)" { return [] }
        let tuner = try InterfaceTuner(into: container)
        let interface = backup.origin?.key.interfaceName ?? name
        guard let link = try tuner.existingLink(named: interface) else { return [] }
        if let origin = backup.origin, origin.link != link.index { return [] }
        return tuner.giveBack(backup.before, to: link)
    }

    /// Removes the backups of the network's attachments that live no more, giving back what can be given back, and
    /// what dead writers left.
    ///
    /// Backups that do not say whose they are (the reference's) stay: another network's container may need them. Goes
    /// on after an error, and reports all of them.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let path = TuningConfiguration.dataDirectory(request)
        let intention = "cannot collect garbage of network \(request.configuration.name)"
        let names = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try TuningBackupFile.names(in: path)
        }
        var errors: [String] = []
        for name in names.backups {
            do throws(KernelError) {
                try collect(name, in: path, sparing: surviving)
            } catch {
                errors.append("\(error)")
            }
        }
        for name in names.temporary {
            do throws(KernelError) {
                try TuningBackupFile.removeTemporary(name, in: path, olderThan: request.beganWall)
            } catch {
                errors.append("\(error)")
            }
        }
        guard errors.isEmpty else {
            throw CNIError(.storeUnusable, intention, details: errors.joined(separator: "; "))
        }
    }

    private func collect(
        _ name: String,
        in path: String,
        sparing surviving: [AttachmentID]
    ) throws(KernelError) {
        do throws(KernelError) {
            _ = try TuningBackupFile.withLock(name, in: path, waitingAtMost: .zero) { backup throws(KernelError) in
                guard let backup, let origin = backup.origin, origin.key.network == request.configuration.name,
                    origin.intendedNanoseconds < request.beganBoot,
                    !surviving.contains(where: { $0.covers(origin.key) })
                else { return }
                for refusal in try give(back: backup, at: origin.namespacePath) { Machine.log("tuning: \(refusal)") }
                try TuningBackupFile.removeAll(name, in: path)
            }
        } catch {
            // Somebody works on it at this moment.
            guard error.errno == .wouldBlock else { throw error }
        }
    }
}
