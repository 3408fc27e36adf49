// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import PacketFilter

// What has to be done for a share to be gone
extension PacketFilterSocket {
    borrowing func remove(
        _ share: FilterShare,
        of key: AttachmentKey,
        from batch: inout Batch
    ) throws(KernelError) {
        guard try table(share.layout.table) != nil else { return }
        try removeRules(of: key, in: share.layout, from: &batch)
        let owners = FilterOwners.attachment(key)
        var pointers: [String] = []
        for group in share.elements {
            let ours = try present(group).filter { owners.include($0.comment) }
            guard !ours.isEmpty else { continue }
            batch.delete(ours, from: group.set)
            for element in ours {
                if let target = element.target { pointers.append(target) }
            }
        }
        for shared in share.shared {
            let losing = pointers.count { $0 == shared.own.chain.name }
            try remove(shared, losing: losing, from: &batch)
        }
        try remove(share.chains.map { $0.chain }, from: &batch)
    }

    /// Removes the rules of an attachment from the open chains of a layout.
    borrowing func removeRules(
        of key: AttachmentKey,
        in layout: FilterLayout,
        from batch: inout Batch
    ) throws(KernelError) {
        let owners = FilterOwners.attachment(key)
        for fixed in layout.chains where fixed.isOpen {
            for installed in try rules(of: fixed.chain) where owners.include(installed.rule.comment) {
                batch.deleteRule(installed.handle, of: fixed.chain)
            }
        }
    }

    /// Removes the chains that are there: first what is in them, because they jump to one another.
    private borrowing func remove(_ chains: [Chain], from batch: inout Batch) throws(KernelError) {
        var present: [Chain] = []
        for chain in chains where try self.chain(chain) != nil { present.append(chain) }
        for chain in present { batch.flush(chain) }
        for chain in present { batch.delete(chain) }
    }

    /// Removes a chain that nobody points to any more.
    ///
    /// `pointers`: how many elements that point to it are deleted besides.
    private borrowing func remove(
        _ shared: FilterShare.SharedChain,
        losing pointers: Int,
        from batch: inout Batch
    ) throws(KernelError) {
        let chain = shared.own.chain
        guard let installed = try self.chain(chain) else { return }
        let entries = shared.entries.flatMap { $0.elements }.count { $0.target == chain.name }
        guard Int(installed.useCount) <= shared.own.rules.count + entries + pointers else { return }
        // Where rules or entries are missing, the place that they leave may be somebody else's pointers.
        let ruleCount = try rules(of: chain).count
        var present: [(set: NamedSet, elements: [SetElement])] = []
        for group in shared.entries { present.append((group.set, try self.present(group))) }
        let leading = present.reduce(0) { $0 + $1.elements.count { $0.target == chain.name } }
        guard ruleCount <= shared.own.rules.count, Int(installed.useCount) <= ruleCount + leading + pointers else {
            return
        }
        for group in present where !group.elements.isEmpty { batch.delete(group.elements, from: group.set) }
        batch.flush(chain)
        batch.delete(chain)
    }

    /// Removes everything of certain owners from a table, and what nobody points to afterwards.
    borrowing func sweep(
        _ layout: FilterLayout,
        _ owners: FilterOwners,
        from batch: inout Batch
    ) throws(KernelError) {
        guard try table(layout.table) != nil else { return }
        for fixed in layout.chains where fixed.isOpen {
            for installed in try rules(of: fixed.chain) where owners.include(installed.rule.comment) {
                batch.deleteRule(installed.handle, of: fixed.chain)
            }
        }
        var lost: [String] = []
        var ownerless: [(set: NamedSet, element: SetElement)] = []
        for set in layout.sets {
            let elements = try elements(of: set)
            let unwanted = elements.filter { owners.include($0.comment) }
            if !unwanted.isEmpty { batch.delete(unwanted, from: set) }
            lost += unwanted.compactMap { $0.target }
            ownerless += elements.filter { $0.comment == nil }.map { (set, $0) }
        }
        var dead: [Chain] = []
        for installed in try chains(of: layout.table)
        where !layout.chains.contains(where: { $0.chain == installed.chain }) {
            let rules = try rules(of: installed.chain)
            let entries = ownerless.filter { $0.element.target == installed.chain.name }
            let isOurs = rules.contains { owners.include($0.rule.comment) }
            let pointers = entries.count + lost.count { $0 == installed.chain.name }
            guard isOurs || pointers > 0 && Int(installed.useCount) <= rules.count + pointers else { continue }
            for entry in entries {
                for other in ownerless where other.element.key == entry.element.key {
                    batch.delete([other.element], from: other.set)
                }
            }
            dead.append(installed.chain)
        }
        try remove(dead, from: &batch)
    }

    /// Whether a table is there and nobody has anything in it but what the layout says.
    borrowing func isUnused(_ layout: FilterLayout) throws(KernelError) -> Bool {
        guard let table = try table(layout.table), Int(table.useCount) <= layout.sets.count + layout.chains.count else {
            return false
        }
        for fixed in layout.chains {
            guard let installed = try chain(fixed.chain), Int(installed.useCount) <= layout.useCount(of: fixed),
                ChainHook.isOurs(installed.hook, fixed.hook)
            else { return false }
        }
        for set in layout.sets where try !isEmpty(set) { return false }
        return true
    }
}

extension ChainHook {
    /// Whether a chain stands where a layout puts it, and lets pass what no rule decides on.
    ///
    /// Otherwise it is somebody else's, with a meaning of its own even if there is no rule in it.
    fileprivate static func isOurs(_ installed: ChainHook?, _ wanted: ChainHook?) -> Bool {
        guard let installed, let wanted else { return installed == nil && wanted == nil }
        return installed.kind == wanted.kind && installed.point == wanted.point
            && installed.priority == wanted.priority && installed.policy ?? .accept == wanted.policy ?? .accept
    }
}

extension SetElement {
    /// The chain that the element of a verdict map leads to.
    fileprivate var target: String? {
        switch content {
        case .verdict(.jump(let name)), .verdict(.goto(let name)): name
        default: nil
        }
    }
}
