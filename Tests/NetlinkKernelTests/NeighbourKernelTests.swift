// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import Netlink
import TestSupport
import Testing

@Suite("The host's neighbours", .enabled(if: canUnshare, "needs root"))
struct NeighbourKernelTests {
    private static func run(_ program: String, _ words: String) throws {
        let arguments = [program] + words.split(separator: " ").map(String.init)
        let child = try ChildProcess.run("/usr/sbin/\(program)", arguments, environment: [], input: [])
        guard child.ending == .exited(0) else { throw Malformed(text: words) }
    }

    @Test("Of each address the table says who has it, if it says anything", arguments: ["10.1.2.9", "fd00::9"])
    func table(text: String) throws {
        let seen = try inNewNamespace {
            let socket = try NetlinkSocket()
            let index = try socket.makeBridge("br0").index
            let other = try socket.makeBridge("br1").index
            let address = try cidr(text + (text.contains(":") ? "/128" : "/32")).address
            var seen = [try socket.neighbour(address, onLink: index)]
            for state in ["stale", "permanent", "reachable"] {
                try Self.run("ip", "neighbour replace \(text) lladdr 02:00:00:00:00:06 dev br0 nud \(state)")
                seen.append(try socket.neighbour(address, onLink: index))
            }
            seen += [try socket.neighbour(address, onLink: other), try socket.neighbour(address, onLink: 999)]
            try socket.execute(.deleteNeighbour(address, onLink: index))
            return seen + [try socket.neighbour(address, onLink: index)]
        }
        // Until nobody uses it any more, the kernel keeps what was forgotten as a failure.
        #expect(seen.dropLast().map { $0?.state } == [nil, .known, .permanent, .known, nil, nil])
        #expect(seen.dropLast().map { $0?.address } == [nil, address6, address6, address6, nil, nil])
        #expect(seen.last??.state ?? .unknown == .unknown)
    }

    @Test("A bridge knows a station until its port goes")
    func stations() throws {
        let seen = try inNewNamespace {
            let socket = try NetlinkSocket()
            let bridge = try socket.makeBridge("br0").index
            let other = try anotherNamespace()
            func looks() throws -> [Bool] {
                try [address6, address5].map { try socket.hasStation($0, onBridge: bridge, vlan: 0) }
            }
            var seen = try looks()
            try socket.execute(.addVethPair(pair(), bridge: bridge, namespace: other.rawDescriptor))
            try Self.run("bridge", "fdb add 02:00:00:00:00:06 dev veth0 master static")
            seen += try looks() + [try socket.hasStation(address6, onBridge: bridge, vlan: 7)]
            try socket.execute(.deleteLink(named: "veth0"))
            return seen + (try looks()) + [try socket.hasStation(address6, onBridge: 999, vlan: 0)]
        }
        // The bridge itself, and the host's end, have the other address.
        #expect(seen == [false, true, true, true, false, false, true, false])
    }
}
