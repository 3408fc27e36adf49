// SPDX-License-Identifier: Apache-2.0
import Addressing
import Netlink
import Testing

@testable import PacketFilter

@Suite("Messages from the packet filter")
struct DecodingTests {
    private static let ports = PortRewrite(from: .word(4), to: .word(8), flags: [.random, .persistent])
    private static let log: Log = {
        var log = Log(prefix: "abc", level: 6, flags: 3, group: 5)
        log.snapLength = 128
        log.queueThreshold = 7
        return log
    }()

    static let expressions: [Expression] = [
        .payload(base: .network, offset: 12, length: 4, to: .word(0)),
        .payloadSet(
            base: .transport,
            offset: 2,
            length: 2,
            from: .word(5),
            checksum: PayloadChecksum(type: 1, offset: 10, flags: 1)
        ),
        .meta(.iifname, to: .word(4)), .metaSet(.mark, from: .word(0)),
        .ct(.state, direction: nil, to: .word(0)), .ct(.ipSource, direction: 1, to: .word(0)),
        .ctSet(.mark, direction: nil, from: .word(0)), .ctSet(.zone, direction: 0, from: .word(0)),
        .compare(.greaterOrEqual, .word(1), [1, 2]),
        .range(isInverted: true, .word(0), from: [0, 1], to: [0, 9]),
        .range(isInverted: false, .word(0), from: [0, 1], to: [0, 9]),
        .bitwise(source: .word(0), target: .word(4), mask: [0xff, 0], xor: [0, 1]),
        .byteorder(source: .word(1), target: .word(1), toNetwork: true, length: 4, size: 4),
        .byteorder(source: .word(1), target: .word(1), toNetwork: false, length: 4, size: 2),
        .immediate(to: .word(0), [10, 0, 0, 1]),
        .verdict(.accept), .verdict(.drop), .verdict(.continue), .verdict(.return), .verdict(.jump("other")),
        .verdict(.goto("other")),
        .lookup(Lookup(.named("s"), key: .word(0))), .lookup(Lookup(.named("s"), key: .word(0), target: .inverted)),
        .lookup(Lookup(.named("s"), key: .word(0), target: .verdict)),
        .lookup(Lookup(.named("s"), key: .word(0), target: .register(.word(4)))),
        .nat(
            NAT(isDestination: true, family: .v6, addressFrom: .word(0), addressTo: .word(12), ports: ports)
        ),
        .nat(NAT(isDestination: false, family: .v4, addressFrom: .word(0))),
        .masquerade(PortRewrite()), .masquerade(ports), .redirect(ports), .redirect(PortRewrite(from: .word(0))),
        .counter(packets: 5, bytes: 1 << 40),
        .limit(Limit(10, per: .minute, burst: 0, countsBytes: true, isInverted: true)),
        .limit(Limit(10, per: .week)),
        .log(Log()), .log(log),
        .reject(type: 1, code: 0), .reject(type: 2, code: 3),
        .fib(.addressType, [.daddr, .iif], to: .word(0)),
        .numberGenerator(NumberGenerator(isRandom: true, modulus: 5, offset: 6), to: .word(0)),
        .numberGenerator(NumberGenerator(isRandom: false, modulus: 5), to: .word(0)),
        .hash(source: .word(4), length: 8, modulus: 4, seed: 7, offset: 3, to: .word(0)),
        .hash(source: .word(4), length: 8, modulus: 4, seed: nil, offset: 0, to: .word(0)),
        .connectionLimit(count: 5, isInverted: true), .connectionLimit(count: 5, isInverted: false),
        .quota(bytes: 100, consumed: 5, isInverted: true),
        .notrack,
        .unknown(name: "tunnel", octets: [8, 0, 1, 0, 0, 0, 0, 1]),
    ]

    private static let rule = Rule(chain, expressions: expressions, comment: "ä comment")

    @Test("An expression is read as it was written", arguments: expressions)
    func roundTrip(expression: Expression) throws {
        let written = messages { $0.add(Rule(chain, expressions: [expression])) }
        let body = try #require(written.first.flatMap { reply($0) }?.filterBody)
        // NFTA_RULE_EXPRESSIONS
        let list = try #require(body.attributes[4])
        #expect(Expression.list(NetlinkAttributes(list)) == [expression])
    }

    @Test("What we do not know in an expression makes it unknown, and it is written again as it was")
    func unknownParts() throws {
        // A shift instead of a mask: operation 1.
        let shift = Expression.unknown(name: "bitwise", octets: [8, 0, 6, 0, 0, 0, 0, 1])
        let written = messages { $0.add(Rule(chain, expressions: [shift])) }
        let list = try #require(written.first.flatMap { reply($0) }?.filterBody?.attributes[4])
        #expect(Expression.list(NetlinkAttributes(list)) == [shift])
    }

