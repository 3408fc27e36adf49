// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
package import Linux

/// Serves metrics over HTTP: one thread, one page, a bounded number of clients.
package struct MetricsServer: ~Copyable {
    private let listener: Descriptor
    private let farewells: Descriptor
    private var connections: [HTTPConnection] = []
    /// Where it listens, the port as the kernel chose it.
    package let place: ListenAddress

    /// So many clients at once; one more takes the place of who has been asking for longest.
    private static let mostConnections = 64

    /// Listens; from here on SIGTERM and SIGINT end ``run(metrics:)`` instead of the process.
    ///
    /// - Throws: ``KernelError``; `EADDRINUSE` when somebody listens there.
    package init(at place: ListenAddress) throws(KernelError) {
        let octets = place.address.octets
        let number = culvert_listen_stream(octets, octets.count, place.port)
        guard number >= 0 else { throw KernelError("listen at \(place)", Errno(rawValue: -number)) }
        let listener = Descriptor(adopting: number)
        let signals = culvert_open_farewells()
        guard signals >= 0 else { throw KernelError("watch for signals", Errno(rawValue: -signals)) }
        farewells = Descriptor(adopting: signals)
        self.place = ListenAddress(address: place.address, port: culvert_bound_port(number))
        self.listener = listener
    }

    /// Serves until SIGTERM or SIGINT comes.
    ///
    /// - Parameter metrics: puts the metrics together, once for each request.
    /// - Throws: ``KernelError`` when the kernel does not even tell of clients any more.
    package mutating func run(metrics: (Exposition.Form) -> [UInt8]) throws(KernelError) {
        while true {
            var waiting = [
                pollfd(fd: farewells.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            for connection in connections {
                waiting.append(pollfd(fd: connection.rawDescriptor, events: Int16(connection.events), revents: 0))
            }
            guard poll(&waiting, nfds_t(waiting.count), timeout()) >= 0 || Errno.current == .interrupted else {
                throw KernelError("wait for clients", Errno.current)
            }
            if waiting[0].revents != 0 { return }
            serve(waiting[2...].map { $0.revents != 0 }, metrics)
            if waiting[1].revents != 0 { try accept() }
        }
    }

    /// Until the next connection's time is over, in milliseconds; -1 for ever.
    private func timeout() -> CInt {
        guard let next = connections.map({ $0.deadline }).min() else { return -1 }
        return CInt(clamping: max(0, next - Machine.bootNanoseconds) / 1_000_000 + 1)
    }

    private mutating func serve(_ isReady: [Bool], _ metrics: (Exposition.Form) -> [UInt8]) {
        var stay: [HTTPConnection] = []
        for (connection, isReady) in zip(connections, isReady) {
            let now = Machine.bootNanoseconds
            var isOpen = true
            if isReady {
                isOpen = connection.proceed(now: now) { HTTPResponse(to: $0, metrics: metrics) }
            } else if connection.deadline <= now {
                isOpen = connection.expire(now: now)
            }
            if isOpen { stay.append(connection) }
        }
        connections = stay
    }

    /// Takes all that wait.
    private mutating func accept() throws(KernelError) {
        while true {
            let number = culvert_accept(listener.rawValue)
            guard number >= 0 else {
                let error = Errno(rawValue: -number)
                // Without a free descriptor, those that are here have to go first.
                if error == .tooManyOpenFiles, !connections.isEmpty { connections.removeFirst() }
                return
            }
            let socket = Descriptor(adopting: number)
            if connections.count >= MetricsServer.mostConnections {
                let slowest = connections.firstIndex { $0.isAsking } ?? 0
                connections.remove(at: slowest)
            }
            connections.append(HTTPConnection(socket, now: Machine.bootNanoseconds))
        }
    }
}
