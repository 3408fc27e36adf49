// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@testable import PacketFilter

@Suite("Rules in the kernel", .enabled(if: canUnshare, "needs root"))
struct RuleShapeKernelTests {
    /// What was seen of a rule in a namespace of its own.
    private struct Sight: Sendable {
        var listing = ""
        var relisting = ""
        var json = ""
        var relistedJSON = ""
        var written: [Rule] = []
        var ours: [Rule] = []
        var ourOctets: [[UInt8]] = []
        var theirs: [Rule] = []
        var theirOctets: [[UInt8]] = []
    }

    /// Writes the rule, has nft print the rule set, read that again, and print it again.
    private static func look(at shape: Shape) throws -> Sight {
        try inNewNamespace {
            let socket = try PacketFilterSocket()
            let sets = ShapeSets(shape.family)
            let chain = Chain(sets.table, "c")
            let rule = Rule(chain, shape.statements, comment: "a comment")
            try socket.apply { batch in
                batch.add(sets.table)
                batch.add(Chain(sets.table, "other"))
                batch.add(chain, hook: shape.hook)
                if shape.family != .arp { for set in sets.all { batch.add(set) } }
                batch.add(rule)
            }
            var sight = Sight(written: [rule])
            sight.ours = try socket.rules(of: chain, literalSets: true).map(\.rule)
            sight.ourOctets = try socket.expressionOctets(of: chain)
            sight.listing = try nft("list", "ruleset")
            sight.json = withoutHandles(try nft("-j", "list", "ruleset"))
            try nft("flush", "ruleset")
            try nft("-f", "-", input: sight.listing)
            sight.relisting = try nft("list", "ruleset")
            sight.theirs = try socket.rules(of: chain, literalSets: true).map(\.rule)
            sight.theirOctets = try socket.expressionOctets(of: chain)
            sight.relistedJSON = withoutHandles(try nft("-j", "list", "ruleset"))
            return sight
        }
    }

    @Test(
        "nft prints a rule as it was meant and writes the same, and the kernel has of either what was written",
        arguments: [Shape.addresses, Shape.ports, Shape.packets, Shape.frames, Shape.translations, Shape.actions]
            .flatMap { $0 }
    )
    func rule(shape: Shape) throws {
        let sight = try Self.look(at: shape)
        #expect(ruleLines(of: "c", in: sight.listing) == ["\(shape.text) comment \"a comment\""])
        #expect(sight.relisting == sight.listing)
        #expect(sight.relistedJSON == sight.json)
        #expect(sight.ourOctets == sight.theirOctets)
        #expect(sight.ours.count == 1 && sight.theirs.count == 1)
        for (written, ours) in zip(sight.written, sight.ours) {
            #expect(ours.isEquivalent(to: written), "\(ours.expressions)")
        }
        for (written, theirs) in zip(sight.written, sight.theirs) {
            #expect(theirs.isEquivalent(to: written), "\(theirs.expressions)")
        }
    }

    @Test("Parts of a header that nft would load in one piece it prints like its own", arguments: Shape.neighbours)
    func neighbours(shape: Shape) throws {
        let sight = try Self.look(at: shape)
        #expect(ruleLines(of: "c", in: sight.listing) == ["\(shape.text) comment \"a comment\""])
        #expect(sight.relisting == sight.listing)
        #expect(sight.relistedJSON == sight.json)
        #expect(sight.ours.count == 1)
        for (written, ours) in zip(sight.written, sight.ours) {
            #expect(ours.isEquivalent(to: written), "\(ours.expressions)")
        }
        #expect(sight.ourOctets != sight.theirOctets)
    }
}

extension PacketFilterSocket {
    /// Of each rule of a chain what the kernel has of its expressions, octet for octet.
    fileprivate func expressionOctets(of chain: Chain) throws(KernelError) -> [[UInt8]] {
        let message = NetlinkMessage(type: 0)
        // NLM_F_DUMP; NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS
        message.begin(.getRule, chain.table.family, flags: 0x300)
        message.put(1, chain.table.name)
        message.put(2, chain.name)
        var octets: [[UInt8]] = []
        for reply in try socket.list(NetlinkRequest("list rules", message)) {
            if let expressions = reply.filterBody?.attributes[4] { octets.append(Array(expressions)) }
        }
        return octets
    }
}
