// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import IPTables
package import Linux

/// What packet filters do for an attachment's own link: rewriting its sources, and watching them.
package struct FilterPlan: Hashable, Sendable {
    package let key: AttachmentKey
    package let masquerade: Masquerade?
    package let spoofCheck: SpoofCheck?
    /// What iptables masquerades for the container's other interfaces on the network: in the same chain.
    package let siblings: [CIDR]

    package init(
        key: AttachmentKey,
        masquerade: Masquerade?,
        spoofCheck: SpoofCheck?,
        siblings: [CIDR] = []
    ) {
        self.key = key
        self.masquerade = masquerade
        self.spoofCheck = spoofCheck
        self.siblings = siblings
    }

    package var isEmpty: Bool { masquerade == nil && spoofCheck == nil }

    /// What of it stands in nf_tables.
    package var shares: [FilterShare] {
        var shares: [FilterShare] = []
        if let masquerade, masquerade.backend == .nftables { shares.append(masquerade.share) }
        if let spoofCheck { shares.append(spoofCheck.share) }
        return shares
    }

    /// Where it stands in nf_tables.
    private var layouts: [FilterLayout] {
        var layouts: [FilterLayout] = []
        if masquerade?.backend == .nftables { layouts.append(Masquerade.layout) }
        if spoofCheck != nil { layouts.append(SpoofCheck.layout) }
        return layouts
    }

    /// The addresses that iptables masquerades, by family.
    private var iptablesFamilies: [AddressFamily] {
        guard let masquerade, masquerade.backend == .iptables else { return [] }
        return [.v4, .v6].filter { family in masquerade.addresses.contains { $0.family == family } }
    }

    private var chain: IPTablesMasquerade { IPTablesMasquerade(network: key.network, containerID: key.containerID) }

    /// Makes all of it, where nothing of it can be yet.
    ///
    /// - Throws: ``KernelError``; some of it may have been made.
    func make() throws(KernelError) {
        let shares = shares
        if !shares.isEmpty { try FilterEngine().install(shares, of: key, isFresh: true) }
        try makeIPTablesRules()
    }

    /// Makes what iptables holds, whatever of it is there.
    ///
    /// - Throws: ``KernelError``.
    package func makeIPTablesRules() throws(KernelError) {
        for family in iptablesFamilies {
            try iptables(family) { edit in chain.install((masquerade?.addresses ?? []) + siblings, in: &edit) }
        }
    }

    /// Removes all of it, as far as it is there.
    ///
    /// - Throws: ``KernelError``.
    package func remove() throws(KernelError) {
        try FilterPlan.remove(
            from: key,
            layouts: layouts,
            usesIPTables: masquerade?.backend == .iptables,
            sparing: siblings
        )
    }

    /// Removes what anybody may have left for an attachment of which nothing is known, the reference included.
    ///
    /// `siblings`: what iptables goes on masquerading for the container's other interfaces on the network.
    /// - Throws: ``KernelError``.
    package static func removeAll(of key: AttachmentKey, sparing siblings: [CIDR] = []) throws(KernelError) {
        try remove(
            from: key,
            layouts: [Masquerade.layout, SpoofCheck.layout],
            usesIPTables: true,
            sparing: siblings
        )
    }

    private static func remove(
        from key: AttachmentKey,
        layouts: [FilterLayout],
        usesIPTables: Bool,
        sparing siblings: [CIDR]
    ) throws(KernelError) {
        guard !layouts.isEmpty || usesIPTables else { return }
        let shares = layouts.map { layout in
            var share = FilterShare(layout)
            // Rules are known by their comments, chains by their names.
            if layout == SpoofCheck.layout { share.chains = SpoofCheck.chains(of: key).map { .init($0, rules: []) } }
            return share
        }
        try FilterEngine.removing { engine throws(KernelError) in
            try engine.remove(shares, of: key)
            if usesIPTables { try engine.removeMasqueradeChain(of: key, sparing: siblings.map { $0.address }) }
        }
    }

    /// Removes what attachments of a network have that are not spared; none of which anything is known any more.
    ///
    /// `identify`: as for ``FilterEngine/sweep(_:of:)``.
    /// `isUnwanted`: by the container's id.
    /// - Throws: ``KernelError``.
    package static func sweep(
        _ network: String,
        of identify: () throws(KernelError) -> FilterOwners,
        where isUnwanted: (String) -> Bool
    ) throws(KernelError) {
        try FilterEngine.removing { engine throws(KernelError) in
            // Who watches for spoofed sources does not say of which network it is.
            try engine.sweep([Masquerade.layout], of: identify)
            try engine.sweepMasqueradeChains(of: network, where: isUnwanted)
        }
    }

    /// What is not there, in words; empty when all of it is.
    ///
    /// - Throws: ``KernelError``.
    package func missing() throws(KernelError) -> [String] {
        let shares = shares
        var missing = shares.isEmpty ? [] : try FilterEngine().missing(shares, of: key)
        for family in iptablesFamilies {
            let wanted = chain.rules(masquerade?.addresses ?? [], family)
            do throws(IPTablesError) {
                let contents = try IPTablesTool(family).read(IPTablesMasquerade.table)
                missing += contents.missing(of: wanted).map { "masquerade rule of \($0.chain)" }
            } catch {
                throw error.kernelError
            }
        }
        return missing
    }

    private func iptables(_ family: AddressFamily, _ decide: (inout IPTablesEdit) -> Void) throws(KernelError) {
        do throws(IPTablesError) {
            try IPTablesTool(family).edit(IPTablesMasquerade.table, decide)
        } catch {
            throw error.kernelError
        }
    }
}
