// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
package import Linux
internal import Netlink

// What is absent is nil or an empty list, not an error.
extension PacketFilterSocket {
    /// All tables, of all families.
    ///
    /// - Throws: ``KernelError``.
    package func tables() throws(KernelError) -> [InstalledTable] {
        let message = NetlinkMessage(type: 0, capacity: 64)
        message.begin(.getTable, nil, flags: NLM_F_DUMP)
        return try list(NetlinkRequest("list tables", message)).compactMap { InstalledTable($0) }
    }

    /// One table.
    ///
    /// - Throws: ``KernelError``.
    package func table(_ table: Table) throws(KernelError) -> InstalledTable? {
        guard table.name.isPossible else { return nil }
        let message = NetlinkMessage(type: 0)
        message.begin(.getTable, table.family)
        message.put(NFTA_TABLE_NAME, text: table.name)
        return try find(NetlinkRequest("read table \(table)", message)).flatMap { InstalledTable($0) }
    }

    /// The chains of a table; the kernel lists those of the whole family for it.
    ///
    /// - Throws: ``KernelError``.
    package func chains(of table: Table) throws(KernelError) -> [InstalledChain] {
        let message = NetlinkMessage(type: 0)
        message.begin(.getChain, table.family, flags: NLM_F_DUMP)
        return try list(NetlinkRequest("list chains of table \(table)", message))
            .compactMap { InstalledChain($0) }.filter { $0.chain.table == table }
    }

    /// One chain.
    ///
    /// - Throws: ``KernelError``.
    package func chain(_ chain: Chain) throws(KernelError) -> InstalledChain? {
        guard chain.isPossible else { return nil }
        let message = NetlinkMessage(type: 0)
        message.begin(.getChain, chain.table.family)
        message.put(NFTA_CHAIN_TABLE, text: chain.table.name)
        message.put(NFTA_CHAIN_NAME, text: chain.name)
        return try find(NetlinkRequest("read chain \(chain)", message)).flatMap { InstalledChain($0) }
    }

    /// The rules of a chain, in order.
    ///
    /// A literal set is a named one here, by the name that the kernel has given it, unless `literalSets` are read too:
    /// two more lists for each.
    ///
    /// - Throws: ``KernelError``.
    package func rules(
        of chain: Chain,
        literalSets: Bool = false
    ) throws(KernelError) -> [InstalledRule] {
        guard chain.isPossible else { return [] }
        let message = NetlinkMessage(type: 0)
        message.begin(.getRule, chain.table.family, flags: NLM_F_DUMP)
        message.put(NFTA_RULE_TABLE, text: chain.table.name)
        message.put(NFTA_RULE_CHAIN, text: chain.name)
        let replies = try list(NetlinkRequest("list rules of chain \(chain)", message))
        // Kernels before 4.8 do not filter.
        var rules = replies.compactMap { InstalledRule($0) }.filter { $0.rule.chain == chain }
        guard literalSets else { return rules }
        for index in rules.indices { rules[index] = try withLiteralSets(rules[index]) }
        return rules
    }

    /// The rule of a handle.
    ///
    /// - Throws: ``KernelError``.
    package func rule(_ handle: UInt64, of chain: Chain) throws(KernelError) -> InstalledRule? {
        guard chain.isPossible else { return nil }
        let message = NetlinkMessage(type: 0)
        message.begin(.getRule, chain.table.family)
        message.put(NFTA_RULE_TABLE, text: chain.table.name)
        message.put(NFTA_RULE_CHAIN, text: chain.name)
        message.put(NFTA_RULE_HANDLE, wide: handle)
        return try find(NetlinkRequest("read rule \(handle) of chain \(chain)", message)).flatMap { InstalledRule($0) }
    }

    /// Puts the kernel's literal sets in the place of their names.
    private func withLiteralSets(_ installed: InstalledRule) throws(KernelError) -> InstalledRule {
        var rule = installed.rule
        for index in rule.expressions.indices {
            guard case .lookup(var lookup) = rule.expressions[index], case .named(let name) = lookup.set,
                let found = try set(named: name, of: rule.chain.table), found.isLiteral
            else { continue }
            let elements = try elements(of: found.set)
            guard !elements.isEmpty else { continue }
            lookup.set = .literal(LiteralSet(key: found.set.key, content: found.set.content, elements: elements))
            rule.expressions[index] = .lookup(lookup)
        }
        return InstalledRule(rule: rule, handle: installed.handle)
    }

    // A set's definition says how long a list it has; a dump of a set is never needed for changing it.

    /// The sets and maps of a table, without literal ones and without those whose types we do not know.
    ///
    /// - Throws: ``KernelError``.
    package func sets(of table: Table) throws(KernelError) -> [InstalledSet] {
        guard table.name.isPossible else { return [] }
        let message = NetlinkMessage(type: 0)
        message.begin(.getSet, table.family, flags: NLM_F_DUMP)
        message.put(NFTA_SET_TABLE, text: table.name)
        return try list(NetlinkRequest("list sets of table \(table)", message))
            .compactMap { InstalledSet($0) }.filter { $0.set.table == table && !$0.isLiteral }
    }

    /// The definition of one set or map.
    ///
    /// - Throws: ``KernelError``; `EOPNOTSUPP` when it is there, but of types that we do not know.
    package func set(named name: String, of table: Table) throws(KernelError) -> InstalledSet? {
        guard name.isPossible, table.name.isPossible else { return nil }
        let message = NetlinkMessage(type: 0)
        message.begin(.getSet, table.family)
        message.put(NFTA_SET_TABLE, text: table.name)
        message.put(NFTA_SET_NAME, text: name)
        let request = NetlinkRequest("read set \(table) \(name)", message)
        guard let reply = try find(request) else { return nil }
        guard let set = InstalledSet(reply) else {
            throw KernelError(request.operation, .notSupported, explanation: "a set of types that are not known here")
        }
        return set
    }

