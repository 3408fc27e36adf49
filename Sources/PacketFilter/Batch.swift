// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Linux
internal import Netlink

/// Changes to the rule set that the kernel makes all at once, or not at all.
///
/// Adding says ``add``: what is there already is no error; ``create``: it is. Taking away says ``delete``: what is
/// absent is an error; ``destroy``: it is not. They are done in the order in which they are said.
package struct Batch: ~Copyable {
    /// What a message does, for errors.
    enum Verb {
        case add
        case create
        case insert
        case replace
        case delete
        case destroy
        case flush

        var word: String {
            switch self {
            case .add: "add"
            case .create: "create"
            case .insert: "insert"
            case .replace: "replace"
            case .delete: "delete"
            case .destroy: "destroy"
            case .flush: "flush"
            }
        }
    }

    /// What a message is about, for errors.
    enum Subject {
        case table(Table)
        case chain(Chain)
        case rule(Chain)
        case set(NamedSet)
        case elements(NamedSet)
        /// A literal set, or its elements, of a rule.
        case literal(Chain)
    }

    /// One message.
    struct Step {
        let verb: Verb
        let subject: Subject
        /// Where it begins in the octets.
        let start: Int
    }

    /// The messages one behind the other, without beginning and end of the batch.
    private(set) var octets: [UInt8] = []
    private(set) var steps: [Step] = []
    /// The first thing that cannot be sent, so that nothing is.
    private(set) var defect: KernelError?
    /// How many sets have been given a number within the batch.
    private var setCount: UInt32 = 0
    let scratch: NetlinkMessage

    /// An empty batch.
    package init() {
        scratch = NetlinkMessage(type: 0, capacity: Batch.messageCapacity)
    }

    package var isEmpty: Bool { steps.isEmpty && defect == nil }

    /// Lists of elements are split so that no message becomes longer; the kernel's limit is 64 KiB.
    private static let messageCapacity = 32 << 10

    /// The number of the next set of the batch.
    mutating func takeSetNumber() -> UInt32 {
        setCount += 1
        return setCount
    }

    /// Keeps the message that was made last.
    mutating func finish(_ verb: Verb, _ subject: Subject) {
        steps.append(Step(verb: verb, subject: subject, start: octets.count))
        scratch.append(to: &octets)
        while octets.count % 4 != 0 { octets.append(0) }
    }

    /// Refuses the whole batch for what cannot be written down.
    mutating func check(_ what: @autoclosure () -> String, name: String, comment: String? = nil) {
        guard defect == nil else { return }
        if name.utf8.isEmpty || name.utf8.count > longestName || name.utf8.contains(0) {
            defect = KernelError(what(), .invalidArgument, explanation: "a name has 1 to \(longestName) octets")
        }
        guard let comment else { return }
        if comment.utf8.count > UserData.longestComment {
            let length = comment.utf8.count
            defect = KernelError(
                what(),
                .invalidArgument,
                explanation: "a comment of \(length) octets, \(UserData.longestComment) at most"
            )
        } else if comment.utf8.contains(0) {
            defect = KernelError(what(), .invalidArgument, explanation: "a comment with a zero in it")
        }
    }
}

// MARK: Tables and chains

extension Batch {
    /// Like `nft add table`.
    package mutating func add(_ table: Table, comment: String? = nil) {
        put(table, .add, flags: 0, comment: comment)
    }

    /// Like `nft create table`.
    package mutating func create(_ table: Table, comment: String? = nil) {
        put(table, .create, flags: NLM_F_CREATE | NLM_F_EXCL, comment: comment)
    }

    private mutating func put(_ table: Table, _ verb: Verb, flags: Int32, comment: String?) {
        check("\(verb.word) table \(table)", name: table.name, comment: comment)
        guard defect == nil else { return }
        scratch.begin(.newTable, table.family, flags: flags)
        scratch.put(NFTA_TABLE_NAME, text: table.name)
        scratch.put(NFTA_TABLE_FLAGS, 0)
        if let comment { scratch.put(NFTA_TABLE_USERDATA, octets: UserData.comment(comment)) }
        finish(verb, .table(table))
    }

    /// Like `nft delete table`: with all that is in it.
    package mutating func delete(_ table: Table) {
        name(table, .delete, .deleteTable)
    }

    /// Like `nft destroy table`: with all that is in it.
    package mutating func destroy(_ table: Table) {
        name(table, .destroy, .destroyTable)
    }

    private mutating func name(_ table: Table, _ verb: Verb, _ message: FilterMessage) {
        check("\(verb.word) table \(table)", name: table.name)
        guard defect == nil else { return }
        scratch.begin(message, table.family)
        scratch.put(NFTA_TABLE_NAME, text: table.name)
        finish(verb, .table(table))
    }

    /// Like `nft flush table`: all rules of all its chains go, chains and sets stay.
    package mutating func flush(_ table: Table) {
        check("flush table \(table)", name: table.name)
        guard defect == nil else { return }
        scratch.begin(.deleteRule, table.family)
        scratch.put(NFTA_RULE_TABLE, text: table.name)
        finish(.flush, .table(table))
    }

    /// Like `nft add chain`.
    ///
    /// Of a chain that is there the policy is changed, if one is said; another hook or priority is refused.
    package mutating func add(_ chain: Chain, hook: ChainHook? = nil, comment: String? = nil) {
        put(chain, .add, flags: NLM_F_CREATE, hook: hook, comment: comment)
    }

