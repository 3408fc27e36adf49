// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

/// A set or map as the kernel has it.
package struct InstalledSet: Hashable, Sendable {
    package let set: NamedSet
    package let handle: UInt64
    /// It belongs to a rule, which it comes and goes with.
    package let isLiteral: Bool
}

extension InstalledSet {
    /// Reads a set; nil when it is cut off, or is of types that we do not know.
    init?(_ reply: NetlinkReply) {
        guard FilterMessage(reply) == .newSet, let (family, attributes) = reply.filterBody,
            let tableName = attributes.text(NFTA_SET_TABLE), let name = attributes.text(NFTA_SET_NAME),
            let key = attributes.number(NFTA_SET_KEY_TYPE).flatMap({ DataType.types(of: $0) }), !key.isEmpty,
            let content = NamedSet.Content(attributes)
        else { return nil }
        let flags = attributes.number(NFTA_SET_FLAGS) ?? 0
        let userData = attributes[NFTA_SET_USERDATA]
        let known: NamedSet.Flags = [.constant, .interval, .timeout, .dynamic]
        isLiteral = flags & NFT_SET_ANONYMOUS.rawValue != 0
        handle = attributes.wideNumber(NFTA_SET_HANDLE) ?? 0
        set = NamedSet(
            Table(family, tableName),
            name,
            key: key,
            content: content,
            flags: NamedSet.Flags(rawValue: flags).intersection(known),
            timeoutMilliseconds: attributes.wideNumber(NFTA_SET_TIMEOUT),
            size: attributes.nested(NFTA_SET_DESC)?.number(NFTA_SET_DESC_SIZE),
            comment: UserData.text(of: UserData.setComment, in: userData)
        )
    }
}

extension NamedSet.Content {
    /// Nil for what we do not know: values of other types, objects.
    fileprivate init?(_ attributes: NetlinkAttributes) {
        let flags = attributes.number(NFTA_SET_FLAGS) ?? 0
        guard flags & NFT_SET_OBJECT.rawValue == 0 else { return nil }
        guard flags & NFT_SET_MAP.rawValue != 0 else {
            self = .none
            return
        }
        guard let type = attributes.number(NFTA_SET_DATA_TYPE) else { return nil }
        if type == NFT_DATA_VERDICT.rawValue {
            self = .verdict
        } else {
            guard let types = DataType.types(of: type), !types.isEmpty else { return nil }
            self = .values(types)
        }
    }

    /// The types of an element's values.
    var types: [DataType] {
        if case .values(let types) = self { return types }
        return []
    }
}
