// SPDX-License-Identifier: Apache-2.0
import Addressing
import Forwarding
import Glibc
import Linux
import TestSupport
import Testing
import Wiring

private let key = attachment("0123456789abcdef", of: "podman")
/// Of that network and container, by the reference.
private let chain = "CNI-10b6f28dc236b0b51d7abaf2"

@Suite("Packet filters of an attachment", .enabled(if: canUnshare, "needs root"))
struct FilterPlanTests {
    private static func plan(_ backend: MasqueradeBackend, watches: Bool = false) throws -> FilterPlan {
        let addresses = try ["10.1.2.3/24", "fd00::5/64", "fe80::7/64"].map { text throws(Malformed) in try cidr(text) }
        var interface = VirtualInterface("veth0")
        interface.allowedSources = [mac(2)]
        interface.allowedAddresses = addresses.map { .host($0.address) }
        return FilterPlan(
            key: key,
            masquerade: Masquerade(key: key, addresses: addresses, backend: backend),
            spoofCheck: watches ? SpoofCheck(key: key, interface) : nil
        )
    }

    /// Makes and removes a plan by a transaction.
    private static func story(
        _ plan: FilterPlan
    ) throws -> (failure: PlanFailure?, missing: [[String]], sets: [[String]]) {
        try inNewNamespace {
            let stage = try Stage()
            var transaction = try stage.transaction()
            let before = try plan.missing()
            let failure = transaction.failure(of: [.filter(plan)])
            transaction.commit()
            let during = try plan.missing()
            let set = try ruleSet()
            try plan.remove()
            try plan.remove()
            return (failure, [before, during], [set, try ruleSet()])
        }
    }

    @Test("In nf_tables everything is made, found and removed")
    func nftables() throws {
        let (failure, missing, sets) = try Self.story(try Self.plan(.nftables, watches: true))
        #expect(failure == nil)
        #expect(missing == [["table inet cni_plugins_masquerade", "table bridge nat"], []])
        #expect(sets[0].contains("ip saddr 10.1.2.3 ip daddr != 10.1.2.0/24 masquerade comment \"\(key.ruleComment)\""))
        #expect(sets[0].contains("ip6 saddr fd00::5 ip6 daddr != fd00::/64 masquerade comment \"\(key.ruleComment)\""))
        #expect(sets[0].contains { $0.hasPrefix("iifname \"veth0\" jump cni-br-iface-0123456789abcdef-eth0 ") })
        #expect(sets[0].contains { $0.hasPrefix("ether saddr \(mac(2)) return") })
        #expect(sets[1] == [])
    }

    @Test("What is refused is taken back with all the rest")
    func refused() throws {
        let (failure, set) = try inNewNamespace {
            let stage = try Stage()
            // A chain of the name, but one that packets enter by themselves.
            try nft("add table bridge nat\nadd chain bridge nat PREROUTING { type filter hook prerouting priority 7; }")
            let before = try ruleSet()
            var transaction = try stage.transaction()
            let failure = transaction.failure(of: [.filter(try Self.plan(.nftables, watches: true)), .noLink("lo")])
            return (failure, try ruleSet() == before)
        }
        #expect(failure != nil && set)
    }

    @Test("What nobody knows of goes by the attachment's name alone, the reference's chains included")
    func removeAll() throws {
        let sets = try inNewNamespace {
            try FilterEngine().install(try Self.plan(.nftables, watches: true).shares, of: key, isFresh: true)
            try Self.plan(.iptables).makeIPTablesRules()
            let before = try ruleSet()
            try FilterPlan.removeAll(of: attachment("other", of: "podman"))
            let other = try ruleSet()
            try FilterPlan.removeAll(of: key)
            return [before, other, try ruleSet()]
        }
        #expect(sets[0] == sets[1])
        #expect(sets[0].contains { $0.contains(chain) })
        #expect(!sets[2].contains { $0.contains("CNI-") || $0.contains("cni") || $0.contains("10.1.2.3") })
    }
}

@Suite("Chains that iptables made", .enabled(if: canUnshare, "needs root"))
struct IPTablesChainTests {
    /// Masquerades as the reference does, by one of the implementations.
    private static func masquerade(_ variant: String, _ name: String, _ containerID: String) throws {
        for (program, prefix, network, all) in [
            ("iptables", "10.1.2", "10.1.2.0/24", "224.0.0.0/4"), ("ip6tables", "fd00:", "fd00::/64", "ff00::/8"),
        ] {
            let address = program == "iptables" ? "\(prefix).3" : "\(prefix):3"
            let comment = "-m comment --comment \"name: \\\"podman\\\" id: \\\"\(containerID)\\\"\""
            try run(
                "/usr/sbin/\(program)-\(variant)-restore",
                "--noflush",
                input: """
                    *nat
                    :\(name) -
                    -A \(name) -d \(network) \(comment) -j ACCEPT
                    -A \(name) ! -d \(all) \(comment) -j MASQUERADE
                    -A POSTROUTING -s \(address) \(comment) -j \(name)
                    COMMIT

                    """
            )
        }
    }

