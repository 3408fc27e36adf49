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
            // Rules of an earlier ADD may have been there.
            if !isFresh, !plan.usesTable { try removeUnusedTable() }
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
            try removeUnusedTable()
            return cause
        } catch {
            return cause.adding("left behind: rules of \(request.key) (\(error))")
        }
    }

    /// The addresses of all attachments but one that have a record.
    func otherAddresses(than own: AttachmentKey) throws(KernelError) -> [IPAddress] {
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
