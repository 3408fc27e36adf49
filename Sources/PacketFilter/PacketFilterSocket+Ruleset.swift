// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux
internal import Netlink

// For who looks at all of a host; never on the way of an ADD.
extension PacketFilterSocket {
    /// Everything that there is in this namespace, as of one moment.
    ///
    /// - Throws: ``KernelError``; `EINTR` when somebody changed it time and again.
    package func ruleset() throws(KernelError) -> Ruleset {
        for _ in 0..<16 {
            let before = try generation()
            let found = try readRuleset()
            if try generation() == before { return found }
        }
        throw KernelError("read all rules", .interrupted, explanation: "they kept changing")
    }

    private func readRuleset() throws(KernelError) -> Ruleset {
        var ruleset = Ruleset()
        for installed in try tables() where !installed.isDormant {
            for chain in try chains(of: installed.table) {
                ruleset.chains.append(chain)
                ruleset.rules[chain.chain] = try rules(of: chain.chain)
            }
            for (name, set) in try rawSets(of: installed.table) {
                ruleset.sets[Ruleset.SetKey(installed.table, name)] = set
            }
        }
        return ruleset
    }

    /// All sets of a table with their elements, whatever their types are.
    private func rawSets(of table: Table) throws(KernelError) -> [(String, RawSet)] {
        let message = NetlinkMessage(type: 0)
        message.begin(.getSet, table.family, flags: NLM_F_DUMP)
        message.put(NFTA_SET_TABLE, text: table.name)
        let replies = try socket.list(NetlinkRequest("list sets of table \(table)", message))
        var sets: [(String, RawSet)] = []
        for reply in replies {
            guard FilterMessage(reply) == .newSet, let body = reply.filterBody, body.family == table.family,
                body.attributes.text(NFTA_SET_TABLE) == table.name, let name = body.attributes.text(NFTA_SET_NAME)
            else { continue }
            sets.append((name, try rawSet(table, name, body.attributes)))
        }
        return sets
    }

    private func rawSet(
        _ table: Table,
        _ name: String,
        _ attributes: NetlinkAttributes
    ) throws(KernelError) -> RawSet {
        let flags = attributes.number(NFTA_SET_FLAGS) ?? 0
        let length = Int(attributes.number(NFTA_SET_KEY_LEN) ?? 0)
        var fields: [Int] = []
        if let list = attributes.nested(NFTA_SET_DESC)?.nested(NFTA_SET_DESC_CONCAT) {
            for (_, field) in list {
                let octets = NetlinkAttributes(field).number(NFTA_SET_FIELD_LEN) ?? 0
                fields.append((Int(octets) + 3) & ~3)
            }
        }
        if fields.isEmpty { fields = [length] }
        let message = NetlinkMessage(type: 0)
        message.begin(.getElements, table.family, flags: NLM_F_DUMP)
        message.put(NFTA_SET_ELEM_LIST_TABLE, text: table.name)
        message.put(NFTA_SET_ELEM_LIST_SET, text: name)
        var listed: [ListedRaw] = []
        for reply in try socket.list(NetlinkRequest("list elements of set \(table) \(name)", message)) {
            listed += ListedRaw.list(reply)
        }
        let isInterval = flags & NFT_SET_INTERVAL.rawValue != 0
        return RawSet(fields: fields, elements: ListedRaw.assemble(listed, splits: isInterval && fields.count == 1))
    }
}

/// An element as the kernel lists it, of which a range may be two.
private struct ListedRaw {
    var element: RawSet.Element
    var isEnd: Bool

    static func list(_ reply: NetlinkReply) -> [ListedRaw] {
        guard FilterMessage(reply) == .newElements,
            let list = reply.filterBody?.attributes.nested(NFTA_SET_ELEM_LIST_ELEMENTS)
        else { return [] }
        var elements: [ListedRaw] = []
        for (_, octets) in list {
            let body = NetlinkAttributes(octets)
            var value = RawSet.Value.none
            if let verdict = body.verdict(NFTA_SET_ELEM_DATA) {
                value = .verdict(verdict)
            } else if let data = body.data(NFTA_SET_ELEM_DATA) {
                value = .octets(data)
            } else if body.text(NFTA_SET_ELEM_OBJREF) != nil {
                value = .object
            }
            let flags = body.number(NFTA_SET_ELEM_FLAGS) ?? 0
            elements.append(
                ListedRaw(
                    element: RawSet.Element(
                        key: body.data(NFTA_SET_ELEM_KEY),
                        upper: body.data(NFTA_SET_ELEM_KEY_END),
                        value: value
                    ),
                    isEnd: flags & NFT_SET_ELEM_INTERVAL_END.rawValue != 0
                )
            )
        }
        return elements
    }

    /// Puts beginnings and ends together.
    ///
    /// `splits`: whether ranges are listed as two elements each.
    static func assemble(_ listed: [ListedRaw], splits: Bool) -> [RawSet.Element] {
        guard splits else { return listed.map { $0.element } }
        let sorted = listed.filter { $0.element.key != nil }.sorted { one, other in
            let (left, right) = (one.element.key ?? [], other.element.key ?? [])
            // Where one range ends and the next begins, the end comes first.
            return left != right ? left.lexicographicallyPrecedes(right) : one.isEnd && !other.isEnd
        }
        var elements: [RawSet.Element] = []
        for (index, entry) in sorted.enumerated() where !entry.isEnd {
            var element = entry.element
            element.upper = [UInt8](repeating: 0xff, count: element.key?.count ?? 0)
            if index + 1 < sorted.count, let next = sorted[index + 1].element.key {
                element.upper = ListedElement.predecessor(of: next)
            }
            elements.append(element)
        }
        return elements + listed.filter { $0.element.key == nil }.map { $0.element }
    }
}
