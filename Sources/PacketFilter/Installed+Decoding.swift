// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

extension NetlinkReply {
    /// The family of a message and its attributes; nil when it is cut off.
    var filterBody: (family: Family, attributes: NetlinkAttributes)? {
        // nfgenmsg: family, version (8 each), resource (16)
        guard payload.count >= 4, let family = payload.first.flatMap({ Family(rawValue: $0) }) else { return nil }
        return (family, NetlinkAttributes(payload.dropFirst(4)))
    }
}

extension InstalledTable {
    init?(_ reply: NetlinkReply) {
        guard FilterMessage(reply) == .newTable, let (family, attributes) = reply.filterBody,
            let name = attributes.text(NFTA_TABLE_NAME)
        else { return nil }
        self.init(
            table: Table(family, name),
            comment: UserData.text(of: UserData.comment, in: attributes[NFTA_TABLE_USERDATA]),
            handle: attributes.wideNumber(NFTA_TABLE_HANDLE) ?? 0,
            useCount: attributes.number(NFTA_TABLE_USE) ?? 0,
            isDormant: (attributes.number(NFTA_TABLE_FLAGS) ?? 0) & NFT_TABLE_F_DORMANT.rawValue != 0
        )
    }
}

extension InstalledChain {
    init?(_ reply: NetlinkReply) {
        guard FilterMessage(reply) == .newChain, let (family, attributes) = reply.filterBody,
            let tableName = attributes.text(NFTA_CHAIN_TABLE), let name = attributes.text(NFTA_CHAIN_NAME)
        else { return nil }
        self.init(
            chain: Chain(Table(family, tableName), name),
            hook: ChainHook(attributes, in: family),
            comment: UserData.text(of: UserData.comment, in: attributes[NFTA_CHAIN_USERDATA]),
            handle: attributes.wideNumber(NFTA_CHAIN_HANDLE) ?? 0,
            useCount: attributes.number(NFTA_CHAIN_USE) ?? 0
        )
    }
}

extension InstalledRule {
    init?(_ reply: NetlinkReply) {
        guard FilterMessage(reply) == .newRule, let (family, attributes) = reply.filterBody,
            let tableName = attributes.text(NFTA_RULE_TABLE), let chainName = attributes.text(NFTA_RULE_CHAIN),
            let handle = attributes.wideNumber(NFTA_RULE_HANDLE)
        else { return nil }
        let rule = Rule(
            Chain(Table(family, tableName), chainName),
            expressions: attributes.nested(NFTA_RULE_EXPRESSIONS).map { Expression.list($0) } ?? [],
            comment: UserData.text(of: UserData.comment, in: attributes[NFTA_RULE_USERDATA])
        )
        self.init(rule: rule, handle: handle)
    }
}
