// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import PacketFilter
import TestSupport
import Testing

/// One set with elements: what it is made of, and how nft 1.0.6 prints it.
struct SetShape: Sendable, CustomTestStringConvertible {
    let set: NamedSet
    let elements: [SetElement]
    let lines: [String]

    init(
        _ key: [DataType],
        content: NamedSet.Content = .none,
        flags: NamedSet.Flags = [],
        timeoutMilliseconds: UInt64? = nil,
        size: UInt32? = nil,
        comment: String? = nil,
        _ elements: [SetElement],
        _ lines: [String]
    ) {
        set = NamedSet(
            Table(.inet, "t"),
            "s",
            key: key,
            content: content,
            flags: flags,
            timeoutMilliseconds: timeoutMilliseconds,
            size: size,
            comment: comment
        )
        self.elements = elements
        self.lines = lines
    }

    var testDescription: String { lines.joined(separator: " ") }

    private static func host(_ text: String) -> Datum {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return .address(address)
    }

    private static func network(_ text: String) -> Datum {
        guard let network = CIDR(text) else { preconditionFailure("\(text) is no network") }
        return .network(network)
    }

    static let all: [SetShape] = [
        SetShape([.ipv4Address], [], ["type ipv4_addr"]),
        SetShape(
            [.ipv4Address],
            comment: "a set",
            [SetElement(host("10.0.0.1"), comment: "one")],
            ["type ipv4_addr", "comment \"a set\"", "elements = { 10.0.0.1 comment \"one\" }"]
        ),
        SetShape([.ipv6Address], [SetElement(host("fd00::1"))], ["type ipv6_addr", "elements = { fd00::1 }"]),
        SetShape(
            [.etherAddress],
            [SetElement(.ether(.zero))],
            ["type ether_addr", "elements = { 00:00:00:00:00:00 }"]
        ),
        SetShape([.inetService], [SetElement(.port(80))], ["type inet_service", "elements = { 80 }"]),
        SetShape([.inetProto], [SetElement(.proto(.udp))], ["type inet_proto", "elements = { udp }"]),
        SetShape([.mark], [SetElement(.mark(0x2000))], ["type mark", "elements = { 0x00002000 }"]),
        SetShape([.interfaceName], [SetElement(.name("eth0"))], ["type ifname", "elements = { \"eth0\" }"]),
        SetShape([.interfaceIndex], [SetElement(.mark(1))], ["type iface_index", "elements = { \"lo\" }"]),
        SetShape([.ctState], [SetElement(.state(.new))], ["type ct_state", "elements = { new }"]),
        SetShape(
            [.ipv4Address],
            flags: .interval,
            [SetElement(network("10.0.0.0/8"), comment: "x"), SetElement(host("192.168.0.1"))],
            ["type ipv4_addr", "flags interval", "elements = { 10.0.0.0/8 comment \"x\", 192.168.0.1 }"]
        ),
        SetShape(
            [.ipv4Address],
            flags: .interval,
            [SetElement(network("128.0.0.0/1"), comment: "open")],
            ["type ipv4_addr", "flags interval", "elements = { 128.0.0.0/1 comment \"open\" }"]
        ),
        SetShape(
            [.inetService],
            flags: .interval,
            [SetElement(.ports(1...65535))],
            ["type inet_service", "flags interval", "elements = { 1-65535 }"]
        ),
        SetShape(
            [.inetService],
            flags: .interval,
            [SetElement(.ports(0...80))],
            ["type inet_service", "flags interval", "elements = { 0-80 }"]
        ),
        SetShape(
            [.ipv4Address],
            flags: .interval,
            [SetElement(host("1.2.3.4")), SetElement(host("1.2.3.5"))],
            ["type ipv4_addr", "flags interval", "elements = { 1.2.3.4, 1.2.3.5 }"]
        ),
        SetShape(
            [.interfaceName],
            flags: .interval,
            [SetElement(.name("veth*"))],
            ["type ifname", "flags interval", "elements = { \"veth*\" }"]
        ),
        SetShape(
            [.ipv4Address, .inetProto, .inetService],
            flags: .interval,
            [SetElement(network("10.0.0.0/8"), .proto(.tcp), .ports(80...90), comment: "c")],
            [
                "type ipv4_addr . inet_proto . inet_service", "flags interval",
                "elements = { 10.0.0.0/8 . tcp . 80-90 comment \"c\" }",
            ]
        ),
        SetShape(
            [.interfaceName, .ipv4Address],
            flags: .interval,
            [SetElement(.name("veth*"), host("10.0.0.1"))],
            ["type ifname . ipv4_addr", "flags interval", "elements = { \"veth*\" . 10.0.0.1 }"]
        ),
        SetShape(
            [.mark, .ipv4Address],
            flags: .interval,
            [SetElement(.mark(5), network("10.0.0.0/8"))],
            ["type mark . ipv4_addr", "flags interval", "elements = { 0x00000005 . 10.0.0.0/8 }"]
        ),
        SetShape(
            [.interfaceName, .etherAddress],
            [SetElement(.name("eth0"), .ether(.zero))],
            ["type ifname . ether_addr", "elements = { \"eth0\" . 00:00:00:00:00:00 }"]
        ),
        SetShape(
            [.ipv4Address],
            size: 50,
            [SetElement(host("10.0.0.1"))],
            ["type ipv4_addr", "size 50", "elements = { 10.0.0.1 }"]
        ),
        SetShape([.ipv4Address], flags: .constant, [], ["type ipv4_addr", "flags constant"]),
        SetShape([.ipv4Address], timeoutMilliseconds: 3_600_000, [], ["type ipv4_addr", "timeout 1h"]),
        SetShape(
            [.inetProto, .inetService],
            content: .values([.ipv4Address, .inetService]),
            comment: "ports",
            [
                SetElement(
                    key: [.proto(.tcp), .port(8080)],
                    values: [host("10.0.0.1"), .port(80)],
                    comment: "container 1"
                )
            ],
            [
                "type inet_proto . inet_service : ipv4_addr . inet_service", "comment \"ports\"",
                "elements = { tcp . 8080 comment \"container 1\" : 10.0.0.1 . 80 }",
            ]
        ),
        SetShape(
            [.ipv6Address, .inetProto, .inetService],
            content: .values([.ipv6Address, .inetService]),
            [SetElement(key: [host("fd00::1"), .proto(.udp), .port(53)], values: [host("fd00::2"), .port(53)])],
            [
                "type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service",
                "elements = { fd00::1 . udp . 53 : fd00::2 . 53 }",
            ]
        ),
        SetShape(
            [.inetService],
            content: .values([.ipv4Address]),
            [SetElement(key: [.port(80)], values: [host("10.0.0.1")])],
            ["type inet_service : ipv4_addr", "elements = { 80 : 10.0.0.1 }"]
        ),
        SetShape(
            [.ipv4Address],
            content: .values([.inetService]),
            flags: .interval,
            [
                SetElement(key: [network("10.0.0.0/8")], values: [.port(80)]),
                SetElement(key: [network("128.0.0.0/1")], values: [.port(81)]),
            ],
            ["type ipv4_addr : inet_service", "flags interval", "elements = { 10.0.0.0/8 : 80, 128.0.0.0/1 : 81 }"]
        ),
        SetShape(
            [.ipv4Address],
            content: .values([.mark]),
            [SetElement(key: [host("10.0.0.1")], values: [.mark(5)])],
            ["type ipv4_addr : mark", "elements = { 10.0.0.1 : 0x00000005 }"]
        ),
        SetShape(
            [.interfaceName, .interfaceName],
            content: .verdict,
            [SetElement(key: [.name("a"), .name("b")], verdict: .jump("other"), comment: "way")],
            ["type ifname . ifname : verdict", "elements = { \"a\" . \"b\" comment \"way\" : jump other }"]
        ),
        SetShape(
            [.interfaceName],
            content: .verdict,
            [SetElement(key: [.name("a")], verdict: .drop)],
            ["type ifname : verdict", "elements = { \"a\" : drop }"]
        ),
        SetShape(
            [.ipv4Address],
            content: .verdict,
            flags: .interval,
            [SetElement(key: [network("10.0.0.0/8")], verdict: .goto("other"))],
            ["type ipv4_addr : verdict", "flags interval", "elements = { 10.0.0.0/8 : goto other }"]
        ),
    ]
}

