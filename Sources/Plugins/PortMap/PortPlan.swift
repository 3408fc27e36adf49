// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import IPTables
internal import Linux
internal import PacketFilter
internal import Wiring

/// What has to stand in the packet filter for the published ports of one attachment.
struct PortPlan {
    let key: AttachmentKey
    let configuration: PortMapConfiguration
    /// The configuration's further conditions, of the nftables backend.
    private let conditions: [AddressFamily: [Statement]]

    /// - Throws: ``CNIError``, code 7, for conditions that make no sense.
    init(_ configuration: PortMapConfiguration, _ key: AttachmentKey) throws(CNIError) {
        self.key = key
        self.configuration = configuration
        var conditions: [AddressFamily: [Statement]] = [:]
        for family in [AddressFamily.v4, .v6] where configuration.backend == .nftables {
            guard let words = configuration.conditions[family], !words.isEmpty else { continue }
            do throws(ConditionText.Failure) {
                conditions[family] = try ConditionText.parse(words, family)
            } catch {
                throw CNIError(
                    .invalidConfiguration,
                    "conditions\(family == .v4 ? "V4" : "V6"): \(error.explanation)",
                    details: "write comparisons as nft does, such as [\"ip\", \"saddr\", \"!=\", \"10.0.0.0/8\"]"
                )
            }
        }
        self.conditions = conditions
    }

    /// What an attachment's record asks for; nil when the record makes no sense.
    init?(_ record: AttachmentRecord) {
        guard let configuration = PortMapConfiguration(of: record) else { return nil }
        do throws(CNIError) {
            try self.init(configuration, record.key)
        } catch {
            return nil
        }
    }

    /// What of it stands in nf_tables.
    var share: FilterShare { PortMapFilter.share(of: configuration, key, conditions: conditions) }

    /// Makes all of it.
    ///
    /// `isFresh`: nothing of this attachment can be there.
    /// - Throws: ``KernelError``; with iptables, some of it may have been made.
    func make(isFresh: Bool) throws(KernelError) {
        switch configuration.backend {
        case .nftables:
            try FilterEngine().install([share], of: key, isFresh: isFresh)
        case .iptables:
            for target in configuration.targets where forwards(to: target.family) {
                try edit(target.family) { chain, settings, edit in
                    chain.install(mappings, to: target, settings, in: &edit)
                }
            }
        }
    }

    /// Removes all of it, as far as it is there.
    ///
    /// - Throws: ``KernelError``.
    func remove() throws(KernelError) {
        try FilterEngine.removing { engine throws(KernelError) in
            switch configuration.backend {
            case .nftables: try engine.remove([share], of: key)
            case .iptables: try PortPlan.removeChains(of: [key], engine)
            }
        }
    }

    /// Removes the chains that iptables has for some attachments, whoever made them.
    ///
    /// - Throws: ``KernelError``.
    static func removeChains(of keys: [AttachmentKey], _ engine: borrowing FilterEngine) throws(KernelError) {
        var names: [String] = []
        for key in keys {
            let chains = IPTablesPortMap(network: key.network, containerID: key.containerID)
            names += [chains.chain, chains.formerChain]
        }
        try engine.removeIPTablesChains(names, calledFrom: [IPTablesPortMap.entryChain, "POSTROUTING"])
    }

    /// What is not there, in words; empty when all of it is.
    ///
    /// - Throws: ``KernelError``.
    func missing() throws(KernelError) -> [String] {
        guard configuration.backend == .iptables else { return try FilterEngine().missing([share], of: key) }
        var missing: [String] = []
        for target in configuration.targets where forwards(to: target.family) {
            do throws(IPTablesError) {
                let contents = try IPTablesTool(target.family).read(IPTablesPortMap.table)
                let chain = IPTablesPortMap(network: key.network, containerID: key.containerID)
                let wanted = chain.allRules(mappings, to: target, settings(target.family))
                missing += contents.missing(of: wanted).map { "rule of \($0.chain)" }
            } catch {
                throw error.kernelError
            }
        }
        return missing
    }
}

// For iptables
extension PortPlan {
    private func forwards(to family: AddressFamily) -> Bool {
        configuration.forwards.contains { $0.family == family }
    }

    private var mappings: [IPTablesPortMap.Mapping] {
        configuration.mappings.map { mapping in
            IPTablesPortMap.Mapping(
                hostPort: mapping.hostPort,
                containerPort: mapping.containerPort,
                transport: "\(mapping.transport)",
                hostAddress: mapping.hostAddress
            )
        }
    }

    private func settings(_ family: AddressFamily) -> IPTablesPortMap.Settings {
        IPTablesPortMap.Settings(
            masquerade: configuration.masquerades ? configuration.masqueradesAll ? .everything : .hairpin : .nothing,
            mark: configuration.externalSetMarkChain.map { .chain($0) } ?? .bit(configuration.markBit),
            conditions: configuration.conditions[family] ?? []
        )
    }

    private func edit(
        _ family: AddressFamily,
        _ decide: (IPTablesPortMap, IPTablesPortMap.Settings, inout IPTablesEdit) -> Void
    ) throws(KernelError) {
        let chain = IPTablesPortMap(network: key.network, containerID: key.containerID)
        let settings = settings(family)
        do throws(IPTablesError) {
            try IPTablesTool(family).edit(IPTablesPortMap.table) { edit in decide(chain, settings, &edit) }
        } catch {
            throw error.kernelError
        }
    }
}
