// SPDX-License-Identifier: Apache-2.0

/// What names a table: a family and a name of its own within it.
package struct Table: Hashable, Sendable {
    package let family: Family
    package let name: String

    package init(_ family: Family, _ name: String) {
        self.family = family
        self.name = name
    }
}

extension Table: CustomStringConvertible {
    /// As nft says it: `inet culvert`.
    package var description: String { "\(family.name) \(name)" }
}

/// A table as the kernel has it.
package struct InstalledTable: Hashable, Sendable {
    package let table: Table
    package var comment: String?
    /// The kernel's number for it, which a later table of the same name does not have.
    package var handle: UInt64 = 0
    /// How many chains, named sets and other objects it holds.
    package var useCount: UInt32 = 0
    /// Switched off: none of its chains sees packets.
    package var isDormant = false
}
