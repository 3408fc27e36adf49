// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import IPTables
internal import Linux
internal import PacketFilter
internal import Wiring

// Rules that iptables has for addresses
extension FirewallPlan {
    /// Removes the rules of some addresses from the chain that iptables has for them.
    ///
    /// Where somebody put into the table what iptables cannot read, it refuses to read any of it. Its rules are in
    /// nf_tables then, and are found there.
    /// - Throws: ``KernelError``.
    static func removeRules(of addresses: [IPAddress], _ family: AddressFamily) throws(KernelError) {
        do throws(IPTablesError) {
            try IPTablesTool(family).edit(IPTablesFirewall.table) { edit in
                IPTablesFirewall().remove(addresses, from: &edit)
            }
        } catch {
            guard case .incompatible = error else { throw error.kernelError }
            let own = addresses.filter { $0.family == family }
            try FilterEngine.removing { engine throws(KernelError) in
                let chain = Chain(forwardChain(family).table, IPTablesFirewall.chain)
                try engine.removeRules(of: [chain]) { rule in
                    own.contains { rule.expressions.letsThrough($0) }
                }
            }
        }
    }
}

extension [Expression] {
    /// Whether these are the conditions of a rule of iptables that accepts what comes from an address, or answers to it.
    fileprivate func letsThrough(_ address: IPAddress) -> Bool {
        guard last == .verdict(.accept), count >= 3,
            case .payload(.network, let offset, address.octets.count, let register) = self[0],
            self[1] == .compare(.equal, register, address.octets)
        else { return false }
        // Where the addresses stand in the header: RFC 791, 3.1; RFC 8200, 3.
        let source = address.family == .v4 ? 12 : 8
        return offset == source || offset == source + address.octets.count
    }
}
