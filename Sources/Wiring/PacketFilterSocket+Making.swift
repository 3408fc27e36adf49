// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import PacketFilter

// What has to be done for a share to be there
extension PacketFilterSocket {
    /// Makes a share, and of its layout what is missing.
    ///
    /// `replacing`: whether something of the attachment may be there already.
    /// `making`: what the batch makes already, which the kernel does not show yet; what this makes is put to it.
    borrowing func add(
        _ share: FilterShare,
        of key: AttachmentKey,
        replacing: Bool,
        making: inout FilterEngine.Making,
        to batch: inout Batch
    ) throws(KernelError) {
        var isThere: Bool
        if making.layouts.contains(share.layout) {
            isThere = try table(share.layout.table) != nil
        } else {
            isThere = try add(share.layout, to: &batch)
            making.layouts.append(share.layout)
        }
        for shared in share.shared where !making.chains.contains(shared.own.chain) {
            making.chains.append(shared.own.chain)
            if isThere, replacing { try makeRoom(for: shared, share.layout, making: &making, &batch) }
            try add(shared, isThere: isThere, replacing: replacing, to: &batch)
        }
        for group in share.vacant where isThere {
            try replace(with: group, isThere: true, emptying: true, of: key, share.layout, making: &making, &batch)
        }
        isThere = isThere && replacing
        if isThere {
            try removeRules(of: key, in: share.layout, from: &batch)
            for own in share.chains {
                if try chain(own.chain) != nil { batch.flush(own.chain) }
            }
        }
        for own in share.chains {
            // A chain that should not be there has rules, too: the new ones would come behind them.
            if replacing { batch.add(own.chain) } else { batch.create(own.chain) }
        }
        for own in share.chains {
            for rule in own.rules { batch.add(rule) }
        }
        for rule in share.rules { batch.add(rule) }
        for group in share.elements {
            guard replacing else {
                batch.create(group.elements, in: group.set)
                continue
            }
            try replace(with: group, isThere: isThere, of: key, share.layout, making: &making, &batch)
        }
    }

    /// Removes chains that nobody needs any more, and whose entries are in the way.
    private borrowing func makeRoom(
        for shared: FilterShare.SharedChain,
        _ layout: FilterLayout,
        making: inout FilterEngine.Making,
        _ batch: inout Batch
    ) throws(KernelError) {
        var names: [String] = []
        for group in shared.entries {
            names += try present(group).compactMap { $0.target }.filter { $0 != shared.own.chain.name }
        }
        guard !names.isEmpty else { return }
        try removeUnpointed(layout, sparing: making.chains, among: names, from: &batch)
        // Nobody may remove them once more.
        making.chains += names.map { Chain(layout.table, $0) }
    }

    /// Makes a chain that attachments share, or what somebody took away of it; and brings up to date who its neighbours
    /// are.
    private borrowing func add(
        _ shared: FilterShare.SharedChain,
        isThere: Bool,
        replacing: Bool,
        to batch: inout Batch
    ) throws(KernelError) {
        if isThere, try chain(shared.own.chain)?.useCount ?? 0 > 0 {
            if replacing { try repair(shared, in: &batch) }
        } else {
            batch.add(shared.own.chain)
            for rule in shared.own.rules { batch.add(rule) }
            for entries in shared.entries { batch.add(entries.elements, to: entries.set) }
        }
        guard let neighbours = shared.neighbours else { return }
        try update(neighbours, isThere: isThere, isThorough: replacing, in: &batch)
    }

    /// Puts elements in the place of what is there, but for those of the same container's other attachments.
    ///
    /// Runtimes ask for a container's ports on each of its networks: the first one has them as long as it lives.
    ///
    /// `isThere`: whether the set may have elements already.
    /// `emptying`: whether the places are only to be free.
    private borrowing func replace(
        with group: FilterShare.Elements,
        isThere: Bool,
        emptying: Bool = false,
        of key: AttachmentKey,
        _ layout: FilterLayout,
        making: inout FilterEngine.Making,
        _ batch: inout Batch
    ) throws(KernelError) {
        let old = isThere ? try inTheWay(of: group) : []
        let kept = old.filter { $0.isOfSibling(of: key) }
        // What the batch has put there already is not shown as such, and stays; nothing can be deleted twice.
        let stale = old.filter { element in
            let known = FilterEngine.Making.Element(set: group.set.name, key: element.key)
            guard !kept.contains(element), !making.elements.contains(known) else { return false }
            return making.deleted.insert(known).inserted
        }
        if !stale.isEmpty { batch.delete(stale, from: group.set) }
        let lost = stale.compactMap { $0.target }
        if !lost.isEmpty { making.lost.append(.init(layout: layout, targets: lost)) }
        guard !emptying else { return }
        var new: [SetElement] = []
        for element in group.elements where !kept.contains(where: { $0.overlaps(element) }) {
            if making.elements.insert(.init(set: group.set.name, key: element.key)).inserted { new.append(element) }
        }
        if !new.isEmpty { batch.create(new, in: group.set) }
    }

