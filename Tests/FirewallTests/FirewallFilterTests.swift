// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNI
import JSON
import Linux
import PacketFilter
import Plugin
import TestSupport
import Testing
import Wiring

@testable import Firewall

private let key = AttachmentKey(network: "blue", containerID: "c1", interfaceName: "eth0")

@Suite("The firewall in nf_tables")
struct FirewallFilterTests {
    private static func share(_ policy: String, _ bridge: String, _ addresses: String...) throws -> FilterShare {
        let ips = addresses.map { "{\"address\": \"\($0)\"}" }.joined(separator: ",")
        let result = "\"prevResult\": {\"interfaces\": [{\"name\": \"\(bridge)\"}], \"ips\": [\(ips)]}"
        let configuration = try configuration("\"ingressPolicy\": \"\(policy)\"", result)
        return FirewallFilter.share(of: configuration, key)
    }

    private static func address(_ text: String) throws -> Datum { .address(try #require(IPAddress(text))) }

    private static let chains = FirewallFilter.table

    @Test("Of an open network's addresses nothing is said, and what is in their places goes")
    func open() throws {
        let share = try Self.share("open", "br0", "10.1.2.3/24", "fd00::3/64", "10.1.2.4/24")
        #expect(share.shared == [] && share.chains == [] && share.rules == [] && share.elements == [])
        #expect(share.vacant.map { $0.set.name } == ["containers4", "containers6"])
        let keys = share.vacant.map { $0.elements.flatMap { $0.key } }
        #expect(keys[0] == [try Self.address("10.1.2.3"), try Self.address("10.1.2.4")])
        #expect(keys[1] == [try Self.address("fd00::3")])
    }

    @Test("No address is no element; a policy's chain is held by a chain of the container's own")
    func noAddress() throws {
        let open = try Self.share("open", "br0")
        #expect(open.elements == [] && open.vacant == [] && open.chains == [])
        let policed = try Self.share("isolated", "br0")
        #expect(policed.elements == [] && policed.shared.count == 1)
        let chain = Chain(Self.chains, "container-\(key.ruleOwner)")
        let rule = Rule(chain, [.goto("isolated-br0")], comment: key.ruleComment)
        #expect(policed.chains == [.init(chain, rules: [rule])])
    }

    @Test(
        "A policy's addresses lead to the chain of the bridge, which differs in what containers of it may do",
        arguments: [("same-bridge", Statement.accept), ("isolated", .drop)]
    )
    func policed(policy: String, verdict: Statement) throws {
        let share = try Self.share(policy, "br0", "10.1.2.3/24")
        let chain = Chain(Self.chains, "\(policy)-br0")
        #expect(
            share.elements.map { $0.elements } == [
                [
                    SetElement(
                        key: [try Self.address("10.1.2.3")],
                        verdict: .goto(chain.name),
                        comment: key.ruleComment
                    )
                ]
            ]
        )
        let shared = try #require(share.shared.first)
        #expect(share.shared.count == 1 && shared.own.chain == chain)
        let set = NamedSet(Self.chains, "policed", key: [.interfaceName])
        let rules: [[Statement]] = [
            [.match(.oifname, .name("br0")), verdict], [.member([.oifname], .set(set)), .drop], [.accept],
        ]
        #expect(shared.own.rules == rules.map { Rule(chain, $0) })
        #expect(shared.entries.map { $0.set.name } == ["policed", "bridges"])
        #expect(shared.entries[0].elements == [SetElement(.name("br0"))])
        #expect(shared.entries[1].elements == [SetElement(key: [.name("br0")], verdict: .goto(chain.name))])
    }

    @Test(
        "A bridge's name that nft could not read is a hash in its chain's, and itself in the rules",
        arguments: [
            ("br-0_a.B", "same-bridge-br-0_a.B"), ("0123456789abcde", "same-bridge-0123456789abcde"),
            ("br$0", "same-bridge-\(SHA512(of: "br$0").hexadecimal(digits: 16))"),
            ("ü", "same-bridge-\(SHA512(of: "ü").hexadecimal(digits: 16))"),
            ("a b", "same-bridge-\(SHA512(of: "a b").hexadecimal(digits: 16))"),
        ]
    )
    func odd(bridge: String, chain: String) throws {
        let shared = try #require(try Self.share("same-bridge", bridge, "10.1.2.3/24").shared.first)
        #expect(shared.own.chain.name == chain)
        #expect(shared.entries[0].elements == [SetElement(.name(bridge))])
    }
}

@Suite("The firewall's plans")
struct FirewallPlanTests {
    private static func record(_ members: String) throws -> AttachmentRecord {
        let text = "{\"cniVersion\": \"1.0.0\", \"name\": \"blue\", \(members)}"
        return AttachmentRecord(
            key: key,
            state: .attached,
            namespacePath: "",
            namespaceIdentity: "",
            intendedNanoseconds: 0,
            configuration: try JSONValue(parsing: Array(text.utf8))
        )
    }