@Suite("Sets in the kernel", .enabled(if: canUnshare, "needs root"))
struct SetKernelTests {
    private struct Sight: Sendable {
        var listing = ""
        var relisting = ""
        var json = ""
        var relistedJSON = ""
        var ours: InstalledSet?
        var theirs: InstalledSet?
        var ourElements: [SetElement] = []
        var theirElements: [SetElement] = []
        var found: [SetElement?] = []
        var missing: SetElement?
        var isEmpty: [Bool] = []
    }

    private static func look(at shape: SetShape) throws -> Sight {
        try inNewNamespace {
            let socket = try PacketFilterSocket()
            var sight = Sight()
            try socket.apply { batch in
                batch.add(shape.set.table)
                batch.add(Chain(shape.set.table, "other"))
                batch.add(shape.set)
            }
            sight.isEmpty.append(try socket.isEmpty(shape.set))
            try socket.apply { $0.add(shape.elements, to: shape.set) }
            sight.isEmpty.append(try socket.isEmpty(shape.set))
            sight.ours = try socket.set(named: shape.set.name, of: shape.set.table)
            sight.ourElements = try socket.elements(of: shape.set)
            sight.found = try shape.elements.map { try socket.element($0.key, of: shape.set) }
            sight.listing = try nft("list", "ruleset")
            sight.json = withoutHandles(try nft("-j", "list", "ruleset"))
            try nft("flush", "ruleset")
            try nft("-f", "-", input: sight.listing)
            sight.relisting = try nft("list", "ruleset")
            sight.relistedJSON = withoutHandles(try nft("-j", "list", "ruleset"))
            sight.theirs = try socket.set(named: shape.set.name, of: shape.set.table)
            sight.theirElements = try socket.elements(of: shape.set)
            try socket.apply { $0.delete(shape.elements, from: shape.set) }
            sight.isEmpty.append(try socket.isEmpty(shape.set))
            if let element = shape.elements.first { sight.missing = try socket.element(element.key, of: shape.set) }
            return sight
        }
    }

