// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import IPTables
internal import Journal
internal import Linux
internal import PacketFilter
internal import Plugin
internal import Wiring

// DEL and GC
extension FirewallAttachment {
    /// Takes the container's rules away; needs nothing but its identity, and can be repeated.
    func expel() throws(CNIError) {
        request.notes.enter(.record)
        do throws(KernelError) {
            let file: AttachmentFile
            do throws(KernelError) {
                file = try AttachmentFile(
                    existing: request.key,
                    of: FirewallAttachment.plugin,
                    in: request.attachments,
                    waitingAtMost: request.settings.lockBound
                )
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                guard request.mayEnd(nil) else { return }
                try removeUnrecorded()
                return try removeUnrecordedSources()
            }
            guard request.mayEnd(file.record) else { return }
            try close(request.key, file)
        } catch {
            throw CNIError(
                .kernelRefused,
                "cannot take the rules of container \(request.key.containerID) from the firewall",
                error
            )
        }
    }

    private func close(_ key: AttachmentKey, _ file: consuming AttachmentFile) throws(KernelError) {
        let usesTable = file.record.flatMap { FirewallPlan($0) }?.usesTable == true
        try removeRules(of: key, file.record)
        request.notes.enter(.record)
        try file.remove()
        guard usesTable else { return }
        request.notes.enter(.filter)
        try removeUnusedTable()
    }

    /// Removes the table in nf_tables with the last attachment; that of the caller has no record any more.
    func removeUnusedTable() throws(KernelError) {
        guard try !isTableNeeded() else { return }
        try FilterEngine.removing { engine throws(KernelError) in
            try engine.removeUnused([FirewallFilter.layout], unless: isTableNeeded)
        }
    }

    /// Whether the table is of use to an attachment, which may have nothing in it.
    private func isTableNeeded() throws(KernelError) -> Bool {
        let store = request.attachments
        for network in try store.networks() {
            for key in try store.keys(of: network, plugin: FirewallAttachment.plugin) {
                guard let record = try store.record(of: key, plugin: FirewallAttachment.plugin) else { continue }
                if FirewallPlan(record)?.usesTable == true { return true }
            }
        }
        return false
    }

    /// Removes what an attachment has by its record; without one the comments say whose the elements are.
    func removeRules(of key: AttachmentKey, _ record: AttachmentRecord?) throws(KernelError) {
        request.notes.enter(.filter)
        guard let plan = record.flatMap({ FirewallPlan($0) }) else {
            return try FilterEngine.removing { engine throws(KernelError) in
                try sweep(engine) { () throws(KernelError) in .attachment(key) }
            }
        }
        try plan.remove { () throws(KernelError) in try otherAddresses(than: key) }
    }

    /// Removes what is known by its owner, and what the reference made with iptables for the addresses of the result.
    private func removeUnrecorded() throws(KernelError) {
        let key = request.key
        request.notes.enter(.filter)
        try FilterEngine.removing { engine throws(KernelError) in
            try sweep(engine) { () throws(KernelError) in .attachment(key) }
            let addresses = (request.configuration.previousResult?.ips ?? []).map { $0.address.address }
            guard !addresses.isEmpty else { return }
            let taken = try otherAddresses(than: key)
            for family in [AddressFamily.v4, .v6] {
                let ours = addresses.filter { $0.family == family && !taken.contains($0) }
                guard !ours.isEmpty, try engine.holdsForwardRules(family), IPTablesTool.isAvailable(family) else {
                    continue
                }
                try FirewallPlan.removeRules(of: ours, family)
            }
        }
    }

    /// Takes the addresses of the result out of the zone where the reference may have put them, unless another backend
    /// is configured.
    private func removeUnrecordedSources() throws(KernelError) {
        let configuration: FirewallConfiguration
        do throws(CNIError) {
            configuration = try FirewallConfiguration(request.configuration)
        } catch {
            // The reference did nothing with that either.
            return
        }
        guard configuration.mayHaveSources else { return }
        try configuration.removeSources { () throws(KernelError) in try otherAddresses(than: request.key) }
    }

    /// Removes the rules of all attachments of the network but the survivors, and those younger than this call.
    ///
    /// Goes on after an error, and reports all of them.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let network = request.configuration.name
        let intention = "cannot collect garbage of network \(network)"
        let store = request.attachments
        var errors: [String] = []
        let keys = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try store.keys(of: network, plugin: FirewallAttachment.plugin)
        }
        for key in keys where !surviving.contains(where: { $0.covers(key) }) {
            do throws(KernelError) {
                try collect(key)
            } catch {
                errors.append("\(key): \(error)")
            }
        }
        do throws(KernelError) {
            try FilterEngine.removing { engine throws(KernelError) in
                try sweep(engine) { () throws(KernelError) in
                    let keys = try store.keys(of: network, plugin: FirewallAttachment.plugin)
                    return .network(network, sparing: .init(surviving, of: network, and: keys))
                }
            }
        } catch {
            errors.append("\(error)")
        }
        guard errors.isEmpty else {
            throw CNIError(.kernelRefused, intention, details: errors.joined(separator: "; "))
        }
    }

    /// Removes what belongs to certain owners, whatever else is known of them.
    private func sweep(
        _ engine: borrowing FilterEngine,
        of identify: () throws(KernelError) -> FilterOwners
    ) throws(KernelError) {
        try engine.sweep([FirewallFilter.layout], of: identify, unless: isTableNeeded)
    }

    private func collect(_ key: AttachmentKey) throws(KernelError) {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(
                existing: key,
                of: FirewallAttachment.plugin,
                in: request.attachments,
                waitingAtMost: .zero
            )
        } catch {
            // Somebody works on it, or its DEL was faster: either way it is not garbage.
            guard error.errno == .wouldBlock || error.errno == .noSuchFileOrDirectory else { throw error }
            return
        }
        if file.isYounger(than: request.beganBoot) { return }
        try close(key, file)
    }
}
