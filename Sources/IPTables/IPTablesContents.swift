// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What one table holds, as iptables-save(8) printed it.
package struct IPTablesContents: Hashable, Sendable {
    package let family: AddressFamily
    package let table: IPTablesTable
    /// The names of all chains that are there, in their order; built-in ones only if they have been used.
    package internal(set) var chains: [String]
    /// All rules, chain by chain, in their order.
    package internal(set) var rules: [IPTablesRule]

    package init(
        family: AddressFamily,
        table: IPTablesTable,
        chains: [String] = [],
        rules: [IPTablesRule] = []
    ) {
        self.family = family
        self.table = table
        self.chains = chains
        self.rules = rules
    }

    /// Takes from the text of iptables-save(8) what belongs to the table.
    ///
    /// Comments, counters and lines of unknown form are passed over; rules that cannot be taken apart keep their text.
    package init(family: AddressFamily, table: IPTablesTable, parsing text: [UInt8]) {
        self.init(family: family, table: table)
        let heading = Array("*\(table.rawValue)".utf8)
        var isInside = false
        for line in text.split(separator: ASCIICode.newline) {
            switch line.first {
            case UInt8(ascii: "*"): isInside = line.elementsEqual(heading)
            case UInt8(ascii: ":") where isInside:
                chains.append(String(decoding: line.dropFirst().prefix { $0 != ASCIICode.blank }, as: UTF8.self))
            case UInt8(ascii: "-") where isInside: append(line)
            // Counters, which only -c prints.
            case UInt8(ascii: "[") where isInside: append(line.drop { $0 != ASCIICode.blank }.dropFirst())
            default: continue
            }
        }
    }

    private mutating func append(_ line: ArraySlice<UInt8>) {
        guard line.starts(with: Array("-A ".utf8)) else { return }
        let chain = line.dropFirst(3).prefix { $0 != ASCIICode.blank }
        rules.append(IPTablesRule(chain: String(decoding: chain, as: UTF8.self), source: line[chain.endIndex...]))
    }

    /// The rules of one chain, in order.
    package func rules(in chain: String) -> [IPTablesRule] {
        rules.filter { $0.chain == chain }
    }

    /// The rules of all chains that jump to one chain.
    package func rules(jumpingTo chain: String) -> [IPTablesRule] {
        rules.filter { $0.target == chain }
    }

    /// Whether a rule that means the same stands in the chain; the order of its words does not matter.
    package func contains(_ rule: IPTablesRule) -> Bool {
        rules.contains { $0.means(rule) }
    }

    /// Which of some rules are not there; what CHECK asks.
    package func missing(of wanted: [IPTablesRule]) -> [IPTablesRule] {
        wanted.filter { !contains($0) }
    }

    /// The containers that comments name: what stands between a beginning and a final quote.
    ///
    /// `chain`: the chain that a container must have for this; another one means that the comment only looks like ours.
    func containers(commentedWith beginning: String, havingChain chain: (String) -> String) -> [String] {
        var containers: [String] = []
        for rule in rules {
            guard let comment = rule.comment?.utf8, comment.starts(with: beginning.utf8),
                comment.last == ASCIICode.quote, comment.count > beginning.utf8.count
            else { continue }
            let id = String(Substring(comment.dropFirst(beginning.utf8.count).dropLast()))
            guard !containers.contains(id) else { continue }
            let name = chain(id)
            if rule.chain == name || rule.target == name { containers.append(id) }
        }
        return containers
    }
}
