// SPDX-License-Identifier: Apache-2.0
import Addressing
import CLinux
import FastPath
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

    /// Has a container send so many frames, each alike but for nothing, and waits until another has them all.
    ///
    /// - Returns: how many came.
    func send(
        _ count: Int,
        from sender: Int,
        to receiver: Int,
        source: MACAddress? = nil,
        packetSource: UInt32 = 0x0a09_0001
    ) throws -> Int {
        let frame = Containers.frame(
            to: address(receiver),
            from: source ?? address(sender),
            packetSource: packetSource
        )
        let catcher = try socket(of: receiver)
        let thrower = try socket(of: sender)
        for _ in 0..<count {
            guard frame.withUnsafeBytes({ write(thrower.rawValue, $0.baseAddress, $0.count) }) == frame.count else {
                throw KernelError("send a frame", Errno.current)
            }
        }
        return Containers.receive(catcher, atMost: count, frame)
    }

    /// Frames come before what is sent after them: the wait for one that does not come is short.
    private static func receive(_ catcher: borrowing Descriptor, atMost count: Int, _ frame: [UInt8]) -> Int {
        var found = 0
        var buffer = [UInt8](repeating: 0, count: 2048)
        var waiting = pollfd(fd: catcher.rawValue, events: Int16(POLLIN), revents: 0)
        while found < count, poll(&waiting, 1, 300) > 0 {
            let length = read(catcher.rawValue, &buffer, buffer.count)
            if length == frame.count, Array(buffer[..<length]) == frame { found += 1 }
        }
        return found
    }

    /// A packet socket on a container's interface.
    private func socket(of index: Int) throws -> Descriptor {
        let result = try namespaces[index].namespace.run(from: home) { () throws(KernelError) in
            culvert_open_test_packets("eth0")
        }
        guard result >= 0 else { throw KernelError("open a packet socket", Errno(rawValue: -result)) }
        return Descriptor(adopting: result)
    }

    /// A frame with a UDP packet that no socket is open for.
    static func frame(to destination: MACAddress, from source: MACAddress, packetSource: UInt32) -> [UInt8] {
        var frame = destination.octets + source.octets + [0x08, 0x00]
        frame += [0x45, 0, 0, 46, 0, 0, 0, 0, 64, 253, 0, 0]
        frame += (0..<4).map { UInt8(truncatingIfNeeded: packetSource >> (24 - 8 * $0)) }
        frame += [10, 9, 0, 99]
        return frame + [UInt8](repeating: 0x5a, count: 26)
    }

    /// Runs a program of the host.
    func run(_ arguments: String...) throws {
        let child = try ChildProcess.run("/usr/bin/env", ["env"] + arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], input: [])
        guard child.ending == .exited(0) else {
            throw Missing(what: arguments.joined(separator: " ") + ": " + String(decoding: child.errors, as: UTF8.self))
        }
    }
}

/// Runs a body in a network namespace and a BPF file system of its own.
func withFastPath<Value: Sendable>(_ body: @escaping @Sendable (borrowing FastPath) throws -> Value) throws -> Value {
    try inNewNamespace {
        try ownFileSystem()
        return try body(try FastPath())
    }
}

/// Mounts a BPF file system for this thread alone.
func ownFileSystem() throws {
    let result = culvert_own_mounts()
    guard result == 0 else { throw KernelError("unshare mounts", Errno(rawValue: result)) }
    let mounted = culvert_mount_programs(FastPath.fileSystem)
    guard mounted == 0 else { throw KernelError("mount a BPF file system", Errno(rawValue: mounted)) }
}