    @Test(
        "A record says again what was made: of nf_tables its share, of the others none",
        arguments: [
            (#""backend": "nftables""#, 1, false), (#""backend": "iptables""#, 0, true),
            (#""backend": "firewalld""#, 0, true), (#""backend": "firewalld", "ingressPolicy": "isolated""#, 1, true),
        ]
    )
    func records(members: String, shares: Int, others: Bool) throws {
        let record = try Self.record(members + ", " + result("br0", "10.1.2.3/24"))
        let plan = try #require(FirewallPlan(record))
        #expect(plan.key == key)
        #expect(plan.configuration.addresses.map { $0.description } == ["10.1.2.3"])
        let rules = try #require(FirewallRules(record))
        #expect(rules.shares == (shares == 1 ? [plan.share] : []))
        #expect(rules.usesOthers == others)
    }

    @Test(
        "A record that makes no sense is none",
        arguments: [
            #""backend": """#, #""type": "firewall""#, #""backend": "ipvs""#,
            #""backend": "nftables", "ingressPolicy": "closed""#,
            #""backend": "nftables", "ingressPolicy": "isolated""#,
            #""backend": "nftables", "ingressPolicy": "isolated", "prevResult": {"interfaces": [{"name": "0123456789abcdef"}]}"#,
            #""backend": "nftables", "prevResult": 5"#,
        ]
    )
    func senseless(members: String) throws {
        #expect(FirewallPlan(try Self.record(members)) == nil)
        #expect(FirewallRules(try Self.record(members)) == nil)
    }

    @Test("A configuration that names a backend gets it, whatever the host runs")
    func named() throws {
        for backend in ["nftables", "iptables", "firewalld"] {
            let plan = try FirewallPlan(configuration("\"backend\": \"\(backend)\""), key)
            #expect(plan.backend.rawValue == backend)
        }
    }

    @Test("A plugin in front that made nothing, and a policy without bridge, are refused before anything is looked at")
    func refusals() throws {
        let nowhere = ["CULVERT_RUN_DIR": "/proc/nowhere"]
        let texts = [
            #"{"cniVersion": "1.0.0", "name": "blue"}"#,
            #"{"cniVersion": "1.0.0", "name": "blue", "ingressPolicy": "isolated", "prevResult": {"ips": []}}"#,
        ]
        for text in texts {
            let request = try Request(text, nowhere)
            let add = try #require(throws: CNIError.self) { _ = try FirewallAttachment(request).admit() }
            let check = try #require(throws: CNIError.self) { try FirewallAttachment(request).verify() }
            #expect(add.code == 7 && check.code == 7)
        }
    }

    @Test("Without addresses and policy the previous result is passed on, and nothing is looked at")
    func passThrough() throws {
        let text =
            #"{"cniVersion": "1.0.0", "name": "blue", "prevResult": {"interfaces": [{"name": "br0"}], "ips": []}}"#
        let request = try Request(text, ["CULVERT_RUN_DIR": "/proc/nowhere"])
        #expect(try FirewallAttachment(request).admit().interfaces.map { $0.name } == ["br0"])
        try FirewallAttachment(request).verify()
    }
}
