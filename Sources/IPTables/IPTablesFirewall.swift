// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Leave to forward, laid out as the reference plugin `firewall` does it in table `filter`.
package struct IPTablesFirewall: Hashable, Sendable {
    /// Who may reach the containers of a bridge.
    package enum IngressPolicy: Hashable, Sendable {
        /// Containers of the same bridge.
        case sameBridge
        /// No other container.
        case isolated
    }

    /// The chain with the administrator's own rules, which come first.
    package let adminChain: String

    package static let table = IPTablesTable.filter
    package static let chain = "CNI-FORWARD"
    package static let firstStage = "CNI-ISOLATION-STAGE-1"
    package static let secondStage = "CNI-ISOLATION-STAGE-2"

    package init(adminChain: String = "CNI-ADMIN") {
        self.adminChain = adminChain
    }

    /// The rules for some addresses: answers to them, and everything from them.
    ///
    /// They say nothing of the container: whoever deletes them must know that the address has no new owner.
    package func rules(_ addresses: [IPAddress], _ family: AddressFamily) -> [IPTablesRule] {
        addresses.filter { $0.family == family }.flatMap { address in
            let address = CIDR.host(address).description
            return [
                IPTablesRule(
                    Self.chain,
                    ["-d", address, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"]
                ),
                IPTablesRule(Self.chain, ["-s", address, "-j", "ACCEPT"]),
            ]
        }
    }

    /// Those and the rules on the way to them; what CHECK compares.
    package func allRules(_ addresses: [IPAddress], _ family: AddressFamily) -> [IPTablesRule] {
        let own = rules(addresses, family)
        return own.isEmpty ? [] : [entry, adminEntry] + own
    }

    /// Lets packets of these addresses through; those of the other family are passed over.
    package func install(_ addresses: [IPAddress], in edit: inout IPTablesEdit) {
        let own = rules(addresses, edit.family)
        guard !own.isEmpty else { return }
        edit.ensureChain(Self.chain)
        edit.ensureChain(adminChain)
        // What isolates must be asked before what accepts.
        edit.ensure(entry, .behindJumps(to: [Self.firstStage]))
        edit.ensure(adminEntry, .first)
        for rule in own { edit.ensure(rule, .last) }
    }

    /// Deletes the rules of these addresses, every one of them however often it is there.
    package func remove(_ addresses: [IPAddress], from edit: inout IPTablesEdit) {
        let own = rules(addresses, edit.family)
        edit.deleteRules { old in old.chain == Self.chain && own.contains { $0.means(old) } }
    }

    private var entry: IPTablesRule {
        IPTablesRule("FORWARD", ["-m", "comment", "--comment", "CNI firewall plugin rules", "-j", Self.chain])
    }

    private var adminEntry: IPTablesRule {
        IPTablesRule(
            Self.chain,
            ["-m", "comment", "--comment", "CNI firewall plugin admin overrides", "-j", adminChain]
        )
    }
}

/// `ingressPolicy`: rules for bridges, which are never removed.
extension IPTablesFirewall {
    /// Keeps packets of other bridges, or also those between containers, from the containers of a bridge.
    package static func isolate(_ bridge: String, _ policy: IngressPolicy, in edit: inout IPTablesEdit) {
        edit.ensureChain(firstStage)
        edit.ensureChain(secondStage)
        ensure(IPTablesRule("FORWARD", sharedComment + ["-j", firstStage]), .first, in: &edit)
        for rule in stageOne(bridge, policy) { ensure(rule, .first, in: &edit) }
        ensure(IPTablesRule(firstStage, sharedComment + ["-j", "RETURN"]), .last, in: &edit)
        ensure(stageTwo(bridge), .first, in: &edit)
        ensure(IPTablesRule(secondStage, sharedComment + ["-j", "RETURN"]), .last, in: &edit)
    }

    /// Which of the rules that ``isolate(_:_:in:)`` makes are not there, whichever release made them.
    package static func missing(
        _ bridge: String,
        _ policy: IngressPolicy,
        in contents: IPTablesContents
    ) -> [IPTablesRule] {
        var edit = IPTablesEdit(contents)
        isolate(bridge, policy, in: &edit)
        return edit.commands.compactMap { command in
            switch command {
            case .append(let rule), .insert(let rule, _): rule
            case .createChain, .flushChain, .deleteChain, .delete: nil
            }
        }
    }

    private static let remark = "CNI firewall plugin rules (ingressPolicy: "
    private static var sharedComment: [String] { comment("same-bridge|isolated") }

    private static func comment(_ policy: String) -> [String] {
        ["-m", "comment", "--comment", "\(remark)\(policy))"]
    }

    /// Each goes to the top, so the last one stands first.
    private static func stageOne(_ bridge: String, _ policy: IngressPolicy) -> [IPTablesRule] {
        switch policy {
        case .sameBridge:
            [leaving(bridge, "same-bridge")]
        case .isolated:
            [
                leaving(bridge, "isolated"),
                IPTablesRule(firstStage, ["-i", bridge, "-o", bridge] + comment("isolated") + ["-j", "DROP"]),
            ]
        }
    }

    private static func leaving(_ bridge: String, _ policy: String) -> IPTablesRule {
        IPTablesRule(firstStage, ["-i", bridge, "!", "-o", bridge] + comment(policy) + ["-j", secondStage])
    }

    private static func stageTwo(_ bridge: String) -> IPTablesRule {
        IPTablesRule(secondStage, ["-o", bridge] + sharedComment + ["-j", "DROP"])
    }

    /// Releases of the reference before 1.7 wrote `same-bridge` where later ones write `same-bridge|isolated`.
    ///
    /// To take a rule with the other remark for missing would double it with every upgrade.
    private static func ensure(_ rule: IPTablesRule, _ place: IPTablesEdit.Place, in edit: inout IPTablesEdit) {
        let wanted = rule.replacingComment(remark)
        edit.ensure(rule, place) { old in
            guard old.comment?.utf8.starts(with: remark.utf8) ?? false else { return false }
            return old.replacingComment(remark).means(wanted)
        }
    }
}

extension IPTablesRule {
    /// The same rule with another comment.
    fileprivate func replacingComment(_ comment: String) -> IPTablesRule {
        guard let index = words.firstIndex(of: "--comment"), index + 1 < words.count else { return self }
        var words = words
        words[index + 1] = comment
        return IPTablesRule(chain, words)
    }
}
