// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
package import Linux
internal import Netlink
internal import PacketFilter

/// Reads what decides about packets, of one namespace after the other, and changes nothing.
package struct ModelReader {
    package private(set) var model = HostModel()

    /// Nothing read yet; the namespace of the calling thread comes first.
    package init() {}

    /// Reads the namespace of the calling thread.
    ///
    /// - Throws: ``KernelError``.
    package mutating func readHost() throws(KernelError) {
        model.namespaces.append(try ModelReader.namespace("host"))
    }

    /// Reads a container's namespace.
    ///
    /// - Parameters:
    ///   - name: the container's id.
    ///   - path: of its namespace.
    /// - Returns: its index in ``HostModel/namespaces``.
    /// - Throws: ``KernelError``; `ENOENT` when it is gone.
    package mutating func readContainer(_ name: String, path: String) throws(KernelError) -> Int {
        if let index = model.namespaces.dropFirst().firstIndex(where: { $0.name == name }) { return index }
        let home = try NetworkNamespace.current()
        let namespace = try NetworkNamespace(path: path)
        let space = try namespace.run(from: home) { () throws(KernelError) in try ModelReader.namespace(name) }
        model.namespaces.append(space)
        return model.namespaces.count - 1
    }

    /// Notes an attachment: whose the far end of a link of the host is, or with an empty name that it has none.
    package mutating func add(_ stranger: HostModel.Stranger, link: String) {
        if link.isEmpty {
            model.unseen.append(stranger)
        } else {
            model.strangers[link] = stranger
        }
    }

    /// Notes ports of switches in user space; of several networks the same one may be of the host.
    package mutating func add(_ ports: [HostModel.SwitchPort]) {
        for port in ports where !model.switchPorts.contains(port) { model.switchPorts.append(port) }
    }

    /// Says how switches in user space are asked.
    package mutating func ask(
        _ switches: @escaping @Sendable (HostModel.SwitchPort, [UInt8]) -> HostModel.SwitchAnswer
    ) {
        model.askSwitch = switches
    }

    // MARK: - One namespace

    private static func namespace(_ name: String) throws(KernelError) -> HostModel.Namespace {
        var space = HostModel.Namespace(name)
        let socket = try NetlinkSocket()
        space.links = try links(socket)
        space.addresses = try socket.everyAddress().map { entry in
            var address = HostModel.Address(entry.address, link: entry.link)
            address.isTentative = entry.isTentative
            return address
        }
        for family in [AddressFamily.v4, .v6] {
            space.routes += try routes(family, socket)
            space.policies += try policies(family, socket)
        }
        space.stations = try stations(socket)
        let guarded = try addGuards(&space.links)
        space.shortcuts = shortcuts(space.links, guarded)
        try addObstacles(&space.shortcuts, guarded, socket)
        space.sockets = try Listener.all(of: [6, 17]).map { listener in
            var socket = HostModel.Socket(
                transport: listener.transport,
                address: listener.address,
                port: listener.port,
                hearsIPv4: listener.hears(.v4),
                hearsIPv6: listener.hears(.v6)
            )
            socket.link = listener.link
            return socket
        }
        do throws(KernelError) {
            space.ruleset = try PacketFilterSocket().ruleset()
        } catch {
            if !error.meansNoPacketFilter { space.unseenRules = "\(error)" }
        }
        if space.unseenRules == nil { space.unseenRules = LegacyRules().objection }
        space.settings = settings(space.links.map { $0.name })
        return space
    }

    private static func settings(_ links: [String]) -> [String: Int] {
        var names = [
            "ipv6/conf/all/forwarding", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables",
            "ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all",
            "ipv4/tcp_l3mdev_accept", "ipv4/udp_l3mdev_accept",
        ]
        for link in ["all"] + links {
            for name in ["forwarding", "rp_filter", "route_localnet", "accept_local", "arp_ignore"] {
                names.append("ipv4/conf/\(link)/\(name)")
            }
        }
        var settings: [String: Int] = [:]
        for name in names {
            do throws(KernelError) {
                settings[name] = Int(try Sysctl(name).read())
            } catch {
                // A kernel without it.
                continue
            }
        }
        return settings
    }
}
