// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import IPTables
internal import Journal
internal import Linux
internal import PacketFilter
internal import Plugin
internal import Wiring

// DEL, GC and CHECK
extension PortPublisher {
    /// Takes the ports back; needs neither the mappings nor the result, and can be repeated.
    func withdraw() throws(CNIError) {
        let intention = "cannot withdraw the ports of container \(request.key.containerID)"
        request.notes.enter(.record)
        do throws(KernelError) {
            let file: AttachmentFile
            do throws(KernelError) {
                file = try AttachmentFile(
                    existing: request.key,
                    of: PortPublisher.plugin,
                    in: request.attachments,
                    waitingAtMost: request.settings.lockBound
                )
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                guard request.mayEnd(nil) else { return }
                return try removeUnrecorded()
            }
            guard request.mayEnd(file.record) else { return }
            try close(request.key, file)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
    }

    /// Removes what an attachment has, then its record, then its claim: in this order nothing is forgotten.
    private func close(_ key: AttachmentKey, _ file: consuming AttachmentFile) throws(KernelError) {
        let plan = file.record.flatMap { PortPlan($0) }
        try removeRules(of: key, plan)
        request.notes.enter(.record)
        guard let plan else { return try file.remove() }
        // Whoever counts the records meanwhile must not count this one out once more.
        let claim = try PortClaim.open(key, in: request.attachments, waitingAtMost: request.settings.lockBound)
        try file.remove()
        try claim.giveBack(plan.configuration.forwards)
        // What was this attachment's goes to the next network of the same container.
        for sibling in try claim.siblings(wanting: plan.configuration.forwards) {
            try PortPlan(sibling.record)?.make(isFresh: false)
        }
    }

    /// Removes what an attachment has in the packet filter, and the connections that went by it.
    func removeRules(of key: AttachmentKey, _ plan: PortPlan?) throws(KernelError) {
        request.notes.enter(.filter)
        guard let plan else {
            // The record died with its writer: then the comments say whose the rules are.
            return try FilterEngine.removing { engine throws(KernelError) in
                try engine.sweep([PortMapFilter.layout]) { () throws(KernelError) in .attachment(key) }
                try PortPlan.removeChains(of: [key], engine)
            }
        }
        try plan.remove()
        try forgetConnections(plan.configuration.forwards, isOver: true)
    }

    /// Removes what the reference may have left, and what is ours if the records were lost.
    private func removeUnrecorded() throws(KernelError) {
        let key = request.key
        request.notes.enter(.filter)
        try FilterEngine.removing { engine throws(KernelError) in
            // Every attachment with ports has a record as long as the registry is there.
            if try !HostPortRegistry.exists(in: request.attachments.root) {
                try engine.sweep([PortMapFilter.layout]) { () throws(KernelError) in .attachment(key) }
            }
            try engine.removeReferencePorts(of: key.containerID)
            try PortPlan.removeChains(of: [key], engine)
        }
    }

    /// Removes the ports of all attachments of the network but the survivors, and those younger than this call.
    ///
    /// Goes on after an error, and reports all of them.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let network = request.configuration.name
        let intention = "cannot collect garbage of network \(network)"
        var errors: [String] = []
        let keys = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try request.attachments.keys(of: network, plugin: PortPublisher.plugin)
        }
        for key in keys where !surviving.contains(where: { $0.covers(key) }) {
            do throws(KernelError) {
                try collect(key)
            } catch {
                errors.append("\(key): \(error)")
            }
        }
        do throws(KernelError) {
            try sweepUnrecorded(network, surviving)
        } catch {
            errors.append("\(error)")
        }
        guard errors.isEmpty else {
            throw CNIError(.kernelRefused, intention, details: errors.joined(separator: "; "))
        }
    }

    private func collect(_ key: AttachmentKey) throws(KernelError) {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(
                existing: key,
                of: PortPublisher.plugin,
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

    /// Removes what no record tells of: ours of lost records, and the reference's chains of iptables.
    private func sweepUnrecorded(_ network: String, _ surviving: [AttachmentID]) throws(KernelError) {
        try FilterEngine.removing { engine throws(KernelError) in
            let store = request.attachments
            try engine.sweep([PortMapFilter.layout]) { () throws(KernelError) in
                .network(
                    network,
                    sparing: try .init(
                        surviving,
                        of: network,
                        and: store.keys(of: network, plugin: PortPublisher.plugin)
                    )
                )
            }
            let start = "dnat name: \"\(network)\" id: \""
            try engine.sweepIPTablesChains(calledFrom: [IPTablesPortMap.entryChain]) { name, comment in
                guard name.hasPrefix("CNI-DN-"), let comment, comment.hasPrefix(start), comment.hasSuffix("\"") else {
                    return false
                }
                let containerID = String(comment.dropFirst(start.count).dropLast())
                // One that has a record by now began after GC was called.
                return !surviving.contains { $0.containerID == containerID }
                    && !store.mayHold(containerID: containerID, of: network, plugin: PortPublisher.plugin)
            }
        }
    }

    /// Compares what the record, or the call, asks for with what is there.
    func verify() throws(CNIError) {
        _ = try previousResult()
        let key = request.key
        let intention = "cannot verify the ports of container \(key.containerID)"
        let record = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try request.attachments.record(of: key, plugin: PortPublisher.plugin)
        }
        let plan: PortPlan
        if let recorded = record.flatMap({ PortPlan($0) }) {
            plan = recorded
        } else {
            guard try wantsPorts() else { return }
            plan = try PortPlan(
                PortMapConfiguration(request.configuration, interfaceName: key.interfaceName),
                key
            )
        }
        guard !plan.configuration.forwards.isEmpty else { return }
        let missing = try translating(intention) { () throws(KernelError) in try plan.missing() }
        guard missing.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "ports of container \(key.containerID) are not what they should be",
                details: "missing: \(missing.joined(separator: "; ")); culvert reload puts them back"
            )
        }
    }
}
