// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import IPTables
internal import Linux
internal import PacketFilter
internal import Wiring

extension FilterEngine {
    /// Whether a chain drops what none of its rules decides on.
    ///
    /// - Throws: ``KernelError``.
    func drops(_ chain: Chain) throws(KernelError) -> Bool {
        try installed(chain)?.hook?.policy == .drop
    }

    /// Whether iptables may have rules of containers, of ours or of the reference's.
    ///
    /// - Throws: ``KernelError``.
    func holdsForwardRules(_ family: AddressFamily) throws(KernelError) -> Bool {
        let chain = Chain(FirewallPlan.forwardChain(family).table, IPTablesFirewall.chain)
        if try installed(chain) != nil { return true }
        return try LegacyTables.inUse(family).contains(IPTablesFirewall.table.rawValue)
    }
}