    /// The element of a key: value and comment.
    ///
    /// In a set of ranges the one that the key lies in.
    ///
    /// - Throws: ``KernelError``.
    package func element(_ key: [Datum], of set: NamedSet) throws(KernelError) -> SetElement? {
        guard set.isPossible else { return nil }
        let form = set.form
        let octets = form.octets(key)
        let upper = form.hasRanges && !form.splitsRanges ? form.octets(key, upper: true) : nil
        guard let low = try listed(octets, upper: upper, isEnd: false, of: set), !low.isEnd else { return nil }
        guard form.splitsRanges else { return low.element(form, upper: low.upper) }
        var high = [UInt8](repeating: 0xff, count: octets.count)
        if let end = try listed(octets, upper: nil, isEnd: true, of: set) {
            high = ListedElement.predecessor(of: end.key)
        }
        return low.element(form, upper: high)
    }

    private func listed(
        _ key: [UInt8],
        upper: [UInt8]?,
        isEnd: Bool,
        of set: NamedSet
    ) throws(KernelError) -> ListedElement? {
        let message = NetlinkMessage(type: 0)
        message.begin(.getElements, set.table.family)
        message.put(NFTA_SET_ELEM_LIST_TABLE, text: set.table.name)
        message.put(NFTA_SET_ELEM_LIST_SET, text: set.name)
        message.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { list in
            list.nest(NFTA_LIST_ELEM) { body in
                if isEnd { body.put(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END.rawValue) }
                body.putData(NFTA_SET_ELEM_KEY, key)
                if let upper { body.putData(NFTA_SET_ELEM_KEY_END, upper) }
            }
        }
        let request = NetlinkRequest("read an element of \(set.noun) \(set)", message)
        do throws(KernelError) {
            // To a question for an end that is not there, Linux 6.18 says nothing at all.
            let reply = try isEnd ? socket.askWithAcknowledgement(request) : socket.ask(request)
            return reply.flatMap { ListedElement.list($0, values: set.content.types).first }
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    /// All elements, in the order of their keys.
    ///
    /// A large set is read until it was the same twice: while the kernel enlarges its hash table, which it does some time
    /// after elements have come, its list may lack some of them and have others twice.
    ///
    /// - Throws: ``KernelError``; `EINTR` when the set was another one time and again.
    /// - Complexity: that of the set's size, here and in the kernel.
    package func elements(of set: NamedSet) throws(KernelError) -> [SetElement] {
        guard set.isPossible else { return [] }
        let request = elementsRequest(set)
        var previous: [ListedElement]?
        for _ in 0..<16 {
            let replies = try list(request)
            var listed: [ListedElement] = []
            for reply in replies { listed.append(contentsOf: ListedElement.list(reply, values: set.content.types)) }
            listed = ListedElement.sortedOnce(listed)
            // What comes in one part is complete; the second one only says that there is no more.
            if replies.count <= 2 || previous.map({ ListedElement.haveSameKeys($0, listed) }) == true {
                return ListedElement.assemble(listed, set.form)
            }
            previous = listed
        }
        throw KernelError(request.operation, .interrupted, explanation: "the set kept changing")
    }

    /// Whether a set has no element, or is not there.
    ///
    /// Reads the first part of the list only, however long it is.
    ///
    /// - Throws: ``KernelError``.
    package func isEmpty(_ set: NamedSet) throws(KernelError) -> Bool {
        guard set.isPossible else { return true }
        let request = elementsRequest(set)
        for _ in 0..<2 {
            do throws(KernelError) {
                for reply in try socket.beginList(request) where ListedElement.isListed(in: reply) { return false }
                // The end of the list would take room of the next one.
                socket.dropUnread()
                return true
            } catch {
                if error.errno == .noSuchFileOrDirectory { return true }
                guard error.errno == .busy else { throw error }
                socket.dropUnread()
            }
        }
        throw KernelError(request.operation, .busy)
    }

    private func elementsRequest(_ set: NamedSet) -> NetlinkRequest {
        let message = NetlinkMessage(type: 0)
        message.begin(.getElements, set.table.family, flags: NLM_F_DUMP)
        message.put(NFTA_SET_ELEM_LIST_TABLE, text: set.table.name)
        message.put(NFTA_SET_ELEM_LIST_SET, text: set.name)
        return NetlinkRequest("list elements of \(set.noun) \(set)", message)
    }

    /// Asks for one thing; nil when there is none.
    private func find(_ request: NetlinkRequest) throws(KernelError) -> NetlinkReply? {
        do throws(KernelError) {
            return try socket.ask(request)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    /// Asks for a list; empty when that is not there of which it is.
    private func list(_ request: NetlinkRequest) throws(KernelError) -> [NetlinkReply] {
        for _ in 0..<2 {
            do throws(KernelError) {
                return try socket.list(request)
            } catch {
                if error.errno == .noSuchFileOrDirectory { return [] }
                // A list that was begun and not read to its end is still on its way.
                guard error.errno == .busy else { throw error }
                socket.dropUnread()
            }
        }
        throw KernelError(request.operation, .busy)
    }
}

extension String {
    /// Whether anything can have this name, and it can be asked for.
    fileprivate var isPossible: Bool { !isEmpty && utf8.count <= longestName }
}

extension Chain {
    fileprivate var isPossible: Bool { name.isPossible && table.name.isPossible }
}

extension NamedSet {
    fileprivate var isPossible: Bool { name.isPossible && table.name.isPossible }
}
