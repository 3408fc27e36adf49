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
        for group in share.elements + share.vacant {
            let ours = try present(group).filter { owners.include($0.comment) }
            guard !ours.isEmpty else { continue }
            batch.delete(ours, from: group.set)
            for element in ours {
                if let target = element.target { pointers.append(target) }
            }
        }
        if !share.shared.isEmpty {
            for own in share.chains { pointers += try rules(of: own.chain).flatMap { $0.rule.targets } }
        }
        // Before the chains that they lead to.
        try remove(share.chains.map { $0.chain }, from: &batch)
        for shared in share.shared {
            let losing = pointers.count { $0 == shared.own.chain.name }
            try remove(shared, losing: losing, from: &batch)
        }
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
        if let neighbours = shared.neighbours {
            let pairs = try installedPairs(neighbours)
            if !pairs.isEmpty { batch.delete(pairs, from: neighbours.set) }
        }
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
        for set in layout.sets where !layout.ownerless.contains(set) {
            let unwanted = try elements(of: set).filter { owners.include($0.comment) }
            if !unwanted.isEmpty { batch.delete(unwanted, from: set) }
            lost += unwanted.compactMap { $0.target }
        }
        var own: [Chain] = []
        for installed in try chains(of: layout.table) where !layout.hasFixed(installed.chain) {
            let rules = try rules(of: installed.chain)
            guard rules.contains(where: { owners.include($0.rule.comment) }) else { continue }
            own.append(installed.chain)
            lost += rules.flatMap { $0.rule.targets }
        }
        // Before the chains that they lead to.
        try remove(own, from: &batch)
        try removeUnpointed(layout, losing: lost, sparing: own, from: &batch)
    }

    /// Removes the chains that nobody's element and nobody's rule lead to any more, with the elements that come and go
    /// with them.
    ///
    /// `lost`: where the elements and rules lead that are deleted besides.
    /// `others`: chains that are none of these.
    /// `names`: of which chains; nil is all.
    borrowing func removeUnpointed(
        _ layout: FilterLayout,
        losing lost: [String] = [],
        sparing others: [Chain] = [],
        among names: [String]? = nil,
        from batch: inout Batch
    ) throws(KernelError) {
        var ownerless: [(set: NamedSet, element: SetElement)] = []
        for set in layout.ownerless {
            for element in try elements(of: set) where element.comment == nil { ownerless.append((set, element)) }
        }
        var dead: [Chain] = []
        for installed in try chains(of: layout.table)
        where layout.shares(installed.chain) && !others.contains(installed.chain) {
            if let names, !names.contains(installed.chain.name) { continue }
            let entries = ownerless.filter { $0.element.target == installed.chain.name }
            let pointers = entries.count + lost.count { $0 == installed.chain.name }
            guard pointers > 0 else { continue }
            // What is more than that is somebody else's.
            let count = try rules(of: installed.chain).count
            guard count <= layout.sharedRules, Int(installed.useCount) <= count + pointers else { continue }
            for entry in entries {
                for other in ownerless where other.element.key.first == entry.element.key.first {
                    batch.delete([other.element], from: other.set)
                }
            }
            dead.append(installed.chain)
        }
        try remove(dead, from: &batch)
    }

    /// Removes the chains that only elements led to which a batch replaces.
    borrowing func removeLost(_ making: FilterEngine.Making, from batch: inout Batch) throws(KernelError) {
        for layout in making.layouts {
            let spared = making.chains
            let targets = making.lost.filter { $0.layout == layout }.flatMap { $0.targets }
                .filter { name in !spared.contains(Chain(layout.table, name)) }
            guard !targets.isEmpty else { continue }
            try removeUnpointed(layout, losing: targets, sparing: spared, among: targets, from: &batch)
        }
    }

    /// Who needs a layout's table.
    borrowing func need(of layout: FilterLayout) throws(KernelError) -> FilterNeed {
        guard let table = try table(layout.table) else { return .somebody }
        let isCrowded = Int(table.useCount) > layout.sets.count + layout.chains.count
        guard !isCrowded || !layout.ownerless.isEmpty else { return .somebody }
        // Where attachments share chains, there is more than the layout says most of the time: their elements tell
        // soonest whether anybody is left.
        if !layout.ownerless.isEmpty {
            for set in layout.sets where !layout.ownerless.contains(set) {
                if try !isEmpty(set) { return .somebody }
            }
        }
        if isCrowded { return .noElement }
        for fixed in layout.chains {
            guard let installed = try chain(fixed.chain), Int(installed.useCount) <= layout.useCount(of: fixed),
                ChainHook.isOurs(installed.hook, fixed.hook)
            else { return .somebody }
        }
        for set in layout.ownerless.isEmpty ? layout.sets : layout.ownerless {
            if try !isEmpty(set) { return .somebody }
        }
        return .nobody
    }
}

/// Who needs a layout's table.
enum FilterNeed {
    /// Somebody, or it is not there.
    case somebody
    /// No attachment has an element in it, but there are more chains than the layout says.
    case noElement
    /// Nobody has anything in it but what the layout says.
    case nobody
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

extension FilterLayout {
    fileprivate func hasFixed(_ chain: Chain) -> Bool { chains.contains { $0.chain == chain } }

    fileprivate func shares(_ chain: Chain) -> Bool {
        !hasFixed(chain) && sharedNames.contains { chain.name.hasPrefix($0) }
    }
}

extension Rule {
    /// The chains that the rule leads to.
    fileprivate var targets: [String] {
        expressions.compactMap { expression in
            switch expression {
            case .verdict(.jump(let name)), .verdict(.goto(let name)): name
            default: nil
            }
        }
    }
}

extension SetElement {
    /// The chain that the element of a verdict map leads to.
    var target: String? {
        switch content {
        case .verdict(.jump(let name)), .verdict(.goto(let name)): name
        default: nil
        }
    }
}
