// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import TestSupport
import Testing

@testable import IPTables

@Suite("The reference's firewall", .enabled(if: canUnshare && hasReference, "needs root and the reference plugins"))
struct ReferenceFirewallTests {
    private static let hosts = addresses.compactMap { CIDR($0)?.address }
    private static let firewall = IPTablesFirewall(adminChain: "MY-ADMIN")
    private static let members =
        #""backend": "iptables", "iptablesAdminChainName": "MY-ADMIN", "prevResult": \#(previous(addresses))"#
    private static let isolating = #""ingressPolicy": "same-bridge", "# + members

    @Test("Leave to forward stands there as the reference writes it, to the letter", arguments: Kind.all)
    func forwarding(kind: Kind) throws {
        let theirs = try layout(kind, .filter) { _ in try reference("firewall", "ADD", Self.members, kind.variant) }
        let ours = try layout(kind, .filter) { tool in
            try tool.edit(.filter) { Self.firewall.install(Self.hosts, in: &$0) }
        }
        #expect(theirs.count == 6)
        #expect(ours == theirs)
    }

    @Test(
        "Isolation stands there as the reference writes it, but for the remark of later releases",
        arguments: Kind.all
    )
    func isolation(kind: Kind) throws {
        let theirs = try layout(kind, .filter) { _ in try reference("firewall", "ADD", Self.isolating, kind.variant) }
        let ours = try layout(kind, .filter) { tool in
            try tool.edit(.filter) { edit in
                Self.firewall.install(Self.hosts, in: &edit)
                IPTablesFirewall.isolate("cni0", .sameBridge, in: &edit)
            }
        }
        let older = ours.map { line in
            line.split(separator: "|isolated", omittingEmptySubsequences: false).joined()
        }
        #expect(theirs.count == 13)
        #expect(older == theirs)
        #expect(ours.filter { $0.contains("|isolated") }.count == 4)
    }

    @Test("Behind the reference nothing is left to do, and nothing is doubled", arguments: Kind.all)
    func afterwards(kind: Kind) throws {
        let didSomething = try inNewNamespace {
            try reference("firewall", "ADD", Self.isolating, kind.variant)
            return try kind.tool().edit(.filter) { edit in
                IPTablesFirewall.isolate("cni0", .sameBridge, in: &edit)
                Self.firewall.install(Self.hosts, in: &edit)
            }
        }
        #expect(!didSomething)
    }

    @Test("The reference finds our rules, and removes them", arguments: Kind.all)
    func understood(kind: Kind) throws {
        let left = try layout(kind, .filter) { tool in
            for family in [AddressFamily.v4, .v6] {
                try IPTablesTool(family, kind.variant).edit(.filter) { Self.firewall.install(Self.hosts, in: &$0) }
            }
            try reference("firewall", "CHECK", Self.members, kind.variant)
            try reference("firewall", "DEL", Self.members, kind.variant)
        }
        #expect(left.filter { $0.contains("ACCEPT") } == [])
        #expect(left.count == 4)
    }

    @Test("We remove the reference's rules", arguments: Kind.all)
    func removed(kind: Kind) throws {
        let left = try layout(kind, .filter) { tool in
            try reference("firewall", "ADD", Self.members, kind.variant)
            try tool.edit(.filter) { Self.firewall.remove(Self.hosts, from: &$0) }
        }
        #expect(left.filter { $0.contains("ACCEPT") } == [])
        #expect(left.count == 4)
    }
}
