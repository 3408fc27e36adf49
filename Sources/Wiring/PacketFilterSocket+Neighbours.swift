// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import Netlink
internal import PacketFilter

// What other packet filters keep apart, and is to be kept apart here as well
extension PacketFilterSocket {
    /// Brings the pairs of one interface up to date.
    ///
    /// `isThere`: whether the set may have pairs already.
    /// `isThorough`: also where others have no chains at all, and pairs that came from them would be old ones.
    borrowing func update(
        _ neighbours: FilterShare.Neighbours,
        isThere: Bool,
        isThorough: Bool,
        in batch: inout Batch
    ) throws(KernelError) {
        // That there is no chain is known sooner than that nothing is in it.
        var chains: [Chain] = []
        for chain in neighbours.chains where try self.chain(chain) != nil { chains.append(chain) }
        guard isThorough || !chains.isEmpty else { return }
        let wanted = chains.isEmpty ? [] : try pairs(neighbours)
        let present = isThere ? try installedPairs(neighbours) : []
        let stale = present.filter { pair in !wanted.contains { $0.key == pair.key } }
        if !stale.isEmpty { batch.delete(stale, from: neighbours.set) }
        let missing = wanted.filter { pair in !present.contains { $0.key == pair.key } }
        if !missing.isEmpty { batch.add(missing, to: neighbours.set) }
    }

    /// The pairs that there should be.
    borrowing func pairs(_ neighbours: FilterShare.Neighbours) throws(KernelError) -> [SetElement] {
        var pairs: [SetElement] = []
        for chain in neighbours.chains {
            for installed in try rules(of: chain) {
                guard let name = installed.rule.droppedInterface, name != neighbours.own else { continue }
                let pair = SetElement(key: [neighbours.own, name])
                if !pairs.contains(pair) { pairs.append(pair) }
            }
        }
        return pairs
    }

    /// Which pairs are not there, and which are without need, in words.
    borrowing func missing(_ neighbours: FilterShare.Neighbours) throws(KernelError) -> [String] {
        let wanted = try pairs(neighbours)
        let present = try installedPairs(neighbours)
        let missing = wanted.filter { pair in !present.contains { $0.key == pair.key } }
        let stale = present.filter { pair in !wanted.contains { $0.key == pair.key } }
        return [("", missing), ("needless ", stale)].flatMap { word, pairs in
            pairs.map { "\(word)element of set \(neighbours.set): \($0.description(key: neighbours.set.key))" }
        }
    }

    /// The pairs that are there.
    borrowing func installedPairs(_ neighbours: FilterShare.Neighbours) throws(KernelError) -> [SetElement] {
        try elements(of: neighbours.set).filter { $0.key.first == neighbours.own }
    }
}

extension Rule {
    /// The interface of which the rule drops all that leaves there; nil for every other rule.
    ///
    /// As iptables writes `-o NAME -j DROP` into nf_tables: the name with its zero; without one it is the beginning of
    /// many names.
    var droppedInterface: Datum? {
        var register: Register?
        var name: Datum?
        for expression in expressions {
            switch expression {
            case .meta(.oifname, let target) where register == nil: register = target
            case .compare(.equal, let source, let octets) where source == register && name == nil:
                let text = octets.prefix { $0 != 0 }
                guard (1...15).contains(text.count), text.count < octets.count else { return nil }
                name = Datum(octets: Array(text) + [UInt8](repeating: 0, count: 16 - text.count))
            case .counter: continue
            // A match of iptables that every packet passes.
            case .unknown("match", let octets)
            where NetlinkAttributes(octets[...])[matchName]?.text == "comment": continue
            case .verdict(.drop): return name
            default: return nil
            }
        }
        return nil
    }
}

/// `NFTA_MATCH_NAME` of `linux/netfilter/nf_tables_compat.h`.
private let matchName = 1
