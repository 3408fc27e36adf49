// SPDX-License-Identifier: Apache-2.0
internal import JSON
internal import Linux

/// Finds rules that are missing, that are too many, and those of others that are in the way.
package struct FilterExamination {
    private let facts: HostFacts

    package init(_ facts: HostFacts) {
        self.facts = facts
    }

    package var findings: [Finding] {
        missing + dropped + mixed + (facts.isEverybodyKnown ? staleRules + staleChains : []) + unhooked
    }

    private var missing: [Finding] {
        facts.missingRules.map { line in
            let parts = line.split(separator: " ", maxSplits: 2).map { String($0) }
            let network = parts.first?.split(separator: "/").first.map { String($0) }
            let place = parts.prefix(2).joined(separator: " ").trimmingColon
            // Rules of both families may have the same words.
            var told: Set<Substring> = []
            let things = (parts.last ?? line).split(separator: "; ").filter { told.insert($0).inserted }
            return Finding(
                .rulesMissing,
                network: network,
                at: place,
                "what it asked for is gone: \(things.joined(separator: "; "))",
                fix: "culvert reload",
                remedy: .reload
            )
        }
    }

    // MARK: - Of others

    /// A packet has to pass every chain of the hook: that another table accepts it helps nothing.
    private var dropped: [Finding] {
        let chains = facts.chains.filter { $0.dropsForwarded && !$0.table.contains("culvert") }
        let networks = facts.networks.filter { $0.isRouted && facts.hasLiving($0.name) }
        return chains.flatMap { chain in
            networks.filter { !hasAccess($0, chain) }.map { network in
                Finding(
                    .forwardDropped,
                    network: network.name,
                    at: "chain \(chain.table) \(chain.name)",
                    "its policy is drop, and nothing of Culvert's stands in it",
                    fix: fix(chain, network)
                )
            }
        }
    }

    /// Whether the network's plugins accept its packets in such a chain.
    private func hasAccess(_ network: NetworkFile, _ chain: HostFacts.Chain) -> Bool {
        guard ["ip filter", "ip6 filter"].contains(chain.table) else { return false }
        // Without a word the reference takes iptables.
        let usual = facts.chosen("firewall")?.implementation == .foreign ? "iptables" : "nftables"
        return network.plugins.contains { plugin in
            let backend = plugin.text("backend")
            return plugin.type == "firewall" && (backend.isEmpty ? usual : backend) == "iptables"
        }
    }

    private func fix(_ chain: HostFacts.Chain, _ network: NetworkFile) -> String {
        if ["ip filter", "ip6 filter"].contains(chain.table) {
            return "append {\"type\": \"firewall\", \"backend\": \"iptables\"} to the plugins of \(network.path)"
        }
        let bridge = network.bridges.first.map { "iifname \($0.bridge) accept" } ?? "ip saddr SUBNET accept"
        return "nft insert rule \(chain.table) \(chain.name) \(bridge), and the same for oifname"
    }

    private var mixed: [Finding] {
        let others = facts.chains.filter { chain in
            // iptables-nft gives its chains the names of the older one.
            ["ip", "ip6"].contains(chain.table.prefix { $0 != " " })
                && ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].contains(chain.name)
        }
        guard !facts.legacyTables.isEmpty, let other = others.first else { return [] }
        return [
            Finding(
                .tablesMixed,
                at: "iptables-legacy: \(facts.legacyTables.joined(separator: ", "))",
                "iptables-nft has rules too, such as in chain \(other.table) \(other.name)"
            )
        ]
    }

    private var unhooked: [Finding] {
        var found: [Finding] = []
        let firewalls = facts.networks.filter { network in network.plugins.contains { $0.type == "firewall" } }
        let runsFirewalld =
            facts.signs.contains(SystemSigns.firewalld) || facts.chains.contains { $0.table == "inet firewalld" }
        if runsFirewalld, let network = firewalls.first, facts.signs.isDisjoint(with: SystemSigns.firewalldHooks) {
            found.append(
                Finding(
                    .reloadUnhooked,
                    network: network.name,
                    at: "firewalld",
                    "firewall-cmd --reload forgets the sources of zones that plugin firewall adds",
                    fix: "systemctl enable --now culvert-firewalld.service of conf/systemd, see docs/reload.md"
                )
            )
        }
        let users = facts.networks.filter { network in
            network.plugins.contains { ["portmap", "firewall"].contains($0.type) || $0.truth("ipMasq") }
        }
        if facts.signs.contains(SystemSigns.nftablesService), let network = users.first,
            facts.signs.isDisjoint(with: SystemSigns.nftablesHooks)
        {
            found.append(
                Finding(
                    .reloadUnhooked,
                    network: network.name,
                    at: "nftables.service",
                    "every start and reload of it flushes all rules",
                    fix: "install the drop-in conf/systemd/nftables.service.d-culvert.conf, see docs/reload.md"
                )
            )
        }
        return found
    }

    // MARK: - Of the dead

    /// Comments of rules say whose they are, and the reference's do in the same words.
    private var staleRules: [Finding] {
        facts.chains.flatMap { chain in
            chain.comments.compactMap { comment -> Finding? in
                guard let owner = RuleOwner(comment), !facts.isKnown(owner.containerID) else {
                    return nil
                }
                return Finding(
                    .rulesStale,
                    network: owner.network,
                    at: "chain \(chain.table) \(chain.name)",
                    "it has a rule of container \(owner.containerID), which no record, lease or runtime knows",
                    fix: "nft -a list chain \(chain.table) \(chain.name) | grep 'id: \(owner.containerID)', "
                        + "then nft delete rule \(chain.table) \(chain.name) handle N"
                )
            }
        }
    }

    /// Names of iptables chains are digests of a network and a container: those of all that live are computed.
    private var staleChains: [Finding] {
        let known = Set(
            facts.owners.union(facts.recorded).flatMap { owner in
                let digest = SHA512(of: owner.network + owner.containerID)
                return [
                    "CNI-" + digest.hexadecimal(digits: 24), "CNI-DN-" + digest.hexadecimal(digits: 21),
                    "CNI-SN-" + digest.hexadecimal(digits: 21),
                ]
            }
        )
        return facts.chains.filter { $0.name.isContainerChain && !known.contains($0.name) }.map { chain in
            Finding(
                .chainsStale,
                at: "chain \(chain.table) \(chain.name)",
                "no container that anybody knows of has a chain of this name",
                fix: "\(chain.table.hasPrefix("ip6") ? "ip6tables" : "iptables") -t nat -S | grep \(chain.name), "
                    + "delete the jump, then -F and -X the chain"
            )
        }
    }
}

