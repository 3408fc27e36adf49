// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import TestSupport
import Testing

@testable import PacketFilter

private let table = Table(.inet, "t")
private let chain = Chain(table, "c")
private let ports = NamedSet(
    table,
    "ports",
    key: [.inetProto, .inetService],
    content: .values([.ipv4Address, .inetService])
)

private func mapping(_ port: UInt16, to backend: UInt16 = 80, comment: String? = nil) -> SetElement {
    SetElement(
        key: [.proto(.tcp), .port(port)],
        values: [.address(IPAddress(v4: 0x0a00_0002)), .port(backend)],
        comment: comment
    )
}

extension Batch {
    /// The table, the chain and the map that these tests are about.
    fileprivate mutating func addEverything() {
        add(table)
        add(chain, hook: ChainHook(.nat, .prerouting, priority: .dstnat))
        add(ports)
    }
}

@Suite("Batches in the kernel", .enabled(if: canUnshare, "needs root"))
struct BatchKernelTests {
    @Test("Of an empty rule set everything is absent, and nothing of it an error")
    func absent() throws {
        let seen = try inNewNamespace {
            let socket = try PacketFilterSocket()
            var seen = [
                try socket.tables().isEmpty, try socket.table(table) == nil, try socket.chains(of: table).isEmpty,
                try socket.chain(chain) == nil, try socket.rules(of: chain).isEmpty,
                try socket.rule(7, of: chain) == nil, try socket.sets(of: table).isEmpty,
                try socket.set(named: "ports", of: table) == nil, try socket.isEmpty(ports),
                try socket.elements(of: ports).isEmpty, try socket.element(mapping(1).key, of: ports) == nil,
            ]
            try socket.apply { $0.add(table) }
            seen += [
                try socket.chains(of: table).isEmpty, try socket.chain(chain) == nil,
                try socket.rules(of: chain).isEmpty, try socket.rule(7, of: chain) == nil,
                try socket.sets(of: table).isEmpty, try socket.isEmpty(ports),
                try socket.element(mapping(1).key, of: ports) == nil,
            ]
            try socket.apply { $0.addEverything() }
            seen += [
                try socket.rules(of: chain).isEmpty, try socket.rule(7, of: chain) == nil, try socket.isEmpty(ports),
                try socket.elements(of: ports).isEmpty, try socket.element(mapping(1).key, of: ports) == nil,
            ]
            return seen
        }
        #expect(seen == [Bool](repeating: true, count: 23))
    }

