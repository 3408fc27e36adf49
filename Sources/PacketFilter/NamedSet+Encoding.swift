// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

extension NetlinkMessage {
    /// The definition of a set; the number is by which the rest of the batch can find it.
    func put(_ set: NamedSet, number: UInt32) {
        let form = set.form
        var flags = set.flags.rawValue | set.content.flags | form.flags
        if set.timeoutMilliseconds != nil { flags |= NFT_SET_TIMEOUT.rawValue }
        put(NFTA_SET_TABLE, text: set.table.name)
        put(NFTA_SET_NAME, text: set.name)
        put(NFTA_SET_FLAGS, flags)
        putTypes(set.key, set.content)
        put(NFTA_SET_ID, number)
        if let timeout = set.timeoutMilliseconds { put(NFTA_SET_TIMEOUT, wide: timeout) }
        putDescription(form, size: set.size)
        var userData = UserData()
        userData.put(key: set.key, set.content, mergesElements: false)
        if let comment = set.comment { userData.put(UserData.setComment, text: comment) }
        put(NFTA_SET_USERDATA, octets: userData.octets)
    }

    /// The definition of a literal set.
    ///
    /// `count`: how many elements it is going to have, ends of ranges among them.
    func put(_ set: LiteralSet, count: Int, table: String, number: UInt32) {
        let form = set.form
        let constant = NFT_SET_ANONYMOUS.rawValue | NFT_SET_CONSTANT.rawValue
        put(NFTA_SET_TABLE, text: table)
        put(NFTA_SET_NAME, text: set.pattern)
        put(NFTA_SET_FLAGS, constant | set.content.flags | form.flags)
        putTypes(set.key, set.content)
        put(NFTA_SET_ID, number)
        putDescription(form, size: UInt32(count))
        var userData = UserData()
        userData.put(key: set.key, set.content, mergesElements: form.splitsRanges && set.content == .none)
        put(NFTA_SET_USERDATA, octets: userData.octets)
    }

    private func putTypes(_ key: [DataType], _ content: NamedSet.Content) {
        put(NFTA_SET_KEY_TYPE, DataType.number(of: key))
        put(NFTA_SET_KEY_LEN, DataType.length(of: key))
        switch content {
        case .none: break
        case .values(let types):
            put(NFTA_SET_DATA_TYPE, DataType.number(of: types))
            put(NFTA_SET_DATA_LEN, DataType.length(of: types))
        case .verdict:
            put(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT.rawValue)
            put(NFTA_SET_DATA_LEN, 0)
        }
    }

    private func putDescription(_ form: ElementForm, size: UInt32?) {
        let isConcatenated = form.hasRanges && form.key.count > 1
        guard size != nil || isConcatenated else { return }
        nest(NFTA_SET_DESC) { description in
            if let size { description.put(NFTA_SET_DESC_SIZE, size) }
            guard isConcatenated else { return }
            description.nest(NFTA_SET_DESC_CONCAT) { list in
                for type in form.key {
                    list.nest(NFTA_LIST_ELEM) { $0.put(NFTA_SET_FIELD_LEN, UInt32(type.length)) }
                }
            }
        }
    }
}

extension ElementForm {
    /// `NFT_SET_INTERVAL` and `NFT_SET_CONCAT`, which go together where a key has several parts.
    fileprivate var flags: UInt32 {
        guard hasRanges else { return 0 }
        return NFT_SET_INTERVAL.rawValue | (key.count > 1 ? NFT_SET_CONCAT.rawValue : 0)
    }
}

extension NamedSet.Content {
    fileprivate var flags: UInt32 { self == .none ? 0 : NFT_SET_MAP.rawValue }
}

extension DataType {
    /// nft's number for a concatenation: six bits for each part, the first one in the highest place.
    static func number(of types: [DataType]) -> UInt32 {
        types.reduce(0) { $0 << 6 | $1.rawValue }
    }

    /// In octets; a single value is not padded.
    static func length(of types: [DataType]) -> UInt32 {
        UInt32(types.count == 1 ? types[0].length : types.reduce(0) { $0 + $1.paddedLength })
    }

    /// The parts of a concatenation; nil when we do not know one of them.
    static func types(of number: UInt32) -> [DataType]? {
        var types: [DataType] = []
        var rest = number
        while rest != 0 {
            guard let type = DataType(rawValue: rest & 0x3f) else { return nil }
            types.append(type)
            rest >>= 6
        }
        types.reverse()
        return types
    }
}

extension UserData {
    /// nft's own notes on a set: in which order the octets of a key and of a value are, and whether they are
    /// concatenations.
    ///
    /// Source: nftables 1.0.6, `mnl_nft_set_add`; `enum byteorder`: 0 none of them, 1 host, 2 network.
    fileprivate mutating func put(key: [DataType], _ content: NamedSet.Content, mergesElements: Bool) {
        // An expression of the kind "concatenation" (13), of which nothing is said.
        let concatenation: [UInt8] = [0, 4, 13, 0, 0, 0, 1, 0]
        put(UserData.setKeyByteOrder, Self.byteOrder(of: key))
        var values: [DataType] = []
        if case .values(let types) = content { values = types }
        if content != .none { put(UserData.setDataByteOrder, Self.byteOrder(of: values)) }
        if mergesElements { put(UserData.setMergesElements, UInt32(1)) }
        if key.count > 1 { put(UserData.setKeyTypeOf, octets: concatenation) }
        if values.count > 1 { put(UserData.setDataTypeOf, octets: concatenation) }
        if content != .none { put(UserData.setDataIsInterval, UInt32(0)) }
    }

    private static func byteOrder(of types: [DataType]) -> UInt32 {
        guard types.count == 1 else { return 0 }
        return types[0].isOfHostOrder || types[0] == .interfaceName ? 1 : 2
    }
}
