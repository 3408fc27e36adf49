// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("Ways to addresses", .enabled(if: canUnshare, "needs root"))
struct WayKernelTests {
    /// Runs ip(8), which knows all types of routes.
    private static func ip(_ words: String) throws {
        let arguments = ["ip"] + words.split(separator: " ").map(String.init)
        let child = try ChildProcess.run("/usr/sbin/ip", arguments, environment: [], input: [])
        guard child.ending == .exited(0) else { throw Malformed(text: words) }
    }

    /// Whether each address is the host's own, and whether it is reached through the bridge or at all.
    private static func look(_ addresses: [String], _ commands: [String] = []) throws -> [String] {
        try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            for text in ["10.1.2.3/24", "fd00::5/64"] {
                try socket.execute(.addAddress(try cidr(text), to: index, name: "br0"))
            }
            for words in commands { try ip(words) }
            return try addresses.map { text in
                let address = try cidr(text + (text.contains(":") ? "/128" : "/32")).address
                let link = try socket.outgoingLink(towards: address)
                let way = link == index ? "br0" : link == 1 ? "lo" : link == nil ? "none" : "other"
                return try "\(text) \(way)\(socket.isLocal(address) ? " local" : "")"
            }
        }
    }

    @Test("The host's own addresses are local, its neighbours are behind their link, others nowhere")
    func ways() throws {
        let expected = [
            "127.0.0.1 lo local", "127.9.9.9 lo local", "10.1.2.3 lo local", "10.1.2.9 br0", "9.9.9.9 none",
            "::1 lo local", "fd00::9 br0", "2001:db8::1 none",
        ]
        #expect(try Self.look(expected.map { String($0.prefix { $0 != " " }) }) == expected)
    }

    @Test("An address of IPv6 becomes local, and its neighbours stay behind the link")
    func local6() throws {
        let seen = try inNewNamespace {
            let socket = try NetlinkSocket()
            let link = try socket.makeBridge("br0")
            try Self.ip("addr add fd00::7/64 dev br0 nodad")
            let (own, other) = (try cidr("fd00::7/64").address, try cidr("fd00::8/64").address)
            try Self.awaitLocal(own, onLink: nil, on: socket)
            return [
                try socket.isLocal(own), try socket.outgoingLink(towards: own) == 1, try socket.isLocal(other),
                try socket.outgoingLink(towards: other) == link.index,
            ]
        }
        #expect(seen == [true, true, false, true])
    }

    /// The kernel takes an address of IPv6 into use in a work of its own, a moment after it was added.
    private static func awaitLocal(
        _ address: IPAddress,
        onLink link: Int32?,
        on socket: borrowing NetlinkSocket
    ) throws {
        let end = Machine.bootNanoseconds + 20_000_000_000
        while try !socket.isLocal(address, onLink: link), Machine.bootNanoseconds < end {
            Machine.pause(.milliseconds(5))
        }
    }

    @Test("A link-local address is the host's own on the link that has it, and on no other")
    func linkLocal() throws {
        let seen = try inNewNamespace {
            let socket = try NetlinkSocket()
            let links = try ["br0", "br1"].map { try socket.makeBridge($0).index }
            try Self.ip("addr add fe80::77/64 dev br0 nodad")
            let address = try cidr("fe80::77/64").address
            try Self.awaitLocal(address, onLink: links[0], on: socket)
            return try links.map { try socket.isLocal(address, onLink: $0) }
        }
        #expect(seen == [true, false])
    }

    @Test(
        "A route that leads nowhere is none, and no error",
        arguments: ["unreachable", "prohibit", "blackhole", "throw"]
    )
    func dead(type: String) throws {
        let seen = try Self.look(
            ["10.9.0.1", "fd09::1", "10.1.2.9"],
            ["route add \(type) 10.9.0.0/16", "-6 route add \(type) fd09::/64"]
        )
        #expect(seen == ["10.9.0.1 none", "fd09::1 none", "10.1.2.9 br0"])
    }

    @Test("A link lets packets of 127.0.0.0/8 through as soon as it is told, and others do not")
    func routeLocalnet() throws {
        let values = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            _ = try socket.makeBridge("br1")
            try socket.execute(.setRouteLocalnet(link: index))
            return try ["br0", "br1"].map { try Sysctl("ipv4", link: $0, "route_localnet").read() }
        }
        #expect(values == ["1", "0"])
    }

    @Test("A port that is isolated stays a hairpin")
    func isolation() throws {
        let ports = try inNewNamespace {
            let socket = try NetlinkSocket()
            let bridge = try socket.makeBridge("br0")
            let other = try anotherNamespace()
            try socket.execute(.addVethPair(pair(), bridge: bridge.index, namespace: other.rawDescriptor))
            let port = try socket.required("veth0")
            try socket.execute(.setPort(port.index, name: "veth0", .init(isHairpin: true, isIsolated: false)))
            let before = try socket.required("veth0").port
            try socket.execute(.isolatePort(port.index, name: "veth0"))
            return [before, try socket.required("veth0").port]
        }
        #expect(ports.map { $0?.isHairpin } == [true, true])
        #expect(ports.map { $0?.isIsolated } == [false, true])
    }
}
