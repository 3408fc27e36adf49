// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import PacketFilter
import TestSupport
import Testing

@Suite("Connections in the kernel", .enabled(if: canUnshare, "needs root"))
struct ConnectionKernelTests {
    /// Sends a datagram from a port of the host's to another one.
    private static func send(from source: UInt16, to destination: UInt16, isIPv6: Bool = false) throws {
        let socket = Descriptor(adopting: Glibc.socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue), 0))
        let results: [Int]
        if isIPv6 {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            inet_pton(AF_INET6, "::1", &name.sin6_addr)
            results = [source, destination].map { port in
                name.sin6_port = port.bigEndian
                return use(socket.rawValue, &name, isSource: port == source)
            }
        } else {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            inet_pton(AF_INET, "127.0.0.1", &name.sin_addr)
            results = [source, destination].map { port in
                name.sin_port = port.bigEndian
                return use(socket.rawValue, &name, isSource: port == source)
            }
        }
        guard results == [0, 1] else { throw KernelError("send a datagram", Errno(rawValue: Glibc.errno)) }
    }

    private static func use<Name>(_ socket: CInt, _ name: inout Name, isSource: Bool) -> Int {
        withUnsafePointer(to: &name) { name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                let length = socklen_t(MemoryLayout<Name>.size)
                return isSource ? Int(bind(socket, name, length)) : sendto(socket, "x", 1, 0, name, length)
            }
        }
    }

    /// Has the kernel remember connections.
    private static func track() throws {
        try nft(
            "-f",
            "-",
            input: """
                table inet t {
                    chain c { type filter hook output priority 0; ct state new accept; }
                }

                """
        )
    }

    private static func ports(_ connections: [TrackedConnection]) -> [String] {
        connections.map { "\($0.original.source) \($0.original.sourcePort) \($0.original.destinationPort)" }.sorted()
    }

    @Test("Without any there is none, also where nothing is remembered")
    func none() throws {
        let connections = try inNewNamespace {
            let socket = try PacketFilterSocket()
            let before = try socket.connections(of: .udp)
            try Self.track()
            return try before + socket.connections(of: .udp) + socket.connections(of: .tcp)
        }
        #expect(connections == [])
    }

    @Test("Datagrams of both families are listed with both directions, and not as TCP")
    func listed() throws {
        let (datagrams, streams) = try inNewNamespace {
            try Self.track()
            try Self.send(from: 1001, to: 2001)
            try Self.send(from: 1002, to: 2002, isIPv6: true)
            let socket = try PacketFilterSocket()
            return (try socket.connections(of: .udp), try socket.connections(of: .tcp))
        }
        #expect(Self.ports(datagrams) == ["127.0.0.1 1001 2001", "::1 1002 2002"])
        for connection in datagrams {
            #expect(connection.reply.sourcePort == connection.original.destinationPort)
            #expect(connection.reply.destination == connection.original.source)
        }
        #expect(streams == [])
    }

    @Test("What is forgotten is gone, what is not is not, and forgetting twice is no error")
    func forgotten() throws {
        let ports = try inNewNamespace {
            try Self.track()
            for number in 1...3 as ClosedRange<UInt16> { try Self.send(from: 1000 + number, to: 2000 + number) }
            try Self.send(from: 1004, to: 2004, isIPv6: true)
            let socket = try PacketFilterSocket()
            let unwanted = try socket.connections(of: .udp).filter { [1002, 1004].contains($0.original.sourcePort) }
            try socket.forget(unwanted)
            let left = Self.ports(try socket.connections(of: .udp))
            try socket.forget(unwanted)
            return [Self.ports(unwanted), left, Self.ports(try socket.connections(of: .udp))]
        }
        #expect(ports[0] == ["127.0.0.1 1002 2002", "::1 1004 2004"])
        #expect(ports[1] == ["127.0.0.1 1001 2001", "127.0.0.1 1003 2003"])
        #expect(ports[1] == ports[2])
    }
}
