// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

/// An element as the kernel lists it, of which a range may be two.
struct ListedElement {
    let key: [UInt8]
    let upper: [UInt8]?
    /// Not an element: here a range is over.
    let isEnd: Bool
    let content: SetElement.Content
    let comment: String?

    /// Nil for what is no element with a key, such as the one that stands for all others.
    init?(_ attributes: NetlinkAttributes, values types: [DataType]) {
        guard let key = attributes.data(NFTA_SET_ELEM_KEY) else { return nil }
        self.key = key
        upper = attributes.data(NFTA_SET_ELEM_KEY_END)
        isEnd = (attributes.number(NFTA_SET_ELEM_FLAGS) ?? 0) & NFT_SET_ELEM_INTERVAL_END.rawValue != 0
        if let verdict = attributes.verdict(NFTA_SET_ELEM_DATA) {
            content = .verdict(verdict)
        } else if let data = attributes.data(NFTA_SET_ELEM_DATA) {
            content = .values(DataType.split(data, into: types) ?? [Datum(octets: data)])
        } else {
            content = .none
        }
        comment = UserData.text(of: UserData.comment, in: attributes[NFTA_SET_ELEM_USERDATA])
    }

    /// The elements of a message of the kernel.
    static func list(_ reply: NetlinkReply, values types: [DataType]) -> [ListedElement] {
        guard FilterMessage(reply) == .newElements,
            let list = reply.filterBody?.attributes.nested(NFTA_SET_ELEM_LIST_ELEMENTS)
        else { return [] }
        var elements: [ListedElement] = []
        for (_, value) in list {
            if let element = ListedElement(NetlinkAttributes(value), values: types) { elements.append(element) }
        }
        return elements
    }

    /// Whether a message of the kernel lists an element at all.
    static func isListed(in reply: NetlinkReply) -> Bool {
        guard FilterMessage(reply) == .newElements,
            let list = reply.filterBody?.attributes.nested(NFTA_SET_ELEM_LIST_ELEMENTS)
        else { return false }
        for (_, value) in list {
            let flags = NetlinkAttributes(value).number(NFTA_SET_ELEM_FLAGS) ?? 0
            if flags & NFT_SET_ELEM_INTERVAL_END.rawValue == 0 { return true }
        }
        return false
    }

    /// In the order of keys, each one once.
    static func sortedOnce(_ listed: [ListedElement]) -> [ListedElement] {
        var once: [ListedElement] = []
        once.reserveCapacity(listed.count)
        for element in listed.sorted(by: { $0.precedes($1) }) {
            if let last = once.last, !last.precedes(element) { continue }
            once.append(element)
        }
        return once
    }

    /// Whether two lists are of the same keys in the same order.
    static func haveSameKeys(_ left: [ListedElement], _ right: [ListedElement]) -> Bool {
        guard left.count == right.count else { return false }
        for (left, right) in zip(left, right) where left.key != right.key || left.isEnd != right.isEnd { return false }
        return true
    }

    /// Where one range ends and the next begins, the end comes first; of concatenations the upper ends count last.
    private func precedes(_ other: ListedElement) -> Bool {
        if key != other.key { return key.lexicographicallyPrecedes(other.key) }
        if isEnd != other.isEnd { return isEnd }
        return (upper ?? []).lexicographicallyPrecedes(other.upper ?? [])
    }

    /// Puts beginnings and ends together.
    static func assemble(_ listed: [ListedElement], _ form: ElementForm) -> [SetElement] {
        guard form.splitsRanges else { return listed.compactMap { $0.element(form, upper: $0.upper) } }
        let sorted = sortedOnce(listed)
        var elements: [SetElement] = []
        for (index, element) in sorted.enumerated() where !element.isEnd {
            var upper = [UInt8](repeating: 0xff, count: element.key.count)
            if index + 1 < sorted.count { upper = predecessor(of: sorted[index + 1].key) }
            if let element = element.element(form, upper: upper) { elements.append(element) }
        }
        return elements
    }

    /// Nil when the key is not what the set says.
    func element(_ form: ElementForm, upper: [UInt8]?) -> SetElement? {
        guard let low = form.split(key), let high = form.split(upper ?? key) else { return nil }
        var parts: [Datum] = []
        for (low, high) in zip(low, high) { parts.append(Datum(octets: low.octets, upper: high.octets)) }
        return SetElement(key: parts, content: content, comment: comment)
    }

    /// The number before, read as one number.
    static func predecessor(of octets: [UInt8]) -> [UInt8] {
        var previous = octets
        var index = previous.count - 1
        while index >= 0 {
            previous[index] &-= 1
            if previous[index] != 0xff { break }
            index -= 1
        }
        return previous
    }
}

extension ElementForm {
    /// The parts of a key; nil when it is not as long as they are.
    func split(_ octets: [UInt8]) -> [Datum]? {
        guard let parts = DataType.split(octets, into: key) else { return nil }
        guard hasRanges else { return parts }
        var turned: [Datum] = []
        for (part, type) in zip(parts, key) {
            let turns = type.isOfHostOrder && part.octets.count > 1
            turned.append(turns ? Datum(octets: Datum.inNetworkOrder(part.octets)) : part)
        }
        return turned
    }
}

extension DataType {
    /// The parts of a concatenation; nil when it is not as long as they are.
    static func split(_ octets: [UInt8], into types: [DataType]) -> [Datum]? {
        guard !types.isEmpty, octets.count == Int(length(of: types)) else { return nil }
        var parts: [Datum] = []
        var offset = 0
        for type in types {
            parts.append(Datum(octets: Array(octets[offset..<(offset + type.length)])))
            offset += type.paddedLength
        }
        return parts
    }
}
