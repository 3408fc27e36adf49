// SPDX-License-Identifier: Apache-2.0

/// One line for iptables-restore(8): a change to one table.
package enum IPTablesCommand: Hashable, Sendable {
    /// Like `-N`: refused when the chain exists, so that nobody's chain is emptied by accident.
    ///
    /// The `:CHAIN` lines of iptables-save(8) would do that, also with `--noflush`.
    case createChain(String)
    /// Like `-F`: refused when there is no such chain.
    case flushChain(String)
    /// Like `-X`: refused while the chain holds rules or is jumped to.
    case deleteChain(String)
    /// Like `-A`.
    case append(IPTablesRule)
    /// Like `-I`; the first position is 1.
    case insert(IPTablesRule, position: Int)
    /// Like `-D`: the first rule that is the same; refused when there is none.
    case delete(IPTablesRule)

    /// The line without its newline.
    var octets: [UInt8] {
        switch self {
        case .createChain(let chain): Array("-N \(chain)".utf8)
        case .flushChain(let chain): Array("-F \(chain)".utf8)
        case .deleteChain(let chain): Array("-X \(chain)".utf8)
        case .append(let rule): Array("-A \(rule.chain)".utf8) + rule.octets
        case .insert(let rule, let position): Array("-I \(rule.chain) \(position)".utf8) + rule.octets
        case .delete(let rule): Array("-D \(rule.chain)".utf8) + rule.octets
        }
    }
}

/// The changes to one table, which happen together or not at all.
package struct IPTablesBatch: Hashable, Sendable {
    package let table: IPTablesTable
    package let commands: [IPTablesCommand]

    package init(_ table: IPTablesTable, _ commands: [IPTablesCommand]) {
        self.table = table
        self.commands = commands
    }
}
