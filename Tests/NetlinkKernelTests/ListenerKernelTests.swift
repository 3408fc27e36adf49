// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import Netlink
import TestSupport
import Testing

private let tcp: UInt8 = 6
private let udp: UInt8 = 17

/// A socket of the host in the namespace of the calling thread.
private struct HostSocket: ~Copyable {
    let descriptor: Descriptor
    let inode: UInt32

    private init(_ descriptor: consuming Descriptor, inode: UInt32) {
        self.descriptor = descriptor
        self.inode = inode
    }

    /// Binds to an address, and listens if it is TCP.
    static func open(
        _ transport: UInt8,
        _ address: String,
        _ port: UInt16,
        isIPv6: Bool,
        isIPv6Only: Bool = false
    ) throws -> HostSocket {
        let type = transport == tcp ? SOCK_STREAM : SOCK_DGRAM
        let descriptor = Descriptor(adopting: Glibc.socket(isIPv6 ? AF_INET6 : AF_INET, Int32(type.rawValue), 0))
        let inode = UInt32(try descriptor.status("socket").identity.inode)
        let socket = HostSocket(descriptor, inode: inode)
        var only: CInt = isIPv6Only ? 1 : 0
        let size = socklen_t(MemoryLayout<CInt>.size)
        if isIPv6 { setsockopt(socket.descriptor.rawValue, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, size) }
        var result = isIPv6 ? socket.bind6(address, port) : socket.use4(address, port, Glibc.bind)
        if result == 0, transport == tcp { result = listen(socket.descriptor.rawValue, 1) }
        guard result == 0 else { throw KernelError("bind \(address)", Errno(rawValue: Glibc.errno)) }
        return socket
    }

    private func bind6(_ address: String, _ port: UInt16) -> CInt {
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        inet_pton(AF_INET6, address, &name.sin6_addr)
        return withUnsafePointer(to: name) { name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }

    /// Binds or connects.
    func use4(
        _ address: String,
        _ port: UInt16,
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt
    ) -> CInt {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        return withUnsafePointer(to: name) { name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

@Suite("Listeners in the kernel", .enabled(if: canUnshare, "needs root"))
struct ListenerKernelTests {
    @Test("Sockets of both protocols and both families are found with what they hear", arguments: [tcp, udp])
    func found(transport: UInt8) throws {
        let (listeners, inodes) = try inNewNamespace {
            let one = try HostSocket.open(transport, "127.0.0.1", 1001, isIPv6: false)
            let any = try HostSocket.open(transport, "0.0.0.0", 1002, isIPv6: false)
            let six = try HostSocket.open(transport, "::1", 1003, isIPv6: true)
            let dual = try HostSocket.open(transport, "::", 1004, isIPv6: true)
            let only = try HostSocket.open(transport, "::", 1005, isIPv6: true, isIPv6Only: true)
            let mapped = try HostSocket.open(transport, "::ffff:127.0.0.1", 1006, isIPv6: true)
            let listeners = try Listener.all(of: [transport]).sorted { $0.port < $1.port }
            return (listeners, [one.inode, any.inode, six.inode, dual.inode, only.inode, mapped.inode])
        }
        #expect(listeners.map(\.port) == [1001, 1002, 1003, 1004, 1005, 1006])
        #expect(listeners.map { "\($0.address)" } == ["127.0.0.1", "0.0.0.0", "::1", "::", "::", "127.0.0.1"])
        #expect(listeners.map { $0.hears(.v4) } == [true, true, false, true, false, true])
        #expect(listeners.map { $0.hears(.v6) } == [false, false, true, true, true, false])
        #expect(listeners.map(\.inode) == inodes)
        #expect(Set(listeners.map(\.transport)) == [transport])
    }

    @Test("Only the protocols that were asked for are listed, and only in this namespace")
    func asked() throws {
        let counts = try inNewNamespace {
            let first = try HostSocket.open(tcp, "127.0.0.1", 1001, isIPv6: false)
            let second = try HostSocket.open(udp, "127.0.0.1", 1001, isIPv6: false)
            let counts = try [[], [tcp], [udp], [tcp, udp]].map { try Listener.all(of: $0).count }
            return counts + [first.inode != second.inode ? 1 : 0]
        }
        #expect(counts == [0, 1, 1, 2, 1])
    }

    @Test("A socket with a peer waits for nobody else")
    func connected() throws {
        let ports = try inNewNamespace {
            let server = try HostSocket.open(udp, "127.0.0.1", 1001, isIPv6: false)
            let client = try HostSocket.open(udp, "127.0.0.1", 1002, isIPv6: false)
            let result = client.use4("127.0.0.1", 1001, Glibc.connect)
            let ports = try Listener.all(of: [udp]).map { Int($0.port) }
            return ports + [Int(result), server.inode == client.inode ? 1 : 0]
        }
        #expect(ports == [1001, 0, 0])
    }
}
