// SPDX-License-Identifier: Apache-2.0

/// A rule as it goes into a chain.
package struct Rule: Hashable, Sendable {
    package let chain: Chain
    package var expressions: [Expression]
    /// Up to 128 octets.
    package var comment: String?

    package init(_ chain: Chain, expressions: [Expression], comment: String? = nil) {
        self.chain = chain
        self.expressions = expressions
        self.comment = comment
    }

    /// Composes a rule as nft would: with the conditions that the statements imply.
    package init(_ chain: Chain, _ statements: [Statement], comment: String? = nil) {
        self.init(chain, expressions: RuleComposer.compose(statements, for: chain.table.family), comment: comment)
    }
}

/// A rule as the kernel has it.
package struct InstalledRule: Hashable, Sendable {
    package let rule: Rule
    /// The kernel's number for it within its table: never used again.
    package let handle: UInt64
}
