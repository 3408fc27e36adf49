// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DHCPLeases
internal import DaemonTalk
package import Linux
internal import Wiring

/// The daemon: gets leases when it is asked to, prolongs them, and gives them back.
///
/// One thread and one loop. Nothing in it waits for anybody: a server that is slow keeps nobody waiting but who asked it.
package final class LeaseKeeper {
    let settings: DaemonSettings
    let store: DHCPLeaseStore
    let home: NetworkNamespace
    private let socket: DaemonSocket
    private let farewells: Descriptor

    var connections: [Int: DaemonConnection] = [:]
    private var nextConnection = 0
    var leases: [DHCPLeaseName: KeptLease] = [:]
    /// When the namespaces of all leases are looked at again.
    private var nextSweep: Int64 = 0

    /// Of connections; who comes later waits in the socket's queue.
    private static let mostConnections = 512
    /// In nanoseconds.
    private static let sweepInterval: Int64 = 30_000_000_000

    /// Listens, and takes over what a daemon before left.
    ///
    /// - Throws: ``KernelError``.
    package init(_ settings: DaemonSettings) throws(KernelError) {
        self.settings = settings
        store = DHCPLeaseStore(root: settings.runDirectory)
        home = try NetworkNamespace.current()
        let farewells = culvert_open_farewells()
        guard farewells >= 0 else { throw KernelError("watch for signals", Errno(rawValue: -farewells)) }
        self.farewells = Descriptor(adopting: farewells)
        socket = try DaemonSocket(at: settings.socketPath)
        culvert_ignore_broken_pipes()
    }

    var socketPath: String { socket.path }

    /// Writes one line for the service's log.
    func log(_ line: String) {
        Machine.log("culvert-dhcpd: \(line)")
    }

    /// Serves until SIGTERM or SIGINT; leases stay for the next one.
    ///
    /// - Throws: ``KernelError``.
    package func run() throws(KernelError) {
        if !settings.pidFile.isEmpty { try writeProcessNumber() }
        resume()
        log("serving at \(socketPath), with \(leases.count) leases from before")
        while try turn() {}
        for connection in connections.values { connection.refuse(.stopping, now: Machine.bootNanoseconds) }
        for connection in connections.values { _ = connection.write() }
        connections = [:]
        log("stopping; \(leases.count) leases stay for the next start")
        if !settings.pidFile.isEmpty { unlink(settings.pidFile) }
        if !socket.isInherited { unlink(socketPath) }
    }

    private func writeProcessNumber() throws(KernelError) {
        let file = try Descriptor(opening: settings.pidFile, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.writeAll(Array("\(getpid())\n".utf8), settings.pidFile)
    }

    private enum Source {
        case farewell
        case listener
        case connection(Int)
        case lease(DHCPLeaseName)
    }

    /// Does what is due, waits for something to happen, and sees to it.
    ///
    /// - Returns: false when it is to end.
    private func turn() throws(KernelError) -> Bool {
        let now = Machine.bootNanoseconds
        doWhatIsDue(now)
        var waiting = [pollfd(fd: farewells.rawValue, events: Int16(POLLIN), revents: 0)]
        var sources = [Source.farewell]
        if connections.count < LeaseKeeper.mostConnections {
            waiting.append(pollfd(fd: socket.listener.rawValue, events: Int16(POLLIN), revents: 0))
            sources.append(.listener)
        }
        for (number, connection) in connections {
            waiting.append(pollfd(fd: connection.rawDescriptor, events: Int16(events(of: connection)), revents: 0))
            sources.append(.connection(number))
        }
        for (key, lease) in leases {
            guard let link = lease.link else { continue }
            waiting.append(pollfd(fd: link.packets.rawDescriptor, events: Int16(POLLIN), revents: 0))
            sources.append(.lease(key))
        }
        let count = poll(&waiting, nfds_t(waiting.count), timeout(now))
        guard count >= 0 else {
            guard Errno.current == .interrupted else { throw KernelError("wait", Errno.current) }
            return true
        }
        for (index, entry) in waiting.enumerated() where entry.revents != 0 {
            switch sources[index] {
            case .farewell: return false
            case .listener: acceptConnections()
            case .connection(let number): serve(number, CInt(entry.revents))
            case .lease(let key): leases[key].map { receive($0) }
            }
        }
        return true
    }

    /// What to wait for; that the other end is gone is always told.
    private func events(of connection: DaemonConnection) -> CInt {
        if connection.hasOutgoing { return CInt(POLLOUT) }
        return connection.isAnswered || connection.deadline == nil ? 0 : CInt(POLLIN)
    }

    /// In milliseconds, rounded up; -1 is for ever.
    private func timeout(_ now: Int64) -> CInt {
        var next = leases.isEmpty ? Int64.max : nextSweep
        for connection in connections.values { next = min(next, connection.deadline ?? .max) }
        for lease in leases.values { next = min(next, lease.deadline ?? .max) }
        return next == .max ? -1 : CInt(clamping: max(0, next - now + 999_999) / 1_000_000)
    }

    private func doWhatIsDue(_ now: Int64) {
        for (number, connection) in connections where connection.deadline.map({ $0 <= now }) ?? false {
            connections[number] = nil
        }
        for lease in leases.values where lease.deadline.map({ $0 <= now }) ?? false { wake(lease, now) }
        guard now >= nextSweep else { return }
        nextSweep = now + LeaseKeeper.sweepInterval
        forgetTheDead()
    }

    private func acceptConnections() {
        do throws(KernelError) {
            while connections.count < LeaseKeeper.mostConnections, let descriptor = try socket.accept() {
                // A question is long when it lists survivors: so many octets are enough for tens of thousands.
                connections[nextConnection] = DaemonConnection(
                    descriptor,
                    longestQuestion: 4 << 20,
                    now: Machine.bootNanoseconds
                )
                nextConnection += 1
            }
        } catch {
            log("\(error)")
            // Whoever waits is asked again in a moment, not in a hurry.
            Machine.pause(.milliseconds(50))
        }
    }

    private func serve(_ number: Int, _ events: CInt) {
        guard let connection = connections[number] else { return }
        if events & CInt(POLLERR | POLLNVAL) != 0 || (events & CInt(POLLHUP) != 0 && events & CInt(POLLIN) == 0) {
            return leave(number)
        }
        if events & CInt(POLLIN) != 0, connection.deadline != nil {
            switch connection.read() {
            case .more: break
            case .end: return leave(number)
            case .line(let line): answer(line, to: number, connection)
            }
        }
        flush(number)
    }

    /// Sends what waits to be sent, as far as it goes.
    func flush(_ number: Int) {
        guard let connection = connections[number] else { return }
        if !connection.write() { connections[number] = nil }
    }

    /// Whoever waited for an address is gone, and nobody will ever ask for it.
    private func leave(_ number: Int) {
        connections[number] = nil
        for lease in leases.values where lease.waiter == number {
            log("\(lease.order.name): nobody waits for the address any more")
            lease.waiter = nil
            release(lease)
        }
    }
}