    /// Makes what somebody took away from a chain that others point to already, or from what leads there.
    private borrowing func repair(_ shared: FilterShare.SharedChain, in batch: inout Batch) throws(KernelError) {
        let own = shared.own
        if try rules(of: own.chain).count < own.rules.count {
            batch.flush(own.chain)
            for rule in own.rules { batch.add(rule) }
        }
        for group in shared.entries {
            let present = try present(group)
            let missing = group.elements.filter { element in !present.contains { $0.key == element.key } }
            if !missing.isEmpty { batch.add(missing, to: group.set) }
        }
    }

    /// Makes a layout, or what is missing of it.
    ///
    /// - Returns: whether its table was there.
    borrowing func add(_ layout: FilterLayout, to batch: inout Batch) throws(KernelError) -> Bool {
        guard let table = try table(layout.table) else {
            batch.add(layout.table, comment: layout.comment)
            for set in layout.sets { batch.add(set) }
            for fixed in layout.chains { add(fixed, to: &batch) }
            return false
        }
        var damaged: [FilterLayout.FixedChain] = []
        for fixed in layout.chains {
            if let installed = try chain(fixed.chain) {
                guard !fixed.isOpen, Int(installed.useCount) != layout.useCount(of: fixed) else { continue }
                batch.flush(fixed.chain)
            }
            damaged.append(fixed)
        }
        // No set goes before the rules that look into it; and what others have in the table counts like a set.
        if !damaged.isEmpty || Int(table.useCount) < layout.sets.count + layout.chains.count {
            for set in layout.sets { batch.add(set) }
        }
        for fixed in damaged { add(fixed, to: &batch) }
        return true
    }

    private borrowing func add(_ fixed: FilterLayout.FixedChain, to batch: inout Batch) {
        batch.add(fixed.chain, hook: fixed.hook, comment: fixed.comment)
        for rule in fixed.rules { batch.add(Rule(fixed.chain, rule)) }
    }

    /// Which elements are there that leave no room for new ones, whoever made them.
    private borrowing func inTheWay(of group: FilterShare.Elements) throws(KernelError) -> [SetElement] {
        guard group.set.flags.contains(.interval) else { return try present(group) }
        // Asked for a range, the kernel tells of one that its beginning lies in, and not of one that begins later.
        return try elements(of: group.set).filter { old in group.elements.contains { $0.overlaps(old) } }
    }

    /// Which elements are there, whoever made them.
    borrowing func present(_ group: FilterShare.Elements) throws(KernelError) -> [SetElement] {
        var present: [SetElement] = []
        for element in group.elements {
            if let found = try find(element, in: group.set) { present.append(found) }
        }
        return present
    }

    /// The element of the same key; a set that somebody else made in another form has none.
    private borrowing func find(_ element: SetElement, in set: NamedSet) throws(KernelError) -> SetElement? {
        do throws(KernelError) {
            return try self.element(element.key, of: set)
        } catch {
            guard error.errno == .invalidArgument else { throw error }
            return nil
        }
    }

    /// What of an attachment's share is not there, in words.
    borrowing func missing(_ share: FilterShare, of key: AttachmentKey) throws(KernelError) -> [String] {
        let layout = share.layout
        guard try table(layout.table) != nil else { return ["table \(layout.table)"] }
        var missing: [String] = []
        for fixed in layout.chains {
            let installed = try chain(fixed.chain)
            let isWhole = installed.map { fixed.isOpen || Int($0.useCount) == layout.useCount(of: fixed) } ?? false
            if !isWhole { missing.append("chain \(fixed.chain)") }
        }
        for own in share.chains + share.shared.map({ $0.own }) {
            let count = try rules(of: own.chain).count
            if count != own.rules.count { missing.append("chain \(own.chain)") }
        }
        for rule in share.rules {
            let isThere = try rules(of: rule.chain).contains { $0.rule.isEquivalent(to: rule) }
            if !isThere { missing.append("rule of \(rule.chain): \(rule.comment ?? "")") }
        }
        for group in share.elements + share.shared.flatMap({ $0.entries }) {
            for element in group.elements {
                let found = try find(element, in: group.set)
                if let found, found.isOfSibling(of: key) { continue }
                if found?.key != element.key || found?.content != element.content || found?.comment != element.comment {
                    let words = element.description(key: group.set.key)
                    missing.append("element of \(group.set.noun) \(group.set): \(words)")
                }
            }
        }
        for shared in share.shared {
            if let neighbours = shared.neighbours { missing += try self.missing(neighbours) }
        }
        return missing
    }
}

extension SetElement {
    /// Whether some key lies in the ranges of both.
    fileprivate func overlaps(_ other: SetElement) -> Bool {
        for (mine, others) in zip(key, other.key) {
            let isBefore = (mine.upper ?? mine.octets).lexicographicallyPrecedes(others.octets)
            let isBehind = (others.upper ?? others.octets).lexicographicallyPrecedes(mine.octets)
            if isBefore || isBehind { return false }
        }
        return true
    }

    /// Whether another attachment of the same container has it.
    fileprivate func isOfSibling(of key: AttachmentKey) -> Bool {
        guard let comment, !comment.hasPrefix(key.ruleOwner),
            let containerID = AttachmentKey.containerID(inRuleComment: comment)
        else { return false }
        return containerID == key.containerID || comment.utf8.count == 128 && key.containerID.hasPrefix(containerID)
    }
}