    @Test("An empty batch is nothing to do, and leaves the generation alone")
    func empty() throws {
        let generations = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let before = try socket.generation()
            try socket.apply { _ in }
            try socket.update { _ in }
            return [before, try socket.generation()]
        }
        #expect(generations[0] == generations[1])
    }

    @Test("Tables and chains come back as they were made")
    func tablesAndChains() throws {
        let seen = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let hook = ChainHook(.filter, .forward, priority: .filter + -5, policy: .drop)
            try socket.apply { batch in
                batch.add(table, comment: "a table")
                batch.add(Table(.ip, "t"))
                batch.add(chain, hook: hook, comment: "a chain")
                batch.add(Chain(table, "other"))
                batch.add(Chain(Table(.ip, "t"), "c"))
                batch.add(Rule(chain, [.jump("other")]))
            }
            return (
                try socket.tables().map(\.table), try socket.table(table), try socket.chains(of: table),
                try socket.chain(chain), try socket.chain(Chain(table, "other")), try nft("list", "ruleset"), hook
            )
        }
        #expect(Set(seen.0) == [table, Table(.ip, "t")])
        #expect(seen.1?.comment == "a table" && seen.1?.useCount == 2)
        #expect(seen.2.map(\.chain) == [chain, Chain(table, "other")])
        #expect(seen.3?.hook == seen.6 && seen.3?.comment == "a chain" && seen.3?.useCount == 1)
        #expect(seen.4?.hook == nil && seen.4?.comment == nil && seen.4?.useCount == 1)
        #expect(seen.5.contains("type filter hook forward priority filter - 5; policy drop;"))
        #expect(seen.5.contains("comment \"a table\"") && seen.5.contains("comment \"a chain\""))
    }

    @Test(
        "Hooks of every family print by nft's names for their priorities",
        arguments: [
            (Family.ip, ChainHook(.nat, .postrouting, priority: .srcnat), "priority srcnat"),
            (.ip6, ChainHook(.filter, .prerouting, priority: .raw), "priority raw"),
            (.inet, ChainHook(.filter, .input, priority: .security), "priority security"),
            (.inet, ChainHook(.route, .output, priority: .mangle), "priority mangle"),
            (
                .inet, ChainHook(.filter, .ingress, priority: .filter, device: "lo"),
                "ingress device \"lo\" priority filter"
            ),
            (.netdev, ChainHook(.filter, .ingress, priority: .filter, device: "lo"), "device \"lo\" priority filter"),
            (.bridge, ChainHook(.filter, .prerouting, priority: .bridgeDstnat), "priority dstnat"),
            (.bridge, ChainHook(.filter, .forward, priority: .bridgeFilter), "priority filter"),
            (.bridge, ChainHook(.filter, .output, priority: .bridgeOut), "priority out"),
            (.bridge, ChainHook(.filter, .postrouting, priority: .bridgeSrcnat), "priority srcnat"),
            (.arp, ChainHook(.filter, .output, priority: .filter), "hook output priority filter"),
        ]
    )
    func hooks(family: Family, hook: ChainHook, text: String) throws {
        let (listing, read) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let chain = Chain(Table(family, "t"), "c")
            try socket.apply { batch in
                batch.add(chain.table)
                batch.add(chain, hook: hook)
            }
            return (try nft("list", "ruleset"), try socket.chain(chain)?.hook)
        }
        #expect(listing.contains("type \(hook.kind.name) hook "))
        #expect(listing.contains("\(text); policy accept;"))
        var expected = hook
        expected.policy = .accept
        #expect(read == expected)
    }

    @Test("Rules are put where they are told, replaced and removed by handle")
    func positions() throws {
        let steps = try inNewNamespace {
            let socket = try PacketFilterSocket()
            var steps: [[String?]] = []
            func rule(_ name: String) -> Rule { Rule(chain, [.counter], comment: name) }
            func names() throws -> [String?] { try socket.rules(of: chain).map(\.rule.comment) }
            func handle(_ name: String) throws -> UInt64 {
                try socket.rules(of: chain).first { $0.rule.comment == name }?.handle ?? 0
            }
            try socket.apply { batch in
                batch.addEverything()
                batch.add(rule("b"))
                batch.add(rule("d"))
                batch.insert(rule("a"))
            }
            steps.append(try names())
            let (b, d) = (try handle("b"), try handle("d"))
            try socket.apply { batch in
                batch.add(rule("c"), after: b)
                batch.insert(rule("c2"), before: d)
            }
            steps.append(try names())
            steps.append([try socket.rule(b, of: chain)?.rule.comment])
            try socket.apply { batch in
                batch.replace(b, with: rule("B"))
                batch.deleteRule(d, of: chain)
            }
            steps.append(try names())
            try socket.apply { $0.flush(chain) }
            steps.append(try names())
            return steps
        }
        #expect(steps == [["a", "b", "d"], ["a", "b", "c", "c2", "d"], ["b"], ["a", "B", "c", "c2"], []])
    }

    @Test("What is destroyed may be absent, what is deleted may not", arguments: [true, false])
    func destroy(asksToDestroy: Bool) throws {
        let (refusals, left) = try inNewNamespace {
            let socket = try PacketFilterSocket(asksToDestroy: asksToDestroy)
            var refusals: [KernelError?] = []
            let interval = NamedSet(table, "interval", key: [.inetService], flags: .interval)
            for _ in 0..<2 {
                try socket.apply { batch in
                    batch.addEverything()
                    batch.add(Chain(table, "other"))
                    batch.add(interval)
                    batch.add([mapping(1), mapping(2)], to: ports)
                    batch.add([SetElement(.ports(5...9))], to: interval)
                    batch.add(Rule(chain, [.accept]))
                }
                let handle = try socket.rules(of: chain).first?.handle ?? 0
                for _ in 0..<2 {
                    refusals.append(
                        objection(socket) { batch in
                            batch.destroyRule(handle, of: chain)
                            batch.destroy([mapping(1), mapping(2), mapping(3)], from: ports)
                            batch.destroy([SetElement(.ports(5...9)), SetElement(.ports(6...7))], from: interval)
                        }
                    )
                }
                for _ in 0..<2 {
                    refusals.append(
                        objection(socket) { batch in
                            batch.destroy(ports)
                            batch.destroy(Chain(table, "other"))
                        }
                    )
                }
                for _ in 0..<2 { refusals.append(objection(socket) { $0.destroy(table) }) }
            }
            return (refusals, try socket.tables())
        }
        #expect(refusals == [KernelError?](repeating: nil, count: 12))
        #expect(left == [])
    }

    @Test("Deleting what is absent is refused by its name")
    func deleteAbsent() throws {
        let refusals = try inNewNamespace {
            let socket = try PacketFilterSocket()
            var refusals = [objection(socket) { $0.delete(table) }]
            try socket.apply { $0.addEverything() }
            refusals.append(objection(socket) { $0.delete(Chain(table, "gone")) })
            refusals.append(objection(socket) { $0.delete(NamedSet(table, "gone", key: [.mark])) })
            refusals.append(objection(socket) { $0.deleteRule(4711, of: chain) })
            refusals.append(objection(socket) { $0.delete([mapping(1)], from: ports) })
            refusals.append(objection(socket) { $0.flush(Chain(table, "gone")) })
            return refusals
        }
        #expect(
            refusals.map { $0?.operation } == [
                "delete table inet t", "delete chain inet t gone", "delete set inet t gone",
                "delete rule inet t c handle 4711", "delete element inet t ports { tcp . 1 }",
                "flush chain inet t gone",
            ]
        )
        #expect(refusals.map { $0?.errno } == [Errno?](repeating: .noSuchFileOrDirectory, count: 6))
    }

    @Test("An error names the command, the rule or the element that was refused")
    func errors() throws {
        let refusals = try inNewNamespace {
            let socket = try PacketFilterSocket()
            try socket.apply { $0.addEverything() }
            try socket.apply { $0.add([mapping(1)], to: ports) }
            var refusals: [KernelError?] = []
            refusals.append(
                objection(socket) { $0.add(Rule(Chain(table, "gone"), [.tcpDport(80), .drop], comment: "x")) }
            )
            refusals.append(objection(socket) { $0.create(table) })
            refusals.append(objection(socket) { $0.create(chain) })
            refusals.append(objection(socket) { $0.create(ports) })
            refusals.append(objection(socket) { $0.add([mapping(2), mapping(1, to: 81), mapping(3)], to: ports) })
            refusals.append(objection(socket) { $0.create([mapping(4), mapping(5), mapping(1)], in: ports) })
            refusals.append(objection(socket) { $0.add([mapping(1)], to: ports) })
            return refusals
        }
        #expect(
            refusals.map { $0?.operation } == [
                "add rule inet t gone meta == 0x06 @th,16,16 == 0x0050 drop comment \"x\"", "create table inet t",
                "create chain inet t c", "create map inet t ports", "add element inet t ports { tcp . 1 }",
                "create element inet t ports { tcp . 1 }", nil,
            ]
        )
        #expect(
            refusals.map { $0?.errno } == [
                .noSuchFileOrDirectory, .fileExists, .fileExists, .fileExists, .fileExists, .fileExists, nil,
            ]
        )
    }

    @Test("A chain that is jumped to, and a set that is looked into, cannot be deleted")
    func inUse() throws {
        let refusals = try inNewNamespace {
            let socket = try PacketFilterSocket()
            try socket.apply { batch in
                batch.addEverything()
                batch.add(Chain(table, "other"))
                batch.add(Rule(chain, [.jump("other")]))
                batch.add(Rule(chain, [.dnat(.map([.metaL4proto, .thDport], ports), [])]))
            }
            var refusals = [
                objection(socket) { $0.delete(Chain(table, "other")) }, objection(socket) { $0.delete(ports) },
            ]
            do throws(KernelError) {
                try socket.update { batch in batch.delete(ports) }
            } catch {
                refusals.append(error)
            }
            return refusals
        }
        #expect(refusals.map { $0?.errno } == [.busy, .busy, .busy])
        #expect(
            refusals.map { $0?.operation } == [
                "delete chain inet t other", "delete map inet t ports", "delete map inet t ports",
            ]
        )
    }

    @Test("One command that is refused keeps the whole batch away", arguments: 0..<5)
    func atomicity(position: Int) throws {
        let (refusal, before, after) = try inNewNamespace {
            let socket = try PacketFilterSocket()
            try socket.apply { $0.addEverything() }
            let before = try nft("list", "ruleset")
            let refusal = objection(socket) { batch in
                for index in 0..<5 {
                    if index == position {
                        batch.delete(Chain(table, "gone"))
                    } else {
                        batch.add(Chain(table, "new\(index)"))
                        batch.add(Rule(Chain(table, "new\(index)"), [.member([.tcpDport], .literal(literal)), .drop]))
                        batch.add([mapping(UInt16(index + 1))], to: ports)
                    }
                }
            }
            return (refusal, before, try nft("list", "ruleset"))
        }
        #expect(refusal?.operation == "delete chain inet t gone")
        #expect(after == before)
    }

    private var literal: [SetElement] { [SetElement(.port(80)), SetElement(.port(443))] }
}
