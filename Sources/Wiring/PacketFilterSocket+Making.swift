// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import PacketFilter

// What has to be done for a share to be there
extension PacketFilterSocket {
    /// `replacing`: whether something of the attachment may be there already.
    borrowing func add(
        _ share: FilterShare,
        of key: AttachmentKey,
        replacing: Bool,
        to batch: inout Batch
    ) throws(KernelError) {
        var chains: [Chain] = []
        try add(share, of: key, replacing: replacing, made: false, chains: &chains, to: &batch)
    }

    /// As ``add(_:of:replacing:to:)``, for one of several shares of a batch.
    ///
    /// `made`: whether the batch makes the layout already.
    /// `chains`: the shared chains that the batch makes already; those of this share are put to them.
    borrowing func add(
        _ share: FilterShare,
        of key: AttachmentKey,
        replacing: Bool,
        made: Bool,
        chains: inout [Chain],
        to batch: inout Batch
    ) throws(KernelError) {
        let isThere = try made ? table(share.layout.table) != nil : add(share.layout, to: &batch)
        for shared in share.shared where !chains.contains(shared.own.chain) {
            if isThere, try chain(shared.own.chain)?.useCount ?? 0 > 0 { continue }
            chains.append(shared.own.chain)
            batch.add(shared.own.chain)
            for rule in shared.own.rules { batch.add(rule) }
            for entries in shared.entries { batch.add(entries.elements, to: entries.set) }
        }
        let mayBeStale = isThere && replacing
        if mayBeStale {
            try removeRules(of: key, in: share.layout, from: &batch)
            for own in share.chains {
                if try chain(own.chain) != nil { batch.flush(own.chain) }
            }
        }
        for own in share.chains { batch.add(own.chain) }
        for own in share.chains {
            for rule in own.rules { batch.add(rule) }
        }
        for rule in share.rules { batch.add(rule) }
        for group in share.elements {
            if mayBeStale {
                let old = try present(group)
                if !old.isEmpty { batch.delete(old, from: group.set) }
            }
            batch.create(group.elements, in: group.set)
        }
    }

    /// Makes a layout, or what is missing of it.
    ///
    /// - Returns: whether its table was there.
    private borrowing func add(_ layout: FilterLayout, to batch: inout Batch) throws(KernelError) -> Bool {
        guard let table = try table(layout.table) else {
            batch.add(layout.table, comment: layout.comment)
            for set in layout.sets { batch.add(set) }
            for fixed in layout.chains { add(fixed, to: &batch) }
            return false
        }
        if Int(table.useCount) < layout.sets.count + layout.chains.count {
            for set in layout.sets { batch.add(set) }
        }
        for fixed in layout.chains {
            guard let installed = try chain(fixed.chain) else {
                add(fixed, to: &batch)
                continue
            }
            guard !fixed.isOpen, Int(installed.useCount) != layout.useCount(of: fixed) else { continue }
            batch.flush(fixed.chain)
            add(fixed, to: &batch)
        }
        return true
    }

    private borrowing func add(_ fixed: FilterLayout.FixedChain, to batch: inout Batch) {
        batch.add(fixed.chain, hook: fixed.hook, comment: fixed.comment)
        for rule in fixed.rules { batch.add(Rule(fixed.chain, rule)) }
    }

    /// Which elements are there, whoever made them.
    borrowing func present(_ group: FilterShare.Elements) throws(KernelError) -> [SetElement] {
        var present: [SetElement] = []
        for element in group.elements {
            if let found = try self.element(element.key, of: group.set) { present.append(found) }
        }
        return present
    }

    /// What of a share is not there, in words.
    borrowing func missing(_ share: FilterShare) throws(KernelError) -> [String] {
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
                let found = try self.element(element.key, of: group.set)
                if found?.key != element.key || found?.content != element.content || found?.comment != element.comment {
                    let words = element.description(key: group.set.key)
                    missing.append("element of \(group.set.noun) \(group.set): \(words)")
                }
            }
        }
        return missing
    }
}