    /// Like `nft create chain`.
    package mutating func create(_ chain: Chain, hook: ChainHook? = nil, comment: String? = nil) {
        put(chain, .create, flags: NLM_F_CREATE | NLM_F_EXCL, hook: hook, comment: comment)
    }

    private mutating func put(
        _ chain: Chain,
        _ verb: Verb,
        flags: Int32,
        hook: ChainHook?,
        comment: String?
    ) {
        check("\(verb.word) chain \(chain)", name: chain.name, comment: comment)
        guard defect == nil else { return }
        scratch.begin(.newChain, chain.table.family, flags: flags)
        scratch.put(NFTA_CHAIN_TABLE, text: chain.table.name)
        scratch.put(NFTA_CHAIN_NAME, text: chain.name)
        if let hook { scratch.put(hook, in: chain.table.family) }
        if let comment { scratch.put(NFTA_CHAIN_USERDATA, octets: UserData.comment(comment)) }
        finish(verb, .chain(chain))
    }

    /// Like `nft delete chain`; `EBUSY` while something jumps there or it has rules.
    package mutating func delete(_ chain: Chain) {
        name(chain, .delete, .deleteChain)
    }

    /// Like `nft destroy chain`; `EBUSY` while something jumps there or it has rules.
    package mutating func destroy(_ chain: Chain) {
        name(chain, .destroy, .destroyChain)
    }

    private mutating func name(_ chain: Chain, _ verb: Verb, _ message: FilterMessage) {
        check("\(verb.word) chain \(chain)", name: chain.name)
        guard defect == nil else { return }
        scratch.begin(message, chain.table.family)
        scratch.put(NFTA_CHAIN_TABLE, text: chain.table.name)
        scratch.put(NFTA_CHAIN_NAME, text: chain.name)
        finish(verb, .chain(chain))
    }

    /// Like `nft flush chain`: its rules go.
    package mutating func flush(_ chain: Chain) {
        check("flush chain \(chain)", name: chain.name)
        guard defect == nil else { return }
        scratch.begin(.deleteRule, chain.table.family)
        scratch.put(NFTA_RULE_TABLE, text: chain.table.name)
        scratch.put(NFTA_RULE_CHAIN, text: chain.name)
        finish(.flush, .chain(chain))
    }
}

// MARK: Rules

extension Batch {
    /// Like `nft add rule`: at the end of its chain, or behind the rule of a handle.
    package mutating func add(_ rule: Rule, after handle: UInt64? = nil) {
        put(rule, .add, flags: NLM_F_CREATE | NLM_F_APPEND, handle: nil, position: handle)
    }

    /// Like `nft insert rule`: at the beginning of its chain, or in front of the rule of a handle.
    package mutating func insert(_ rule: Rule, before handle: UInt64? = nil) {
        put(rule, .insert, flags: NLM_F_CREATE, handle: nil, position: handle)
    }

    /// Like `nft replace rule`: the new rule has another handle.
    package mutating func replace(_ handle: UInt64, with rule: Rule) {
        put(rule, .replace, flags: NLM_F_REPLACE, handle: handle, position: nil)
    }

    private mutating func put(_ rule: Rule, _ verb: Verb, flags: Int32, handle: UInt64?, position: UInt64?) {
        check("\(verb.word) rule \(rule.chain)", name: rule.chain.name, comment: rule.comment)
        for expression in rule.expressions {
            if let name = expression.foreignName { check("\(verb.word) rule \(rule.chain)", name: name) }
        }
        guard defect == nil else { return }
        var numbers = LiteralSetNumbers(after: setCount)
        for expression in rule.expressions {
            if case .lookup(let lookup) = expression, case .literal(let set) = lookup.set { put(set, of: rule.chain) }
        }
        scratch.begin(.newRule, rule.chain.table.family, flags: flags)
        scratch.put(NFTA_RULE_TABLE, text: rule.chain.table.name)
        scratch.put(NFTA_RULE_CHAIN, text: rule.chain.name)
        if let handle { scratch.put(NFTA_RULE_HANDLE, wide: handle) }
        if let position { scratch.put(NFTA_RULE_POSITION, wide: position) }
        scratch.nest(NFTA_RULE_EXPRESSIONS) { list in
            for expression in rule.expressions { list.put(expression, sets: &numbers) }
        }
        if let comment = rule.comment { scratch.put(NFTA_RULE_USERDATA, octets: UserData.comment(comment)) }
        finish(verb, .rule(rule.chain))
    }

    /// Like `nft delete rule … handle`.
    package mutating func deleteRule(_ handle: UInt64, of chain: Chain) {
        name(handle, of: chain, .delete, .deleteRule)
    }

    /// Like `nft destroy rule … handle`; the chain has to be there.
    package mutating func destroyRule(_ handle: UInt64, of chain: Chain) {
        name(handle, of: chain, .destroy, .destroyRule)
    }

    private mutating func name(_ handle: UInt64, of chain: Chain, _ verb: Verb, _ message: FilterMessage) {
        scratch.begin(message, chain.table.family)
        scratch.put(NFTA_RULE_TABLE, text: chain.table.name)
        scratch.put(NFTA_RULE_CHAIN, text: chain.name)
        scratch.put(NFTA_RULE_HANDLE, wide: handle)
        finish(verb, .rule(chain))
    }
}