    @Test(
        "nft prints a set as it was meant and writes the same, and it is read as it was written",
        arguments: SetShape.all
    )
    func shape(shape: SetShape) throws {
        let sight = try Self.look(at: shape)
        let body = sight.listing.split(separator: "\n").map { $0.drop { $0 == "\t" } }
            .drop { $0 != "\(shape.set.noun) s {" }.dropFirst().prefix { $0 != "}" }
        // nft breaks long lists of elements into lines.
        let lines = body.joined(separator: "\n").replacing(",\n ", with: ",").split(separator: "\n").map(String.init)
        #expect(lines.map { $0.replacing(/, +/, with: ", ") } == shape.lines)
        #expect(sight.relisting == sight.listing)
        #expect(sight.relistedJSON == sight.json)
        #expect(sight.ours?.set == Self.asRead(shape.set))
        #expect(sight.theirs?.set == sight.ours?.set)
        #expect(Set(sight.ourElements) == Set(shape.elements))
        #expect(Set(sight.theirElements) == Set(shape.elements))
        #expect(sight.found == shape.elements)
        #expect(sight.missing == nil)
        #expect(sight.isEmpty == [true, shape.elements.isEmpty, true])
    }

    /// The kernel adds the flag that goes with a timeout.
    private static func asRead(_ set: NamedSet) -> NamedSet {
        var set = set
        if set.timeoutMilliseconds != nil { set.flags.insert(.timeout) }
        return set
    }
}