    /// What of table nat is not built in, in both families.
    private static func lines(_ variant: String) throws -> [String] {
        try ["iptables", "ip6tables"].flatMap { program in
            try run("/usr/sbin/\(program)-\(variant)-save", "-t", "nat").split(separator: "\n").map { String($0) }
                .filter { $0.hasPrefix(":CNI") || $0.hasPrefix("-A") }
        }
    }

    @Test("They are removed by name with the jumps to them, and no others", arguments: ["nft", "legacy"])
    func removal(variant: String) throws {
        let lines = try inNewNamespace {
            try Self.masquerade(variant, chain, "0123456789abcdef")
            try Self.masquerade(variant, "CNI-ffffffffffffffffffffffff", "other")
            let engine = try FilterEngine()
            try engine.removeMasqueradeChain(of: key)
            let left = try Self.lines(variant)
            try engine.removeMasqueradeChain(of: key)
            return [left, try Self.lines(variant)]
        }
        #expect(lines[0] == lines[1])
        #expect(lines[0].count == 8)
        #expect(!lines[0].contains { $0.contains(chain) || $0.contains("0123456789abcdef") })
    }

    @Test(
        "An address of the container's other interface keeps the chain, and its own jump",
        arguments: ["nft", "legacy"]
    )
    func sibling(variant: String) throws {
        let lines = try inNewNamespace {
            try Self.masquerade(variant, chain, "0123456789abcdef")
            let before = try Self.lines(variant)
            for (program, address) in [("iptables", "10.1.2.7"), ("ip6tables", "fd00::7")] {
                try run("/usr/sbin/\(program)-\(variant)", "-t", "nat", "-A", "POSTROUTING", "-s", address, "-j", chain)
            }
            let engine = try FilterEngine()
            let others = try ["10.1.2.3/24", "fd00::3/64"].map { try cidr($0).address }
            try engine.removeMasqueradeChain(of: key, sparing: others)
            let left = try Self.lines(variant)
            try engine.removeMasqueradeChain(of: key, sparing: try [cidr("10.1.2.9/24").address])
            return [before, left, try Self.lines(variant)]
        }
        #expect(lines[0].count == 8 && lines[1] == lines[0] && lines[2] == [])
    }

    @Test("Those in nf_tables are removed without any program")
    func withoutPrograms() throws {
        let set = try inNewNamespace {
            try Self.masquerade("nft", chain, "0123456789abcdef")
            let nft = try Descriptor(opening: "/usr/sbin/nft", O_RDONLY)
            try hideDirectory("/usr/sbin")
            try FilterEngine().removeMasqueradeChain(of: key)
            return try run("/proc/self/fd/\(nft.rawValue)", "list", "ruleset")
        }
        #expect(set.contains("chain POSTROUTING") && !set.contains("CNI-"))
    }

    @Test("Older tables that others use are no trouble where there is no program for them")
    func withoutLegacyProgram() throws {
        try inNewNamespace {
            try run("/usr/sbin/iptables-legacy-restore", "--noflush", input: "*nat\n:KUBE-X -\nCOMMIT\n")
            try hideDirectory("/usr/sbin")
            try FilterPlan.removeAll(of: key)
            try FilterEngine().sweepMasqueradeChains(of: "podman") { _ in true }
        }
    }

    @Test("A sweep takes those whose comment names an unwanted container of the network", arguments: ["nft", "legacy"])
    func sweep(variant: String) throws {
        let (asked, lines) = try inNewNamespace {
            try Self.masquerade(variant, chain, "0123456789abcdef")
            try Self.masquerade(variant, "CNI-ffffffffffffffffffffffff", "other")
            try Self.masquerade(variant, "TEST-X", "stranger")
            let engine = try FilterEngine()
            try engine.sweepMasqueradeChains(of: "pod") { _ in true }
            var asked: Set<String> = []
            try engine.sweepMasqueradeChains(of: "podman") { containerID in
                asked.insert(containerID)
                return containerID == "other"
            }
            return (asked, try Self.lines(variant))
        }
        #expect(asked == ["0123456789abcdef", "other"])
        #expect(!lines.contains { $0.contains("other") || $0.contains("CNI-f") })
        #expect(lines.filter { $0.contains("0123456789abcdef") }.count == 6)
        #expect(lines.filter { $0.contains("stranger") }.count == 6)
    }
}
