// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketFilter
import Testing

@testable import Wiring

private let key = AttachmentKey(network: "podman", containerID: "0123456789abcdef", interfaceName: "eth0")
private let mac = MACAddress.locallyAdministered([2, 0, 0, 0, 0, 5]) ?? .zero

private func masquerade(_ addresses: [String], _ backend: MasqueradeBackend = .nftables) throws -> Masquerade {
    Masquerade(key: key, addresses: try addresses.map { try #require(CIDR($0)) }, backend: backend)
}

@Suite("Masquerading")
struct MasqueradeTests {
    @Test("Each address has a rule: from it, to anywhere but its own network")
    func rules() throws {
        let share = try masquerade(["10.1.2.3/24", "fd00::5/64"]).share
        let chain = Chain(Table(.inet, "cni_plugins_masquerade"), "masq_checks")
        let networks = try (#require(CIDR("10.1.2.0/24")), #require(CIDR("fd00::/64")))
        let sources = try (#require(IPAddress("10.1.2.3")), #require(IPAddress("fd00::5")))
        let comment = "1d8721804f16f412-dfbd22ab690d72bc, net: podman, if: eth0, id: 0123456789abcdef"
        let expected = [
            Rule(
                chain,
                [.match(.ipSaddr, .address(sources.0)), .mismatch(.ipDaddr, .network(networks.0)), .masquerade],
                comment: comment
            ),
            Rule(
                chain,
                [.match(.ip6Saddr, .address(sources.1)), .mismatch(.ip6Daddr, .network(networks.1)), .masquerade],
                comment: comment
            ),
        ]
        #expect(share.rules == expected)
        #expect(share.chains == [] && share.elements == [] && share.shared == [])
        #expect(share.layout == Masquerade.layout)
    }

    @Test("Without addresses there is nothing", arguments: [MasqueradeBackend.nftables, .iptables])
    func nothing(backend: MasqueradeBackend) throws {
        #expect(try masquerade([], backend).share.rules == [])
    }
}

@Suite("Watching for spoofed sources")
struct SpoofCheckTests {
    private static let base = "cni-br-iface-0123456789abcdef-eth0"

    /// The chains by name, with how many rules they have.
    private static func chains(_ share: FilterShare) -> [String] {
        share.chains.map { "\($0.chain.name.dropFirst(base.utf8.count)) \($0.rules.count)" }
    }

    @Test("Who is jumped to comes first, and only what is asked for is watched")
    func chains() throws {
        #expect(try Self.chains(watcher(key, mac, nil).share) == ["-mac 2", " 1"])
        #expect(try Self.chains(watcher(key, nil, ["10.1.2.3"]).share) == ["-ip 6", " 1"])
        #expect(try Self.chains(watcher(key, mac, []).share) == ["-mac 2", "-ip 6", " 2"])
        #expect(try Self.chains(watcher(key, nil, nil).share) == [" 0"])
    }

    @Test("Everything is named and commented as the reference does it")
    func names() throws {
        let share = try watcher(key, mac, ["10.1.2.3"]).share
        #expect(SpoofCheck.chains(of: key).map(\.name) == [Self.base, Self.base + "-mac", Self.base + "-ip"])
        #expect(SpoofCheck.chains(of: key).allSatisfy { $0.table == Table(.bridge, "nat") })
        let rules = share.rules + share.chains.flatMap(\.rules)
        #expect(Set(rules.map(\.comment)) == ["macspoofchk-0123456789abcdef-eth0"])
        let entry = Chain(Table(.bridge, "nat"), "PREROUTING")
        let jump = Rule(entry, [.iifname("veth0"), .jump(Self.base)], comment: "macspoofchk-0123456789abcdef-eth0")
        #expect(share.rules == [jump])
    }

    @Test("A frame of the one address returns, any other is dropped")
    func address() throws {
        let chain = Chain(Table(.bridge, "nat"), Self.base + "-mac")
        let comment = SpoofCheck.comment(of: key)
        let expected = [
            Rule(chain, [.match(.etherSaddr, .ether(mac)), .return], comment: comment),
            Rule(chain, [.drop], comment: comment),
        ]
        #expect(try watcher(key, mac, nil).share.chains.first?.rules == expected)
    }

    @Test("The comment of a long id is cut to what nft accepts")
    func long() {
        let id = String(repeating: "c", count: 200)
        let long = AttachmentKey(network: "blue", containerID: id, interfaceName: "eth0")
        #expect(SpoofCheck.comment(of: long) == "macspoofchk-" + String(repeating: "c", count: 116))
        #expect(FilterOwners.attachment(long).include(SpoofCheck.comment(of: long)))
    }
}

@Suite("An attachment's packet filters")
struct FilterPlanTests {
    @Test("In nf_tables stands what is not left to iptables")
    func shares() throws {
        let watch = try watcher(key, mac, nil)
        let nft = try masquerade(["10.1.2.3/24"])
        let iptables = try masquerade(["10.1.2.3/24"], .iptables)
        #expect(FilterPlan(key: key, masquerade: nft, spoofCheck: watch).shares == [nft.share, watch.share])
        #expect(FilterPlan(key: key, masquerade: iptables, spoofCheck: watch).shares == [watch.share])
        #expect(FilterPlan(key: key, masquerade: iptables, spoofCheck: nil).shares == [])
        #expect(!FilterPlan(key: key, masquerade: iptables, spoofCheck: nil).isEmpty)
        #expect(FilterPlan(key: key, masquerade: nil, spoofCheck: nil).isEmpty)
    }

    @Test("It is taken back as a whole, and named by its attachment")
    func inverse() throws {
        let plan = FilterPlan(key: key, masquerade: try masquerade(["10.1.2.3/24"]), spoofCheck: nil)
        #expect(Change.filter(plan).inverse == .noFilter(plan))
        #expect(Change.filter(plan).subject == "rules of podman/0123456789abcdef:eth0")
        #expect(Change.noFilter(plan).inverse == nil)
    }
}
