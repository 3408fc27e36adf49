// SPDX-License-Identifier: Apache-2.0
internal import PacketFilter

/// What a base chain says in the end.
enum ChainOutcome: Equatable {
    case accept
    case drop
    case reject(Notice)
    case translate(Translation)
    case unknown(String)
}

/// One packet in one base chain, with all chains that it jumps to.
struct ChainRun {
    let ruleset: Ruleset
    var hook: HookPacket
    /// The rule that decided.
    private(set) var decider: (chain: Chain, position: Int, rule: InstalledRule)?
    private(set) var remarks: [String] = []
    /// Rules that may hold, and what they would say; nil is something else than accept or drop.
    private var doubts: [(outcome: ChainOutcome?, words: String)] = []

    init(_ ruleset: Ruleset, _ hook: HookPacket) {
        self.ruleset = ruleset
        self.hook = hook
    }

    private enum End {
        case decided(ChainOutcome)
        case back
    }

    /// Runs a base chain.
    mutating func run(_ base: InstalledChain) -> ChainOutcome {
        var outcome: ChainOutcome = base.hook?.policy == .drop ? .drop : .accept
        if case .decided(let found) = run(base.chain, depth: 0) { outcome = found }
        // A rule that may hold does not matter if it says what is said anyway.
        if let doubt = doubts.first(where: { $0.outcome != outcome }) { return .unknown(doubt.words) }
        return outcome
    }

    private mutating func run(_ chain: Chain, depth: Int) -> End {
        guard depth < 64 else { return .decided(.drop) }
        for (index, installed) in (ruleset.rules[chain] ?? []).enumerated() {
            var machine = RuleMachine(ruleset, hook)
            let outcome = machine.run(installed.rule)
            hook.mark = machine.hook.mark
            hook.isUntracked = machine.hook.isUntracked
            if hook.connection != nil { hook.connection = machine.hook.connection }
            if outcome != .nothing { remarks += machine.remarks }
            if let end = conclude(outcome, chain, index, installed, depth) { return end }
        }
        return .back
    }

    /// nil: on with the next rule.
    private mutating func conclude(
        _ outcome: RuleOutcome,
        _ chain: Chain,
        _ index: Int,
        _ installed: InstalledRule,
        _ depth: Int
    ) -> End? {
        func decide(_ outcome: ChainOutcome) -> End { .decided(outcome) }
        switch outcome {
        case .nothing, .verdict(.continue): return nil
        case .verdict(.accept), .verdict(.drop), .reject, .translate: decider = (chain, index, installed)
        default: break
        }
        switch outcome {
        case .verdict(.accept): return decide(.accept)
        case .verdict(.drop): return decide(.drop)
        case .verdict(.return): return .back
        case .verdict(.jump(let name)):
            if case .decided(let found) = run(Chain(chain.table, name), depth: depth + 1) { return decide(found) }
            return nil
        case .verdict(.goto(let name)): return run(Chain(chain.table, name), depth: depth + 1)
        case .reject(let rejection): return decide(.reject(rejection))
        case .translate(let translation): return decide(.translate(translation))
        case .unknown(let words, let verdict):
            let place = "\(RuleWords.place(chain, index, installed)): \(words)"
            doubts.append((verdict == .accept ? .accept : verdict == .drop ? .drop : nil, place))
            return nil
        default: return nil
        }
    }
}

/// Rules in words.
enum RuleWords {
    static func place(_ chain: Chain, _ position: Int, _ installed: InstalledRule) -> String {
        "rule \(position + 1) of chain \(chain) (handle \(installed.handle))"
    }

    /// The rule itself, shortly.
    static func text(_ rule: Rule) -> String {
        let comment = rule.comment.map { " comment \"\($0)\"" } ?? ""
        return RuleText.words(rule).joined(separator: " ") + comment
    }

    /// Whose a chain is, and what to do about it; empty where it is nobody's of ours.
    static func owner(_ chain: Chain, _ comment: String) -> (plugin: String, advice: String) {
        switch (chain.table.family, chain.table.name) {
        case (.inet, "culvert_portmap"):
            return ("portmap", "look at the mappings: culvert show CONTAINER")
        case (.inet, "culvert_firewall") where chain.name == "admin":
            return ("firewall", "the operator's own rule: nft -a list chain \(chain)")
        case (.inet, "culvert_firewall"):
            return ("firewall", "change \"ingressPolicy\" of the network, or allow it in chain admin of the table")
        case (.inet, "cni_plugins_masquerade"): return ("bridge, ptp (ipMasq)", "")
        case (.bridge, "nat") where chain.name.hasPrefix("cni-br-iface-"):
            let key = chain.name.hasSuffix("-mac") ? "macspoofchk" : "ipspoofchk"
            return ("bridge", "the source is not the container's own: send with its own, or turn \"\(key)\" off")
        default: break
        }
        if chain.name.hasPrefix("CNI-ISOLATION") {
            return ("firewall", "change \"ingressPolicy\" of the network")
        }
        if chain.name == "CNI-FORWARD" || chain.name == "CNI-ADMIN" { return ("firewall", "") }
        if chain.name.hasPrefix("CNI-") { return ("portmap", "") }
        return ("", "nft -a list chain \(chain)")
    }
}
