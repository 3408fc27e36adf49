// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Firewall
internal import Interfaces
internal import JSON
internal import Linux
internal import PortMap
package import Wiring

/// What one record asks the packet filter for.
package struct RecordedRules {
    package let key: AttachmentKey
    /// As people call it.
    package let plugin: String
    /// What it was read from, and whose record that is.
    let record: (content: AttachmentRecord, plugin: String)
    /// What stands in nf_tables.
    let shares: [FilterShare]
    private let bridge: FilterPlan?
    private let portmap: PortMapRules?
    private let firewall: FirewallRules?

    /// Nil when the record asks for nothing.
    ///
    /// - Throws: `KernelError` when other records that it depends on cannot be read.
    init?(_ record: AttachmentRecord, _ plugin: String, in store: AttachmentStore) throws(KernelError) {
        key = record.key
        bridge = plugin.isEmpty ? try InterfaceFilters.plan(of: record, in: store) : nil
        portmap = plugin == PortMapRules.plugin ? PortMapRules(record) : nil
        firewall = plugin == FirewallRules.plugin ? FirewallRules(record) : nil
        guard let shares = bridge?.shares ?? portmap?.shares ?? firewall?.shares else { return nil }
        self.shares = shares
        self.record = (record, plugin)
        self.plugin = plugin.isEmpty ? RecordedRules.type(of: record) : plugin
    }

    /// What it comes to, a line for each thing.
    var words: [String] {
        var words: [String] = []
        if let masquerade = bridge?.masquerade {
            let addresses = masquerade.addresses.map { "\($0)" }.joined(separator: ", ")
            words.append("masquerades \(addresses), by \(masquerade.backend.rawValue)")
        }
        return words + (bridge?.spoofCheck?.words ?? []) + (portmap?.words ?? []) + (firewall?.words ?? [])
    }

    /// The plugin that made the interface.
    private static func type(of record: AttachmentRecord) -> String {
        guard let type = try? JSONReader(record.configuration).string("type"), !type.isEmpty else { return "bridge" }
        return type
    }

    /// Whether some of it stands elsewhere than in nf_tables.
    var hasOthers: Bool {
        bridge?.masquerade?.backend == .iptables || portmap?.usesIPTables == true || firewall?.usesOthers == true
    }

    var usesFirewalld: Bool { firewall?.usesFirewalld == true }

    /// What is not there, in words, but for what ``missingElsewhere()`` says.
    func missing() throws(KernelError) -> [String] {
        if let bridge { return try bridge.missing() }
        if let portmap { return try portmap.missing() }
        return try firewall?.missingShare() ?? []
    }

    /// What iptables or firewalld do not have for the firewall.
    func missingElsewhere() throws(KernelError) -> [String] {
        try firewall?.missingElsewhere() ?? []
    }

    /// Makes what stands elsewhere than in nf_tables.
    func makeOthers() throws(KernelError) {
        try bridge?.makeIPTablesRules()
        try portmap?.makeIPTablesRules()
        try firewall?.makeOtherRules()
    }
}
