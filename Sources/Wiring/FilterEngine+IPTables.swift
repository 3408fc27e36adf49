// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import IPTables
package import Linux
internal import PacketFilter

// Chains that iptables made, ours and the reference's. Where iptables keeps them in nf_tables, no program is run.
extension FilterEngine {
    /// Removes the masquerade chain of an attachment, and the jumps to it.
    ///
    /// `spared`: addresses of the container's other interfaces on the network, which have the same chain: as long as one
    /// of them jumps there, the chain stays.
    /// - Throws: ``KernelError``.
    package func removeMasqueradeChain(
        of key: AttachmentKey,
        sparing spared: [IPAddress] = []
    ) throws(KernelError) {
        let own = IPTablesMasquerade(network: key.network, containerID: key.containerID)
        try removeIPTablesChains([own.chain], calledFrom: ["POSTROUTING"]) { rule in
            spared.contains { rule.isAboutPackets(from: $0) }
        } byProgram: { edit in
            own.remove(from: &edit, sparing: spared)
        }
    }

    /// Removes chains of table `nat`, and the jumps to them.
    ///
    /// `callers`: the chains in which these jumps stand.
    /// - Throws: ``KernelError``.
    package func removeIPTablesChains(
        _ names: [String],
        calledFrom callers: [String]
    ) throws(KernelError) {
        try removeIPTablesChains(names, calledFrom: callers) { _ in
            false
        } byProgram: { edit in
            for name in names { edit.removeChain(name) }
        }
    }

    private func removeIPTablesChains(
        _ names: [String],
        calledFrom callers: [String],
        sparing isSpared: (Rule) -> Bool,
        byProgram decide: (inout IPTablesEdit) -> Void
    ) throws(KernelError) {
        for family in [AddressFamily.v4, .v6] {
            try socket.update { batch throws(KernelError) in
                try socket.removeChains(names, of: family.natTable, calledFrom: callers, sparing: isSpared, &batch)
            }
            guard try LegacyTables.inUse(family).contains("nat"), let tool = Self.legacyTool(family) else { continue }
            do throws(IPTablesError) {
                try tool.edit(.nat, decide)
            } catch {
                throw error.kernelError
            }
        }
    }

    /// The program for the older tables; nil where there is none, and so nobody who could have put our chains there.
    ///
    /// The tables themselves may be in use all the same: by a pod of the host's network, with programs of its own.
    private static func legacyTool(_ family: AddressFamily) -> IPTablesTool? {
        for variant in [IPTablesTool.Variant.legacy, .usual] where IPTablesTool.isAvailable(family, variant) {
            do throws(IPTablesError) { return try IPTablesTool(family, variant) } catch { continue }
        }
        return nil
    }

    /// The masquerade chains of a network's attachments that are unwanted; whoever made them.
    ///
    /// `isUnwanted`: by the container's id.
    /// - Throws: ``KernelError``.
    package func sweepMasqueradeChains(
        of network: String,
        where isUnwanted: (String) -> Bool
    ) throws(KernelError) {
        let start = "name: \"\(network)\" id: \""
        try sweepIPTablesChains(calledFrom: ["POSTROUTING"]) { name, comment in
            guard name.hasPrefix("CNI-"), let comment, comment.hasPrefix(start), comment.hasSuffix("\"") else {
                return false
            }
            return isUnwanted(String(comment.dropFirst(start.count).dropLast()))
        }
    }

    /// Removes the chains of table `nat` that are unwanted by their name and by the comment of a jump to them.
    ///
    /// Runs iptables-save, but only where there are chains of the reference's names at all.
    /// - Throws: ``KernelError``.
    package func sweepIPTablesChains(
        calledFrom callers: [String],
        where isUnwanted: (_ name: String, _ comment: String?) -> Bool
    ) throws(KernelError) {
        for family in [AddressFamily.v4, .v6] {
            var tools: [IPTablesTool] = []
            if try socket.chains(of: family.natTable).contains(where: { $0.chain.name.hasPrefix("CNI-") }) {
                do throws(IPTablesError) {
                    let isThere = IPTablesTool.isAvailable(family, .nft)
                    tools.append(try IPTablesTool(family, isThere ? .nft : .usual))
                } catch {
                    throw error.kernelError
                }
            }
            if try LegacyTables.inUse(family).contains("nat"), let tool = Self.legacyTool(family) { tools.append(tool) }
            for tool in tools {
                do throws(IPTablesError) {
                    try tool.edit(.nat) { edit in
                        let jumps = edit.contents.rules.filter { callers.contains($0.chain) }
                        for jump in jumps {
                            guard let target = jump.target, isUnwanted(target, jump.comment) else { continue }
                            edit.removeChain(target)
                        }
                    }
                } catch {
                    throw error.kernelError
                }
            }
        }
    }
}

extension PacketFilterSocket {
    fileprivate borrowing func removeChains(
        _ names: [String],
        of table: Table,
        calledFrom callers: [String],
        sparing isSpared: (Rule) -> Bool,
        _ batch: inout Batch
    ) throws(KernelError) {
        var present: [Chain] = []
        for name in names {
            let chain = Chain(table, name)
            if try self.chain(chain) != nil { present.append(chain) }
        }
        guard !present.isEmpty else { return }
        var needed: [Chain] = []
        for caller in callers {
            let chain = Chain(table, caller)
            for installed in try rules(of: chain) {
                guard let target = present.first(where: { installed.rule.jumps(to: $0.name) }) else { continue }
                if isSpared(installed.rule) {
                    needed.append(target)
                } else {
                    batch.deleteRule(installed.handle, of: chain)
                }
            }
        }
        present.removeAll { needed.contains($0) }
        for chain in present { batch.flush(chain) }
        for chain in present { batch.delete(chain) }
    }
}

extension Rule {
    /// Whether the first condition is that packets come from an address.
    fileprivate func isAboutPackets(from address: IPAddress) -> Bool {
        guard expressions.count > 1, case .payload(.network, let offset, let length, let register) = expressions[0],
            expressions[1] == .compare(.equal, register, address.octets)
        else { return false }
        // Where the source stands in the header: RFC 791, 3.1; RFC 8200, 3.
        return length == address.octets.count && offset == (address.family == .v4 ? 12 : 8)
    }

    fileprivate func jumps(to name: String) -> Bool {
        expressions.contains { $0 == .verdict(.jump(name)) || $0 == .verdict(.goto(name)) }
    }
}

extension AddressFamily {
    /// Where iptables keeps its NAT rules.
    fileprivate var natTable: Table {
        switch self {
        case .v4: Table(.ip, "nat")
        case .v6: Table(.ip6, "nat")
        }
    }
}