    /// Of what is cut off somewhere a part may be read, or nothing; but never anything behind the end.
    @Test("A rule that is cut off at any octet is read as far as it goes")
    func cutOffRules() throws {
        let whole = try #require(messages { $0.add(Self.rule) }.first)
        let list = try #require(reply(whole)?.filterBody?.attributes[4])
        var lengths: [Int] = []
        for count in 0...list.count {
            let read = Expression.list(NetlinkAttributes(Array(list.prefix(count))[...]))
            #expect(read.count <= Self.expressions.count)
            lengths.append(zip(read, Self.expressions).prefix { $0 == $1 }.count)
        }
        #expect(lengths.last == Self.expressions.count)
        #expect(lengths == lengths.sorted())
    }

    @Test("Any message cut off at any octet, and with any octet changed, does no harm")
    func cutOffMessages() {
        let elements = [SetElement(key: [.port(80), .proto(.tcp)], values: [.mark(5)], comment: "c")]
        let map = NamedSet(table, "m", key: [.inetService, .inetProto], content: .values([.mark]), comment: "c")
        let all = messages { batch in
            batch.add(table, comment: "c")
            batch.add(chain, hook: ChainHook(.filter, .forward, priority: .filter, policy: .drop), comment: "c")
            batch.add(map)
            batch.add(elements, to: map)
            batch.add(Self.rule)
        }
        var readable = 0
        for message in all {
            for index in message.indices {
                readable += Self.read(Array(message.prefix(index)))
                // A shorter header, so that the payload ends in the middle of something.
                var shorter = message
                shorter[0] = UInt8(truncatingIfNeeded: index)
                shorter[1] = UInt8(truncatingIfNeeded: index >> 8)
                readable += Self.read(shorter)
                for change in [0x00, 0x01, 0x7f, 0xff] as [UInt8] {
                    var changed = message
                    changed[index] ^= change
                    readable += Self.read(changed)
                }
            }
        }
        #expect(readable > 0)
    }

    /// Reads a message as everything there is.
    private static func read(_ octets: [UInt8]) -> Int {
        guard let message = reply(octets) else { return 0 }
        let elements = ListedElement.list(message, values: [.mark])
        let form = ElementForm(key: [.inetService, .inetProto], hasRanges: true)
        _ = ListedElement.assemble(elements, form)
        _ = ListedElement.assemble(elements, ElementForm(key: [.mark], hasRanges: true))
        let isReadable =
            InstalledTable(message) != nil || InstalledChain(message) != nil || InstalledRule(message) != nil
            || InstalledSet(message) != nil || !elements.isEmpty
        return isReadable ? 1 : 0
    }

    @Test("Beginnings and ends of ranges are put together, in whatever order they come")
    func ranges() throws {
        let set = NamedSet(table, "s", key: [.inetService], flags: .interval)
        let elements = [
            SetElement(.ports(0...9)), SetElement(.port(10), comment: "touches"), SetElement(.ports(80...90)),
            SetElement(.ports(60000...65535)),
        ]
        let message = try #require(messages { $0.add(elements.reversed(), to: set) }.first.flatMap { reply($0) })
        let listed = ListedElement.list(message, values: [])
        #expect(ListedElement.assemble(listed, set.form) == elements)
        #expect(ListedElement.assemble(listed.reversed(), set.form) == elements)
    }

    @Test("What is listed twice is there once")
    func duplicates() throws {
        let set = NamedSet(table, "s", key: [.inetService, .inetService], flags: .interval)
        let elements = [
            SetElement(.port(1), .ports(2...3)), SetElement(.port(1), .ports(2...4)), SetElement(.port(2), .port(1)),
        ]
        let message = try #require(messages { $0.add(elements + elements, to: set) }.first.flatMap { reply($0) })
        let listed = ListedElement.list(message, values: [])
        #expect(listed.count == 6)
        let once = ListedElement.sortedOnce(listed)
        #expect(ListedElement.assemble(once, set.form) == elements)
        #expect(ListedElement.haveSameKeys(once, ListedElement.sortedOnce(listed.reversed())))
        #expect(!ListedElement.haveSameKeys(once, listed) && !ListedElement.haveSameKeys(once, once.reversed()))
    }

    @Test("A mark in a set of ranges is compared in network order, and read as it was")
    func marks() throws {
        let set = NamedSet(table, "s", key: [.mark, .inetService], flags: .interval)
        let elements = [SetElement(.mark(0x1234), .ports(1...2))]
        let message = try #require(messages { $0.add(elements, to: set) }.first.flatMap { reply($0) })
        let listed = ListedElement.list(message, values: [])
        #expect(listed.map(\.key) == [[0, 0, 0x12, 0x34, 0, 1, 0, 0]])
        #expect(ListedElement.assemble(listed, set.form) == elements)
    }

    @Test("User data is found by its type, and what is cut off is not there")
    func userData() {
        var data = UserData()
        data.put(1, 7)
        data.put(0, text: "comment")
        let octets = data.octets
        #expect(UserData.text(of: 0, in: octets[...]) == "comment")
        #expect(UserData.value(of: 2, in: octets[...]) == nil)
        for count in 0..<octets.count { #expect(UserData.text(of: 0, in: octets.prefix(count)) == nil) }
    }
}
