// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

/// The key of a set, and what decides how elements are written down.
struct ElementForm: Sendable {
    let key: [DataType]
    /// Elements may be ranges.
    let hasRanges: Bool

    /// Ranges of one field are two elements, where one begins and where none is any more; of several they are one.
    var splitsRanges: Bool { hasRanges && key.count == 1 }

    /// The octets of a key, or of the upper end of its ranges.
    ///
    /// Parts of a concatenation are padded to four octets. Where ranges are compared, the order of the octets has to be
    /// that of the numbers.
    func octets(_ parts: [Datum], upper: Bool = false) -> [UInt8] {
        precondition(parts.count == key.count, "a key with more or fewer parts than its set's")
        var octets: [UInt8] = []
        octets.reserveCapacity(key.count == 1 ? 16 : 40)
        for (part, type) in zip(parts, key) {
            precondition(part.octets.count == type.length, "a part of a key that is not of the set's type")
            precondition(part.upper == nil || hasRanges, "a range in a set that has none")
            let value = upper ? part.upper ?? part.octets : part.octets
            append(value, of: type, to: &octets)
        }
        return octets
    }

    private func append(_ value: [UInt8], of type: DataType, to octets: inout [UInt8]) {
        if hasRanges, type.isOfHostOrder, value.count > 1 {
            octets.append(contentsOf: Datum.inNetworkOrder(value))
        } else {
            octets.append(contentsOf: value)
        }
        guard key.count > 1 else { return }
        for _ in value.count..<type.paddedLength { octets.append(0) }
    }
}

extension Datum {
    /// A number of the host in network order, and back.
    static func inNetworkOrder(_ octets: [UInt8]) -> [UInt8] {
        UInt16(1).bigEndian == 1 ? octets : octets.reversed()
    }

    /// Values one behind the other, each but a single one padded to four octets.
    static func concatenation(_ values: [Datum]) -> [UInt8] {
        guard values.count > 1 else { return values.first?.octets ?? [] }
        var octets: [UInt8] = []
        for value in values {
            octets.append(contentsOf: value.octets)
            while octets.count % 4 != 0 { octets.append(0) }
        }
        return octets
    }
}

extension NamedSet {
    var form: ElementForm { ElementForm(key: key, hasRanges: flags.contains(.interval)) }
}

extension LiteralSet {
    /// Whether it is a set of ranges.
    var hasRanges: Bool { elements.contains { $0.key.contains { $0.upper != nil } } }

    var form: ElementForm { ElementForm(key: key, hasRanges: hasRanges) }

    /// The name that the kernel makes the set's name from.
    var pattern: String { content == .none ? "__set%d" : "__map%d" }
}

extension SetElement {
    /// The number that comes next, read as one number of so many octets; nil when there is none.
    static func successor(of octets: [UInt8]) -> [UInt8]? {
        var next = octets
        var index = next.count - 1
        while index >= 0 {
            next[index] &+= 1
            if next[index] != 0 { return next }
            index -= 1
        }
        return nil
    }

    /// What the kernel keeps for the element; empty when there is nothing.
    func userData(isOpen: Bool) -> [UInt8] {
        guard comment != nil || isOpen else { return [] }
        var data = UserData()
        if let comment { data.put(UserData.comment, text: comment) }
        if isOpen { data.put(UserData.elementFlags, UInt32(1)) }
        return data.octets
    }
}

extension NetlinkMessage {
    /// One element of a list, or two where a range is two.
    ///
    /// `withContent`: not for asking and for taking away.
    func put(_ element: SetElement, _ form: ElementForm, withContent: Bool) {
        let first = form.octets(element.key)
        guard form.splitsRanges else {
            let hasUpper = form.hasRanges
            put(
                element,
                key: first,
                upper: hasUpper ? form.octets(element.key, upper: true) : nil,
                withContent: withContent
            )
            return
        }
        let end = SetElement.successor(of: form.octets(element.key, upper: true))
        put(element, key: first, upper: nil, withContent: withContent, isOpen: end == nil)
        if let end { putEnd(end) }
    }

    /// The first number behind a range.
    func putEnd(_ octets: [UInt8]) {
        nest(NFTA_LIST_ELEM) { body in
            body.put(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END.rawValue)
            body.putData(NFTA_SET_ELEM_KEY, octets)
        }
    }

    func put(
        _ element: SetElement,
        key: [UInt8],
        upper: [UInt8]?,
        withContent: Bool,
        isOpen: Bool = false
    ) {
        nest(NFTA_LIST_ELEM) { body in
            body.putData(NFTA_SET_ELEM_KEY, key)
            if let upper { body.putData(NFTA_SET_ELEM_KEY_END, upper) }
            guard withContent else { return }
            switch element.content {
            case .none: break
            case .values(let values): body.putData(NFTA_SET_ELEM_DATA, Datum.concatenation(values))
            case .verdict(let verdict): body.putVerdict(NFTA_SET_ELEM_DATA, verdict)
            }
            let userData = element.userData(isOpen: isOpen)
            if !userData.isEmpty { body.put(NFTA_SET_ELEM_USERDATA, octets: userData) }
        }
    }
}
