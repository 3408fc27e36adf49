// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import IPTables
internal import JSON
internal import Journal
internal import Linux
internal import PacketFilter
internal import Plugin
internal import Wiring

/// One attachment as the host's firewall sees it.
struct FirewallAttachment {
    /// Whose records these are: `<containerID>:<interface>:firewall.json`.
    static let plugin = "firewall"

    let request: Request

    init(_ request: Request) {
        self.request = request
    }

    /// ADD: lets the container's packets through: all of it, or nothing.
    func admit() throws(CNIError) -> AddResult {
        let result = try previousResult()
        let configuration = try FirewallConfiguration(request.configuration)
        try configuration.requireBridge()
        guard !configuration.addresses.isEmpty || configuration.policy != .open else { return result }
        let intention = "cannot let container \(request.key.containerID) through the firewall"
        let plan = try translating(intention) { () throws(KernelError) in
            let plan = try FirewallPlan(configuration, request.key)
            // Who chose by itself has just asked.
            if configuration.backend == .firewalld { try configuration.requireDaemon() }
            return plan
        }
        request.notes.enter(.record)
        var file = try translating(intention, .storeUnusable) { () throws(KernelError) in try openRecord() }
        let isFresh = !file.existed
        do throws(KernelError) {
            if !isFresh { try removeRules(of: request.key, file.record) }
            var record = record(of: plan)
            request.notes.enter(.record)
            try file.write(record)
            request.notes.enter(.filter)
            try plan.make(isFresh: isFresh)
            record.state = .attached
            request.notes.enter(.record)
            try file.write(record)
            return result
        } catch {
            let cause = contradiction(plan, error) ?? CNIError(.kernelRefused, intention, error)
            throw takeBack(plan, file, because: cause)
        }
    }

    /// What a refusal means whose reason is that the bridge has another policy; nil when that is not the reason.
    private func contradiction(_ plan: FirewallPlan, _ refusal: KernelError) -> CNIError? {
        guard refusal.errno == .fileExists, plan.backend != .iptables else { return nil }
        let configuration = plan.configuration
        let found: (policy: FirewallConfiguration.IngressPolicy, holders: [String])?
        do throws(KernelError) {
            found = try FirewallFilter.contradiction(to: configuration, FilterEngine())
        } catch {
            return nil
        }
        guard let found else { return nil }
        let holders = found.holders.prefix(3).map { "(\(AttachmentKey.words(ofRuleComment: $0)))" }
        let more = found.holders.count > 3 ? " and \(found.holders.count - 3) more" : ""
        let who = holders.isEmpty ? "a container" : holders.joined(separator: ", ") + more
        return CNIError(
            .invalidConfiguration,
            "bridge \(configuration.bridge) has ingressPolicy \(found.policy.rawValue), "
                + "and cannot have \(configuration.policy.rawValue) besides",
            details: "\(who) came with \(found.policy.rawValue): stop all containers of the bridge that did, "
                + "or set ingressPolicy to \(found.policy.rawValue)"
        )
    }

    private func previousResult() throws(CNIError) -> AddResult {
        guard let result = request.configuration.previousResult else {
            throw CNIError(
                .invalidConfiguration,
                "missing prevResult from earlier plugin",
                details: "firewall is about what another plugin made; put it behind that one in the list"
            )
        }
        return result
    }

    private func openRecord() throws(KernelError) -> AttachmentFile {
        try AttachmentFile(
            opening: request.key,
            of: FirewallAttachment.plugin,
            in: request.attachments,
            waitingAtMost: request.settings.lockBound
        )
    }

    /// The record names the backend that was chosen: whoever reads it must not choose anew.
    private func record(of plan: FirewallPlan) -> AttachmentRecord {
        var document = request.document
        if case .object(var object) = document {
            object[exact: "backend"] = .string(plan.backend.rawValue)
            document = .object(object)
        }
        return AttachmentRecord(
            key: request.key,
            state: .intended,
            namespacePath: request.invocation.namespacePath,
            namespaceIdentity: request.namespaceIdentity,
            intendedNanoseconds: Machine.bootNanoseconds,
            configuration: document
        )
    }

