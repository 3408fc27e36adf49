// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

extension Batch {
    /// Like `nft add set` or `nft add map`; a set that is there has to be of the same kind.
    package mutating func add(_ set: NamedSet) {
        put(set, .add, flags: NLM_F_CREATE)
    }

    /// Like `nft create set` or `nft create map`.
    package mutating func create(_ set: NamedSet) {
        put(set, .create, flags: NLM_F_CREATE | NLM_F_EXCL)
    }

    private mutating func put(_ set: NamedSet, _ verb: Verb, flags: Int32) {
        check("\(verb.word) \(set.noun) \(set)", name: set.name, comment: set.comment)
        guard defect == nil else { return }
        let number = takeSetNumber()
        scratch.begin(.newSet, set.table.family, flags: flags)
        scratch.put(set, number: number)
        finish(verb, .set(set))
    }

    /// Like `nft delete set` or `nft delete map`; `EBUSY` while a rule looks into it.
    package mutating func delete(_ set: NamedSet) {
        name(set, .delete, .deleteSet)
    }

    /// Like `nft destroy set` or `nft destroy map`; `EBUSY` while a rule looks into it.
    package mutating func destroy(_ set: NamedSet) {
        name(set, .destroy, .destroySet)
    }

    /// Like `nft flush set` or `nft flush map`: its elements go.
    package mutating func flush(_ set: NamedSet) {
        check("flush \(set.noun) \(set)", name: set.name)
        guard defect == nil else { return }
        scratch.begin(.deleteElements, set.table.family)
        scratch.put(NFTA_SET_ELEM_LIST_TABLE, text: set.table.name)
        scratch.put(NFTA_SET_ELEM_LIST_SET, text: set.name)
        finish(.flush, .set(set))
    }

    private mutating func name(_ set: NamedSet, _ verb: Verb, _ message: FilterMessage) {
        check("\(verb.word) \(set.noun) \(set)", name: set.name)
        guard defect == nil else { return }
        scratch.begin(message, set.table.family)
        scratch.put(NFTA_SET_TABLE, text: set.table.name)
        scratch.put(NFTA_SET_NAME, text: set.name)
        finish(verb, .set(set))
    }

    /// Like `nft add element`; `EEXIST` when a key is there with another value.
    ///
    /// Comments of elements that are there stay.
    package mutating func add(_ elements: [SetElement], to set: NamedSet) {
        put(elements, of: set, .add, .newElements, flags: NLM_F_CREATE)
    }

    /// Like `nft create element`; `EEXIST` when a key is there.
    package mutating func create(_ elements: [SetElement], in set: NamedSet) {
        put(elements, of: set, .create, .newElements, flags: NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Like `nft delete element`; only keys count, and all of a range has to be said.
    package mutating func delete(_ elements: [SetElement], from set: NamedSet) {
        put(elements, of: set, .delete, .deleteElements, flags: 0)
    }

    /// Like `nft destroy element`; only keys count, and all of a range has to be said.
    ///
    /// The set has to be there.
    package mutating func destroy(_ elements: [SetElement], from set: NamedSet) {
        // One message each: on a kernel that does not know it, each is looked for by itself.
        for element in elements { put([element], of: set, .destroy, .destroyElements, flags: 0) }
    }

    private mutating func put(
        _ elements: [SetElement],
        of set: NamedSet,
        _ verb: Verb,
        _ message: FilterMessage,
        flags: Int32
    ) {
        for element in elements {
            if let comment = element.comment {
                check("\(verb.word) element \(set)", name: set.name, comment: comment)
            }
            switch element.content {
            case .verdict(.jump(let chain)), .verdict(.goto(let chain)):
                check("\(verb.word) element \(set)", name: chain)
            default: break
            }
        }
        check("\(verb.word) element \(set)", name: set.name)
        guard defect == nil else { return }
        let withContent = verb == .add || verb == .create
        let form = set.form
        var rest = elements[...]
        while !rest.isEmpty {
            scratch.begin(message, set.table.family, flags: flags)
            scratch.put(NFTA_SET_ELEM_LIST_TABLE, text: set.table.name)
            scratch.put(NFTA_SET_ELEM_LIST_SET, text: set.name)
            scratch.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { list in
                while let element = rest.first, list.count < Batch.fullMessage {
                    list.put(element, form, withContent: withContent)
                    rest.removeFirst()
                }
            }
            finish(verb, .elements(set))
        }
    }

    /// Above this many octets a list of elements goes on in another message: the longest element still fits.
    private static let fullMessage = 16 << 10

    /// A literal set and its elements, in front of the rule that looks into it.
    mutating func put(_ set: LiteralSet, of chain: Chain) {
        let number = takeSetNumber()
        let elements = set.parts
        scratch.begin(.newSet, chain.table.family, flags: NLM_F_CREATE)
        scratch.put(set, count: elements.count, table: chain.table.name, number: number)
        finish(.add, .literal(chain))
        var rest = elements[...]
        while !rest.isEmpty {
            scratch.begin(.newElements, chain.table.family, flags: NLM_F_CREATE)
            scratch.put(NFTA_SET_ELEM_LIST_TABLE, text: chain.table.name)
            scratch.put(NFTA_SET_ELEM_LIST_SET, text: set.pattern)
            scratch.put(NFTA_SET_ELEM_LIST_SET_ID, number)
            scratch.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { list in
                while let part = rest.first, list.count < Batch.fullMessage {
                    switch part {
                    case .end(let octets): list.putEnd(octets)
                    case .element(let element, let key, let upper, let isOpen):
                        list.put(element, key: key, upper: upper, withContent: true, isOpen: isOpen)
                    }
                    rest.removeFirst()
                }
            }
            finish(.add, .literal(chain))
        }
    }
}
