// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import FastPath
import Glibc
import Linux
import Netlink
import TestSupport

/// Containers on a bridge, for a thread in a namespace of its own that is the host.
final class Containers {
    let home: NetworkNamespace
    let host: NetlinkSocket
    private(set) var namespaces: [Box] = []
    private(set) var ports: [Link] = []
    let bridge: Link

    /// A namespace that an array can hold.
    final class Box {
        let namespace: NetworkNamespace
        init(_ namespace: consuming NetworkNamespace) { self.namespace = namespace }
    }

    struct Missing: Error {
        let what: String
    }

    init(_ count: Int) throws {
        home = try NetworkNamespace.current()
        host = try NetlinkSocket()
        try host.execute(.addBridge("br0", address: MACAddress(value: 0x0200_0000_00ff), mtu: 0, filtersVLANs: false))
        guard let bridge = try host.link(named: "br0") else { throw Missing(what: "br0") }
        try host.execute(.setUp(true, link: bridge.index, name: "br0"))
        self.bridge = bridge
        for _ in 0..<count { try add() }
    }

    /// The hardware address of a container.
    func address(_ index: Int) -> MACAddress { MACAddress(value: 0x0200_0000_0100 + UInt64(index)) }

    func add() throws {
        let index = ports.count
        let other = try anotherNamespace()
        let pair = VethPair(
            host: VethPair.End(name: "veth\(index)", address: MACAddress(value: 0x0200_0000_1100 + UInt64(index))),
            container: VethPair.End(name: "eth0", address: address(index)),
            mtu: 0
        )
        try host.execute(.addVethPair(pair, bridge: bridge.index, namespace: other.rawDescriptor))
        let there = try other.socket(from: home)
        guard let interface = try there.link(named: "eth0") else { throw Missing(what: "eth0") }
        try there.execute(.setUp(true, link: interface.index, name: "eth0"))
        guard let port = try host.link(named: "veth\(index)") else { throw Missing(what: "veth\(index)") }
        try host.wait(forLink: port.index, atMost: .seconds(60)) { $0.isOperational && $0.port?.isForwarding == true }
        ports.append(port)
        namespaces.append(Box(other))
    }

    /// What ADD would tell the shortcut of a container.
    func port(
        _ index: Int,
        vlan: UInt16 = 0,
        addresses: [IPAddress]? = nil,
        isIsolated: Bool = false
    ) -> FastPathPort {
        FastPathPort(
            link: UInt32(ports[index].index),
            bridge: UInt32(bridge.index),
            vlan: vlan,
            address: address(index),
            addresses: addresses,
            isIsolated: isIsolated
        )
    }

    /// Puts containers on the shortcut.
    func join(_ fastPath: borrowing FastPath, _ port: FastPathPort) throws {
        try fastPath.setPort(port)
        try fastPath.addStation(FastPathStation(port))
        try fastPath.attach(to: port.link)
    }

    /// Has a container send so many frames that are all alike.
    ///
    /// `areExpected`: whether to wait for them for long.
    /// - Returns: how many came.
    func send(
        _ count: Int,
        from sender: Int,
        to receiver: Int,
        source: MACAddress? = nil,
        length: Int = 60,
        areExpected: Bool = true
    ) throws -> Int {
        let frame = Containers.frame(to: address(receiver), from: source ?? address(sender), length: length)
        let catcher = try socket(of: receiver)
        let thrower = try socket(of: sender)
        for _ in 0..<count {
            guard write(thrower.rawValue, frame, frame.count) == frame.count else {
                throw KernelError("send a frame", Errno.current)
            }
        }
        var found = 0
        var buffer = [UInt8](repeating: 0, count: 4096)
        var waiting = pollfd(fd: catcher.rawValue, events: Int16(POLLIN), revents: 0)
        while found < count, Glibc.poll(&waiting, 1, areExpected ? 20_000 : 300) > 0 {
            let length = read(catcher.rawValue, &buffer, buffer.count)
            if length == frame.count, Array(buffer[..<length]) == frame { found += 1 }
        }
        return found
    }

    /// A packet socket on a container's interface.
    private func socket(of index: Int) throws -> Descriptor {
        try namespaces[index].namespace.run(from: home) { () throws(KernelError) in
            // socket(2): AF_PACKET, SOCK_RAW and SOCK_CLOEXEC, ETH_P_ALL as the network has it
            let result = Glibc.socket(17, 3 | 0o2000000, 0x0300)
            guard result >= 0 else { throw KernelError("open a packet socket", Errno.current) }
            let descriptor = Descriptor(adopting: result)
            // packet(7), struct sockaddr_ll
            var octets: [UInt8] = [17, 0, 0, 3]
            let number = if_nametoindex("eth0")
            octets += (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
            octets += [UInt8](repeating: 0, count: 12)
            let bound = octets.withUnsafeBytes { octets in
                octets.baseAddress.map { bind(result, $0.assumingMemoryBound(to: sockaddr.self), 20) } ?? -1
            }
            guard bound == 0 else { throw KernelError("bind a packet socket", Errno.current) }
            return descriptor
        }
    }

    /// A frame with a packet of a protocol for experiments, for an address that nobody has.
    static func frame(to destination: MACAddress, from source: MACAddress, length: Int) -> [UInt8] {
        var frame = destination.octets + source.octets + [0x08, 0x00]
        frame += [0x45, 0, UInt8(truncatingIfNeeded: (length - 14) >> 8), UInt8(truncatingIfNeeded: length - 14)]
        frame += [0, 0, 0, 0, 64, 253, 0, 0, 10, 9, 0, 1, 10, 9, 0, 99]
        // Without its sum a packet would be dropped by rules of IP before they are asked.
        var sum: UInt32 = 0
        for place in stride(from: 14, to: 34, by: 2) { sum += UInt32(frame[place]) << 8 | UInt32(frame[place + 1]) }
        sum = ~((sum & 0xffff) + sum >> 16)
        frame[24] = UInt8(truncatingIfNeeded: sum >> 8)
        frame[25] = UInt8(truncatingIfNeeded: sum)
        return frame + [UInt8](repeating: 0x5a, count: length - frame.count)
    }

    /// Runs a program of the host.
    ///
    /// - Returns: what it wrote.
    @discardableResult
    func run(_ command: String) throws -> String {
        let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        let child = try ChildProcess.run("/bin/sh", ["sh", "-c", command], environment: [path], input: [])
        guard child.ending == .exited(0) else {
            throw Missing(what: command + ": " + String(decoding: child.errors, as: UTF8.self))
        }
        return String(decoding: child.output, as: UTF8.self)
    }
}

/// Runs a body in a network namespace and a BPF file system of its own.
func withFastPath<Value: Sendable>(
    isFilter: Bool = false,
    _ body: @escaping @Sendable (borrowing FastPath) throws -> Value
) throws -> Value {
    try inNewNamespace {
        try ownFileSystem()
        return try body(try FastPath(isFilter: isFilter))
    }
}

/// Mounts a BPF file system for this thread alone.
func ownFileSystem() throws {
    let result = culvert_own_mounts()
    guard result == 0 else { throw KernelError("unshare mounts", Errno(rawValue: result)) }
    let mounted = culvert_mount_programs(FastPath.fileSystem)
    guard mounted == 0 else { throw KernelError("mount a BPF file system", Errno(rawValue: mounted)) }
}

/// Takes a file system off a directory.
func unmount(_ path: String) throws {
    guard umount2(path, 0) == 0 else { throw KernelError("unmount \(path)", Errno.current) }
}
