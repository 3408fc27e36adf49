// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Firewalld
internal import IPTables
internal import JSON
internal import Linux
internal import Netlink
internal import PacketFilter
internal import Wiring

/// What the host's firewall has to know of one attachment.
struct FirewallPlan {
    let key: AttachmentKey
    let configuration: FirewallConfiguration
    let backend: FirewallConfiguration.Backend

    /// Chooses the backend by what the host runs, unless the configuration names one.
    ///
    /// - Throws: ``KernelError``.
    init(_ configuration: FirewallConfiguration, _ key: AttachmentKey) throws(KernelError) {
        self.key = key
        self.configuration = configuration
        if let backend = configuration.backend {
            self.backend = backend
        } else if FirewallDaemon.isRunning() {
            backend = .firewalld
        } else {
            backend = try FirewallPlan.dropsForwarded() ? .iptables : .nftables
        }
    }

    /// What a record's attachment has; nil when the record makes no sense.
    init?(_ record: AttachmentRecord) {
        do throws(CNIError) {
            configuration = try FirewallConfiguration(NetworkConfiguration(record.configuration))
            try configuration.requireBridge()
        } catch {
            return nil
        }
        // Records name the backend that was chosen.
        guard let backend = configuration.backend else { return nil }
        self.backend = backend
        key = record.key
    }

    /// Whether iptables drops what is forwarded, so that only rules of its own let a container's packets through.
    ///
    /// A drop in one table of nf_tables is final, whatever another table accepts.
    private static func dropsForwarded() throws(KernelError) -> Bool {
        guard IPTablesTool.isAvailable(.v4) else { return false }
        let engine = try FilterEngine()
        for family in [AddressFamily.v4, .v6] {
            if try engine.drops(FirewallPlan.forwardChain(family)) { return true }
            if try LegacyTables.inUse(family).contains("filter") { return true }
        }
        return false
    }

    static func forwardChain(_ family: AddressFamily) -> Chain {
        Chain(Table(family == .v4 ? .ip : .ip6, "filter"), "FORWARD")
    }

    /// Whether it stands in nf_tables, or at least needs the operator's chain there.
    var usesTable: Bool {
        switch backend {
        case .nftables: true
        case .iptables: false
        // firewalld knows zones and no bridges: the policy is kept by rules of its own.
        case .firewalld: configuration.policy != .open
        }
    }

    var share: FilterShare { FirewallFilter.share(of: configuration, key) }

    /// The same without what depends on others: they come and go without asking us.
    private var ownShare: FilterShare { FirewallFilter.share(of: configuration, key, withNeighbours: false) }

    private var families: [AddressFamily] {
        [.v4, .v6].filter { family in configuration.addresses.contains { $0.family == family } }
    }

    private var chains: IPTablesFirewall { IPTablesFirewall(adminChain: configuration.adminChain) }

    private var policy: IPTablesFirewall.IngressPolicy? {
        switch configuration.policy {
        case .open: nil
        case .sameBridge: .sameBridge
        case .isolated: .isolated
        }
    }

    /// Makes all of it.
    ///
    /// - Throws: ``KernelError``; some of it may have been made.
    func make(isFresh: Bool) throws(KernelError) {
        switch backend {
        case .nftables:
            try FilterEngine().install([share], of: key, isFresh: isFresh)
        case .iptables:
            for family in families {
                try edit(family) { edit in
                    chains.install(configuration.addresses, in: &edit)
                    if let policy { IPTablesFirewall.isolate(configuration.bridge, policy, in: &edit) }
                }
            }
            if policy != nil {
                // Bridges that nf_tables keeps apart from one another know nothing of this one.
                try FilterEngine.removing { engine throws(KernelError) in try FirewallFilter.updateNeighbours(engine) }
            }
        case .firewalld:
            try configuration.addSources()
            if usesTable {
                try FilterEngine().install([share], of: key, isFresh: isFresh)
            }
        }
        if configuration.policy == .isolated { try isolatePorts() }
    }

    /// Keeps frames from going from container to container inside the bridge, where no packet filter sees them.
    private func isolatePorts() throws(KernelError) {
        let socket = try NetlinkSocket()
        for name in configuration.hostInterfaces where name != configuration.bridge {
            guard let link = try socket.link(named: name), link.port != nil else { continue }
            try socket.execute(.isolatePort(link.index, name: name))
        }
    }

    /// Removes all of it, as far as it is there, but for the table that all share.
    ///
    /// `taken`: whether an address belongs to another attachment by now. Rules of iptables and firewalld do not say
    /// whose they are.
    /// - Throws: ``KernelError``.
    func remove(sparing taken: () throws(KernelError) -> [IPAddress]) throws(KernelError) {
        if usesTable {
            try FilterEngine.removing { engine throws(KernelError) in
                try engine.remove([share], of: key, leavingTables: true)
            }
        }
        switch backend {
        case .nftables: break
        case .iptables:
            let spared = try taken()
            let addresses = configuration.addresses.filter { !spared.contains($0) }
            for family in families where addresses.contains(where: { $0.family == family }) {
                // Who took the program away took the rules away too.
                guard IPTablesTool.isAvailable(family) else { continue }
                try FirewallPlan.removeRules(of: addresses, family)
            }
        case .firewalld:
            try configuration.removeSources(sparing: taken)
        }
    }

    /// What is not there, in words; empty when all of it is.
    ///
    /// `withNeighbours`: also what others made necessary since the container came.
    /// - Throws: ``KernelError``.
    func missing(withNeighbours: Bool = false) throws(KernelError) -> [String] {
        try missingShare(withNeighbours: withNeighbours) + missingElsewhere()
    }

    /// What is not in nf_tables.
    ///
    /// `withNeighbours`: as for ``missing(withNeighbours:)``.
    /// - Throws: ``KernelError``.
    func missingShare(withNeighbours: Bool) throws(KernelError) -> [String] {
        guard usesTable else { return [] }
        return try FilterEngine().missing([withNeighbours ? share : ownShare], of: key)
    }

    /// What iptables or firewalld do not have.
    ///
    /// - Throws: ``KernelError``.
    func missingElsewhere() throws(KernelError) -> [String] {
        var missing: [String] = []
        switch backend {
        case .nftables: break
        case .iptables:
            for family in families {
                let contents = try read(family)
                let wanted = chains.allRules(configuration.addresses, family)
                missing += contents.missing(of: wanted).map {
                    "rule of \($0.chain): \($0.words.joined(separator: " "))"
                }
                guard let policy else { continue }
                let rules = IPTablesFirewall.missing(configuration.bridge, policy, in: contents)
                missing += rules.map { "rule of \($0.chain) for \(configuration.bridge)" }
            }
        case .firewalld:
            missing = try configuration.missingSources()
        }
        return missing
    }

    private func edit(_ family: AddressFamily, _ decide: (inout IPTablesEdit) -> Void) throws(KernelError) {
        do throws(IPTablesError) {
            try IPTablesTool(family).edit(IPTablesFirewall.table, decide)
        } catch {
            throw error.kernelError
        }
    }

    private func read(_ family: AddressFamily) throws(KernelError) -> IPTablesContents {
        do throws(IPTablesError) {
            return try IPTablesTool(family).read(IPTablesFirewall.table)
        } catch {
            throw error.kernelError
        }
    }
}
