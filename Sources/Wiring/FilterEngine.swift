// SPDX-License-Identifier: Apache-2.0
package import Linux
package import PacketFilter

/// Brings what attachments need in nf_tables into being, and takes it away: each time in one transaction.
///
/// What containers share is made with the first of them and goes with the last, unless somebody else put something
/// there. Everything that a decision rests on is read in the generation that the kernel then changes, or not at all.
package struct FilterEngine: ~Copyable {
    let socket: PacketFilterSocket

    /// Connects in the namespace of the calling thread.
    ///
    /// - Throws: ``KernelError``, also from a kernel without nf_tables.
    package init() throws(KernelError) {
        socket = try PacketFilterSocket()
    }

    /// Takes things away; without nf_tables there is nothing to take.
    ///
    /// - Throws: what the body throws.
    package static func removing(
        _ body: (borrowing FilterEngine) throws(KernelError) -> Void
    ) throws(KernelError) {
        do throws(KernelError) {
            let engine = try FilterEngine()
            try body(engine)
        } catch {
            guard error.meansNoPacketFilter else { throw error }
        }
    }

    /// Asks the kernel something that only nf_tables answers.
    ///
    /// - Throws: ``KernelError`` without nf_tables.
    package func probe() throws(KernelError) {
        _ = try socket.generation()
    }

    /// Makes everything that some shares consist of.
    ///
    /// `isFresh`: nothing of this attachment can be there. Then nothing is looked for, unless an element or a chain is in
    /// the way.
    /// - Throws: ``KernelError``; then nothing is changed.
    package func install(_ shares: [FilterShare], of key: AttachmentKey, isFresh: Bool) throws(KernelError) {
        do throws(KernelError) {
            try socket.update { batch throws(KernelError) in
                var making = Making()
                for share in shares {
                    try socket.add(share, of: key, replacing: !isFresh, making: &making, to: &batch)
                }
                try socket.removeLost(making, from: &batch)
            }
        } catch {
            // An element of somebody who is gone, or an element or a chain of our own of an ADD that was cut off.
            guard isFresh, error.errno == .fileExists else { throw error }
            try install(shares, of: key, isFresh: false)
        }
    }

    /// What one attachment has in nf_tables.
    package struct Claim: Hashable, Sendable {
        package let key: AttachmentKey
        package let shares: [FilterShare]

        package init(key: AttachmentKey, shares: [FilterShare]) {
            self.key = key
            self.shares = shares
        }
    }

    /// Makes what several attachments have, whatever of it is there, in one transaction.
    ///
    /// - Throws: ``KernelError``; then nothing is changed.
    package func install(_ claims: [Claim]) throws(KernelError) {
        try socket.update { batch throws(KernelError) in
            var making = Making()
            for claim in claims {
                for share in claim.shares {
                    try socket.add(share, of: claim.key, replacing: true, making: &making, to: &batch)
                }
            }
            try socket.removeLost(making, from: &batch)
        }
    }

    /// What a batch makes for all, and need not make again for the next one.
    struct Making {
        struct Element: Hashable {
            let set: String
            let key: [Datum]
        }

        /// What elements led to that make room for others.
        struct Loss {
            let layout: FilterLayout
            let targets: [String]
        }

        var layouts: [FilterLayout] = []
        /// Those that attachments share, made or in use by one of the batch.
        var chains: [Chain] = []
        var elements: Set<Element> = []
        /// What was there and goes.
        var deleted: Set<Element> = []
        var lost: [Loss] = []
    }

    /// Removes what an attachment has, as far as it is still there and still this one's.
    ///
    /// `leavingTables`: does not look whether tables are of use to anybody; ``removeUnused(_:unless:)`` does.
    /// - Throws: ``KernelError``; then nothing is changed.
    package func remove(
        _ shares: [FilterShare],
        of key: AttachmentKey,
        leavingTables: Bool = false
    ) throws(KernelError) {
        try socket.update { batch throws(KernelError) in
            for share in shares { try socket.remove(share, of: key, from: &batch) }
        }
        if !leavingTables { try removeUnused(shares.map { $0.layout }) }
    }

    /// Removes everything from some layouts that belongs to certain owners; for those of whom nothing else is known.
    ///
    /// `identify`: says whose are to go. Asked after the generation of the rules is known: whoever is not in the records
    /// by then has no rule in that generation.
    /// `isNeeded`: as for ``removeUnused(_:unless:)``.
    /// - Throws: ``KernelError``; then nothing is changed.
    package func sweep(
        _ layouts: [FilterLayout],
        of identify: () throws(KernelError) -> FilterOwners,
        unless isNeeded: () throws(KernelError) -> Bool = { () throws(KernelError) in false }
    ) throws(KernelError) {
        try socket.update { batch throws(KernelError) in
            let owners = try identify()
            for layout in layouts { try socket.sweep(layout, owners, from: &batch) }
        }
        try removeUnused(layouts, unless: isNeeded)
    }

    /// A chain as the kernel has it; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func installed(_ chain: Chain) throws(KernelError) -> InstalledChain? {
        try socket.chain(chain)
    }

    /// Removes rules of some chains, as far as these are there.
    ///
    /// - Throws: ``KernelError``; then nothing is changed.
    package func removeRules(of chains: [Chain], where isUnwanted: (Rule) -> Bool) throws(KernelError) {
        try socket.update { batch throws(KernelError) in
            guard let first = chains.first, try socket.table(first.table) != nil else { return }
            for chain in chains {
                for installed in try socket.rules(of: chain) where isUnwanted(installed.rule) {
                    batch.deleteRule(installed.handle, of: chain)
                }
            }
        }
    }

    /// An element as the kernel has it; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func installed(_ key: [Datum], of set: NamedSet) throws(KernelError) -> SetElement? {
        try socket.element(key, of: set)
    }

    /// All elements of a set; none of one that is not there.
    ///
    /// - Throws: ``KernelError``.
    package func elements(of set: NamedSet) throws(KernelError) -> [SetElement] {
        try socket.elements(of: set)
    }

    /// Brings up to date whom others keep apart from some interfaces.
    ///
    /// `identify`: asked in the generation that is then changed; none is nothing to do.
    /// - Throws: ``KernelError``; then nothing is changed.
    package func update(
        _ identify: (borrowing FilterEngine) throws(KernelError) -> [FilterShare.Neighbours]
    ) throws(KernelError) {
        try socket.update { batch throws(KernelError) in
            for neighbours in try identify(self) {
                try socket.update(neighbours, isThere: true, isThorough: true, in: &batch)
            }
        }
    }

    /// What of an attachment's shares is not there, in words; empty when all of it is.
    ///
    /// - Throws: ``KernelError``.
    package func missing(_ shares: [FilterShare], of key: AttachmentKey) throws(KernelError) -> [String] {
        var missing: [String] = []
        for share in shares { missing += try socket.missing(share, of: key) }
        return missing
    }

    /// Removes the tables in which nobody has anything any more.
    ///
    /// `isNeeded`: whether the tables are of use to somebody who has nothing in them. Whoever comes says so before it
    /// looks for its table, and whoever goes no longer says so when it calls this: then the last one finds a table that
    /// nobody needs, and one that was removed in front of somebody who came is made again.
    /// - Throws: ``KernelError``; then nothing is changed.
    package func removeUnused(
        _ layouts: [FilterLayout],
        unless isNeeded: () throws(KernelError) -> Bool = { () throws(KernelError) in false }
    ) throws(KernelError) {
        var isLeft = false
        var removed: [FilterLayout] = []
        try socket.update { batch throws(KernelError) in
            isLeft = false
            removed = []
            for layout in layouts {
                switch try socket.need(of: layout) {
                case .somebody: continue
                case .nobody:
                    if try isNeeded() { continue }
                    batch.delete(layout.table)
                    removed.append(layout)
                case .noElement:
                    try socket.removeUnpointed(layout, from: &batch)
                    isLeft = isLeft || !batch.isEmpty
                }
            }
        }
        if !removed.isEmpty, try isNeeded() {
            try socket.update { batch throws(KernelError) in
                for layout in removed { _ = try socket.add(layout, to: &batch) }
            }
            // Who came may have gone meanwhile.
            isLeft = true
        }
        // Now that its chains are gone.
        if isLeft { try removeUnused(layouts, unless: isNeeded) }
    }
}
