// SPDX-License-Identifier: Apache-2.0
internal import CNetlink
internal import Netlink

extension Expression {
    /// The name of something else, or another text of nearly its length, that the expression has in it.
    var foreignName: String? {
        switch self {
        case .verdict(.jump(let chain)), .verdict(.goto(let chain)): chain
        case .lookup(let lookup):
            if case .named(let name) = lookup.set { name } else { nil }
        case .log(let log): log.prefix.flatMap { $0.isEmpty ? nil : $0 }
        default: nil
        }
    }
}

extension Batch {
    /// Whether anything is taken away that may be absent.
    var destroys: Bool { steps.contains { $0.verb == .destroy } }

    /// Whether it takes anything away.
    var removes: Bool {
        steps.contains { step in
            switch step.verb {
            case .delete, .destroy, .flush, .replace: true
            case .add, .create, .insert: false
            }
        }
    }

    /// Where the message of a step stands in the octets.
    func range(of index: Int) -> Range<Int> {
        steps[index].start..<(index + 1 < steps.count ? steps[index + 1].start : octets.count)
    }

    /// A step in words, for errors: `add element inet culvert ports4 { tcp . 8080 }`.
    ///
    /// `offense`: where in the message the attribute stands that the kernel complains about.
    func operation(of index: Int, at offense: Int?) -> String {
        let step = steps[index]
        let message = NetlinkReply.messages(in: Array(octets[range(of: index)])).first
        let attributes = message?.filterBody?.attributes
        let verb = step.verb.word
        switch step.subject {
        case .table(let table): return "\(verb) table \(table)"
        case .chain(let chain): return "\(verb) chain \(chain)"
        case .set(let set): return "\(verb) \(set.noun) \(set)"
        case .literal(let chain): return "\(verb) literal set of a rule of chain \(chain)"
        case .rule(let chain):
            var text = "\(verb) rule \(chain)"
            if let handle = attributes?.wideNumber(NFTA_RULE_HANDLE) { text += " handle \(handle)" }
            guard let list = attributes?.nested(NFTA_RULE_EXPRESSIONS) else { return text }
            for expression in Expression.list(list) { text += " \(expression)" }
            if let comment = UserData.text(of: UserData.comment, in: attributes?[NFTA_RULE_USERDATA]) {
                text += " comment \"\(comment)\""
            }
            return text
        case .elements(let set):
            let text = "\(verb) element \(set)"
            guard let message, let element = element(in: message, of: set, at: offense) else { return text }
            return "\(text) { \(element) }"
        }
    }

    /// The element that the kernel complains about, as text; the first one when it does not say which.
    private func element(in message: NetlinkReply, of set: NamedSet, at offense: Int?) -> String? {
        guard let value = message.filterBody?.attributes[NFTA_SET_ELEM_LIST_ELEMENTS] else { return nil }
        // Slices keep the places of the message they were cut from.
        var found: ArraySlice<UInt8>?
        for (_, element) in NetlinkAttributes(value) {
            found = found ?? element
            // Just behind the header of the attribute that the kernel means, or of one around it.
            if let offense, element.startIndex - 4 <= offense { found = element }
        }
        guard let found, let listed = ListedElement(NetlinkAttributes(found), values: set.content.types) else {
            return nil
        }
        return listed.element(set.form, upper: listed.upper)?.description(key: set.key)
    }
}
