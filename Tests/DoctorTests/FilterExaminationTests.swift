// SPDX-License-Identifier: Apache-2.0
import Doctor
import Linux
import Testing

@Suite("Examination of packet filters")
struct FilterExaminationTests {
    @Test("What culvert reload misses is an error, and reload is the remedy")
    func missing() throws {
        var facts = try healthyHost()
        facts.missingRules = ["lan/c1:eth0 portmap: element of map inet culvert_portmap ports4: tcp . 8080"]
        let finding = try #require(facts.findings.first)
        #expect(finding.kind == .rulesMissing && finding.remedy == .reload && finding.network == "lan")
        #expect(finding.place == "lan/c1:eth0 portmap")
        #expect(finding.detail.hasSuffix("tcp . 8080"))
    }

    @Test("A foreign chain that drops is in the way, unless the plugin firewall has a hand in it")
    func dropped() throws {
        var facts = try healthyHost()
        facts.chains = [HostFacts.Chain(table: "ip filter", name: "FORWARD", dropsForwarded: true)]
        #expect(facts.kinds == [.forwardDropped])
        #expect(facts.findings[0].fix.contains(#""backend": "iptables""#))
        facts.networks = []
        try facts.configure(
            "10-lan.conflist",
            """
            {"name": "lan", "plugins": [{"type": "bridge", "isGateway": true},
             {"type": "firewall", "backend": "iptables"}]}
            """
        )
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: "firewall"))
        #expect(facts.kinds == [])
        facts.networks = []
        try facts.configure(
            "10-lan.conflist",
            #"{"name": "lan", "plugins": [{"type": "bridge", "isGateway": true}, {"type": "firewall", "backend": ""}]}"#
        )
        #expect(facts.kinds == [.forwardDropped])
        facts.programs = ["bridge", "firewall"].map { name in
            HostFacts.Program(directory: "/opt/cni/bin", name: name, implementation: .foreign)
        }
        #expect(facts.kinds == [])
        facts.chains = [HostFacts.Chain(table: "inet mine", name: "f", dropsForwarded: true)]
        #expect(
            facts.findings.map { $0.fix } == [
                "nft insert rule inet mine f iifname cni0 accept, and the same for oifname"
            ]
        )
        facts.records = []
        #expect(facts.kinds == [])
    }

    @Test("Both kinds of iptables are mixed only when both have something")
    func mixed() throws {
        var facts = try healthyHost()
        facts.legacyTables = ["nat (IPv4)"]
        #expect(facts.kinds == [])
        facts.chains = [HostFacts.Chain(table: "inet other", name: "FORWARD")]
        #expect(facts.kinds == [])
        facts.chains = [HostFacts.Chain(table: "ip nat", name: "POSTROUTING")]
        #expect(facts.kinds == [.tablesMixed])
    }

    @Test("A rule is stale when nobody knows its container, by whatever word")
    func rules() throws {
        let comment = "0123456789abcdef-0123456789abcdef, net: lan, if: eth0, id: c9"
        var facts = try healthyHost()
        facts.chains = [
            HostFacts.Chain(table: "inet cni_plugins_masquerade", name: "masq_checks", comments: [comment, "mine"])
        ]
        #expect(facts.kinds == [.rulesStale])
        facts.otherOwners = [HostFacts.Owner(network: "lan", containerID: "c9")]
        #expect(facts.kinds == [])
        // Nobody is called a stranger who may be in a record that was not read.
        (facts.otherOwners, facts.isEverybodyKnown) = ([], false)
        #expect(facts.kinds == [])
        facts.isEverybodyKnown = true
        // A dead container's record tells of all that it has left.
        facts.otherOwners = []
        facts.records.append(HostFacts.Record(network: "lan", containerID: "c9"))
        facts.records[1].isDead = true
        #expect(facts.kinds == [.recordStale])
    }

    @Test("A name in a comment that was cut off is known by its beginning, if that is long enough")
    func cut() throws {
        let id = String(repeating: "0123456789abcdef", count: 4)
        var facts = try healthyHost()
        facts.records[0] = HostFacts.Record(network: "lan", containerID: id)
        facts.chains = [
            HostFacts.Chain(table: "t", name: "c", comments: ["x, net: lan, if: eth0, id: \(id.prefix(50))"])
        ]
        #expect(facts.kinds == [])
        facts.chains = [
            HostFacts.Chain(table: "t", name: "c", comments: ["x, net: lan, if: eth0, id: \(id.prefix(5))"])
        ]
        #expect(facts.kinds == [.rulesStale])
    }

    @Test("Chains of iptables are stale when no container has them", arguments: ["CNI-", "CNI-DN-", "CNI-SN-"])
    func chains(prefix: String) throws {
        var facts = try healthyHost()
        let digits = SHA512(of: "lanc1").hexadecimal(digits: 28 - prefix.utf8.count)
        facts.chains = [HostFacts.Chain(table: "ip nat", name: prefix + digits)]
        #expect(facts.kinds == [])
        let other = SHA512(of: "lanc2").hexadecimal(digits: 28 - prefix.utf8.count)
        facts.chains = [HostFacts.Chain(table: "ip nat", name: prefix + other)]
        #expect(facts.kinds == [.chainsStale])
        facts.chains = [HostFacts.Chain(table: "ip nat", name: "CNI-HOSTPORT-DNAT")]
        #expect(facts.kinds == [])
    }

    @Test("A firewall that reloads needs a unit that puts rules back")
    func hooks() throws {
        var facts = try healthyHost()
        facts.signs = [SystemSigns.nftablesService]
        #expect(facts.findings.map { $0.place } == ["nftables.service"])
        facts.signs.insert(SystemSigns.nftablesHooks[0])
        #expect(facts.kinds == [])
        facts.programs.append(HostFacts.Program(directory: "/opt/cni/bin", name: "firewall"))
        try facts.join("x", #""type": "firewall""#)
        facts.chains = [HostFacts.Chain(table: "inet firewalld", name: "filter_INPUT")]
        #expect(facts.findings.map { $0.place } == ["firewalld"])
        facts.signs.insert(SystemSigns.firewalldHooks[0])
        #expect(facts.kinds == [])
    }
}