/// Whose a rule is, as its comment says: `<digits>, net: N, if: I, id: C`, maybe cut off.
struct RuleOwner {
    let network: String
    let containerID: String

    init?(_ comment: String) {
        let parts = comment.split(separator: ", ").map { String($0) }
        guard let network = parts.first(where: { $0.hasPrefix("net: ") }),
            let container = parts.last(where: { $0.hasPrefix("id: ") })
        else { return nil }
        self.network = String(network.dropFirst(5))
        containerID = String(container.dropFirst(4))
    }
}

extension HostFacts {
    /// Everybody who may have something on this host.
    var owners: Set<Owner> {
        Set(records.filter { !$0.isDead }.map { Owner(network: $0.network, containerID: $0.containerID) })
            .union(otherOwners)
    }

    /// Whether anybody knows a container, alive or, by its record, dead; its name may be cut off.
    ///
    /// What a dead one has left is told once, of its record.
    func isKnown(_ containerID: String) -> Bool {
        let isLong = containerID.utf8.count > 40
        return (Array(owners) + recorded).contains { owner in
            owner.containerID == containerID || (isLong && owner.containerID.hasPrefix(containerID))
        }
    }

    /// Everybody who has a record.
    var recorded: [Owner] { records.map { Owner(network: $0.network, containerID: $0.containerID) } }
}

extension String {
    /// Without the sign that ends the name in a line.
    fileprivate var trimmingColon: String { hasSuffix(":") ? String(dropLast()) : self }

    /// `CNI-`, `CNI-DN-` or `CNI-SN-` and as many hexadecimal digits as make 28.
    fileprivate var isContainerChain: Bool {
        guard utf8.count == 28, hasPrefix("CNI-") else { return false }
        let rest = hasPrefix("CNI-DN-") || hasPrefix("CNI-SN-") ? dropFirst(7) : dropFirst(4)
        return rest.allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }
}