    private func takeBack(
        _ plan: FirewallPlan,
        _ file: consuming AttachmentFile,
        because cause: CNIError
    ) -> CNIError {
        do throws(KernelError) {
            if file.record != nil {
                try plan.remove { () throws(KernelError) in try otherAddresses(than: request.key) }
            }
            try file.remove()
            return cause
        } catch {
            return cause.adding("left behind: rules of \(request.key) (\(error))")
        }
    }

    /// The addresses of all attachments but one that have a record.
    private func otherAddresses(than own: AttachmentKey) throws(KernelError) -> [IPAddress] {
        let store = request.attachments
        var addresses: [IPAddress] = []
        for network in try store.networks() {
            for key in try store.keys(of: network, plugin: FirewallAttachment.plugin) where key != own {
                guard let record = try store.record(of: key, plugin: FirewallAttachment.plugin) else { continue }
                addresses += FirewallPlan(record)?.configuration.addresses ?? []
            }
        }
        return addresses
    }

    /// STATUS: whether the kernel has what an ADD needs.
    func probe() throws(CNIError) {
        let configuration = try FirewallConfiguration(request.configuration)
        do throws(KernelError) {
            switch configuration.backend {
            case .nftables, nil: try FilterEngine().probe()
            case .firewalld: try configuration.requireDaemon()
            case .iptables: break
            }
        } catch {
            throw CNIError(.unavailable, "the firewall cannot let containers through", details: "\(error)")
        }
        if configuration.backend == .iptables, !IPTablesTool.isAvailable(.v4) {
            throw CNIError(
                .unavailable,
                "the firewall cannot let containers through",
                details: "backend is iptables, and there is no iptables-restore; set backend to nftables"
            )
        }
    }

    /// CHECK: compares what the record, or the call, asks for with what is there.
    func verify() throws(CNIError) {
        _ = try previousResult()
        let key = request.key
        let intention = "cannot verify the firewall of container \(key.containerID)"
        let configuration = try FirewallConfiguration(request.configuration)
        try configuration.requireBridge()
        guard !configuration.addresses.isEmpty || configuration.policy != .open else { return }
        let missing = try translating(intention) { () throws(KernelError) in
            let record = try request.attachments.record(of: key, plugin: FirewallAttachment.plugin)
            if let plan = record.flatMap({ FirewallPlan($0) }) { return try plan.missing() }
            return try FirewallPlan(configuration, key).missing()
        }
        guard missing.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "the firewall of container \(key.containerID) is not what it should be",
                details: "missing: \(missing.joined(separator: "; ")); culvert reload puts them back"
            )
        }
    }
}

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
                try removeUnrecorded()
                return try removeUnrecordedSources()
            }
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
        try removeRules(of: key, file.record)
        request.notes.enter(.record)
        try file.remove()
    }

    /// Removes what an attachment has by its record; without one the comments say whose the elements are.
    private func removeRules(of key: AttachmentKey, _ record: AttachmentRecord?) throws(KernelError) {
        request.notes.enter(.filter)
        guard let plan = record.flatMap({ FirewallPlan($0) }) else {
            return try FilterEngine.removing { engine throws(KernelError) in
                try engine.sweep([FirewallFilter.layout]) { () throws(KernelError) in .attachment(key) }
            }
        }
        try plan.remove { () throws(KernelError) in try otherAddresses(than: key) }
    }

    /// Removes what is known by its owner, and what the reference made with iptables for the addresses of the result.
    private func removeUnrecorded() throws(KernelError) {
        let key = request.key
        request.notes.enter(.filter)
        try FilterEngine.removing { engine throws(KernelError) in
            try engine.sweep([FirewallFilter.layout]) { () throws(KernelError) in .attachment(key) }
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
                try engine.sweep([FirewallFilter.layout]) { () throws(KernelError) in
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
