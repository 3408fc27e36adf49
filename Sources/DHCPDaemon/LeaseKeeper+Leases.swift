// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import DHCP
internal import DHCPLeases
internal import DaemonTalk
internal import JSON
internal import Linux
internal import Netlink
internal import Wiring

// What servers say, and what follows.
extension LeaseKeeper {
    /// So many packets are taken in a row, so that nobody who floods one link keeps the others waiting.
    private static let packetsInARow = 16
    /// Between two complaints about one lease, in nanoseconds.
    private static let complaintInterval: Int64 = 1_000_000_000

    func receive(_ lease: KeptLease) {
        for _ in 0..<LeaseKeeper.packetsInARow {
            guard let link = lease.link else { return }
            do throws(KernelError) {
                guard let received = try link.packets.receive() else { continue }
                let actions = lease.client.handle(.received(received.message), at: Machine.bootNanoseconds)
                if actions.contains(.granted) { lease.serverHardware = received.sender }
                perform(actions, lease)
            } catch {
                if error.errno != .wouldBlock { trouble(lease, "\(error)") }
                return
            }
        }
    }

    func wake(_ lease: KeptLease, _ now: Int64) {
        if let end = lease.searchEnd, end <= now { return giveUp(lease) }
        perform(lease.client.handle(.wake, at: now), lease)
    }

    func perform(_ actions: [DHCPClient.Action], _ lease: KeptLease) {
        for action in actions {
            switch action {
            case .send(let message, let destination): send(message, destination, lease)
            case .granted: keep(lease)
            case .lost(let problem): lose(lease, problem)
            case .note(let problem): trouble(lease, problem.description)
            }
        }
        if !lease.client.isListening { lease.link = nil }
    }

    /// Says what went wrong, unless it was said just before; whoever makes up new nonsense fills no log either.
    private func trouble(_ lease: KeptLease, _ text: String) {
        guard text != lease.trouble else { return }
        lease.trouble = text
        let now = Machine.bootNanoseconds
        guard now >= lease.complainedAt else { return }
        lease.complainedAt = now + LeaseKeeper.complaintInterval
        log("\(lease.order.name): \(text)")
    }

    private func send(_ message: DHCPMessage, _ destination: DHCPClient.Destination, _ lease: KeptLease) {
        do throws(KernelError) {
            let link: OpenLink
            if let opened = lease.link { link = opened } else { link = try open(lease) }
            lease.link = link
            switch destination {
            case .everybody: try link.packets.broadcast(message)
            case .server(let server):
                // After a release the link is gone in a moment: too soon to look for the way.
                let isUrgent = message.kind == .release
                try link.packets.send(message, to: server, neighbour: isUrgent ? lease.serverHardware : nil)
            }
        } catch {
            // An address of IPv6 is not certain in the first second of a link: the next message will do.
            if lease.order.family == .v6, error.errno == .addressNotAvailable { return }
            trouble(lease, "\(error)")
        }
    }

    /// Looks the container's link up, and opens its packets.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when it is not the link any more that it was.
    private func open(_ lease: KeptLease) throws(KernelError) -> OpenLink {
        let name = lease.order.key.interfaceName
        let isSearching = lease.client.terms == nil
        let address = lease.client.terms?.address.address
        return try visit(lease.order, identity: lease.identity) { () throws(KernelError) in
            let socket = try NetlinkSocket()
            guard let link = try socket.link(named: name), link.address == lease.hardware else {
                throw KernelError("find link \(name)", .noSuchDevice)
            }
            // Whoever asks for the address brings the link up when it has one, and it has none before.
            if isSearching, !link.isUp { try socket.execute(.setUp(true, link: link.index, name: name)) }
            return OpenLink(try LinkPackets(lease.order.family, of: link.index, named: name, address: address))
        }
    }

    /// Runs a body in the namespace of an order.
    ///
    /// `identity`: which namespace it has to be; empty for whatever is there.
    /// - Throws: ``KernelError``; `ENOENT` when it is another one.
    func visit<Value>(
        _ order: DHCPOrder,
        identity: String = "",
        _ body: () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        let path = settings.hostPrefix + order.namespacePath
        let container = try NetworkNamespace(path: path)
        guard identity.isEmpty || "\(container.identity)" == identity else {
            throw KernelError("enter \(path)", .noSuchFileOrDirectory, explanation: "it is another namespace now")
        }
        return try container.run(from: home, body)
    }

    /// Writes a lease down before anybody hears of it.
    private func keep(_ lease: KeptLease) {
        guard let terms = lease.client.terms, let record = lease.record(socketPath: socketPath) else { return }
        lease.trouble = ""
        do throws(KernelError) {
            try store.write(record)
        } catch {
            log("\(lease.order.name): \(error)")
            guard lease.waiter != nil else { return }
            let refusal = CNIError(
                .storeUnusable,
                "cannot remember the lease of \(terms.address)",
                details: "\(error); what is not remembered is not leased"
            )
            return release(lease, refusal)
        }
        let time = terms.leaseSeconds.map { "for \($0) s" } ?? "for ever"
        log("\(lease.order.name): \(terms.address) from \(terms.server) \(time), \(lease.client.renewals) renewals")
        lease.searchEnd = nil
        answer(lease)
    }

    /// Tells whoever waits what was granted.
    func answer(_ lease: KeptLease) {
        guard let waiter = lease.waiter, let terms = lease.client.terms else { return }
        lease.waiter = nil
        answer(waiter, AddResult(terms, for: lease.order))
    }

    func answer(_ number: Int, _ result: AddResult) {
        guard let connection = connections[number] else { return }
        let now = Machine.bootNanoseconds
        do throws(CNIError) {
            connection.answer(try result.json(version: .newest), now: now)
        } catch {
            connection.refuse(error, now: now)
        }
        flush(number)
    }

    func refuse(_ number: Int, _ error: CNIError) {
        connections[number]?.refuse(error, now: Machine.bootNanoseconds)
        flush(number)
    }

    private func giveUp(_ lease: KeptLease) {
        let name = lease.order.key.interfaceName
        let seconds = settings.searchBound / 1_000_000_000
        let trouble = lease.trouble.isEmpty ? "nobody answered" : lease.trouble
        release(
            lease,
            CNIError(
                .tryAgainLater,
                "no DHCP server leased an address within \(seconds) s",
                details: "asked through \(name) in \(lease.order.namespacePath): \(trouble)"
            )
        )
    }

    /// The container must not use the address any more, and is not asked: its link goes down; of IPv6, the address goes.
    private func lose(_ lease: KeptLease, _ problem: DHCPProblem) {
        let isOld = lease.order.family == .v4
        log("\(lease.order.name): \(problem); \(isOld ? "setting the link down" : "removing the address")")
        let name = lease.order.key.interfaceName
        do throws(KernelError) {
            try visit(lease.order, identity: lease.identity) { () throws(KernelError) in
                let socket = try NetlinkSocket()
                guard let link = try socket.link(named: name), link.address == lease.hardware else { return }
                guard !isOld, let address = lease.client.terms?.address else {
                    return try socket.execute(.setUp(false, link: link.index, name: name))
                }
                guard try socket.addresses(ofLink: link.index).contains(where: { $0.address == address }) else {
                    return
                }
                try socket.execute(.deleteAddress(address, from: link.index, name: name))
            }
            if let record = lease.record(socketPath: socketPath) { try store.write(record) }
        } catch {
            log("\(lease.order.name): \(error)")
        }
    }

    /// Gives a lease back, or ends the search for one, and forgets it.
    ///
    /// `refusal`: what whoever waits for it is told.
    func release(_ lease: KeptLease, _ refusal: CNIError? = nil) {
        perform(lease.client.handle(.release, at: Machine.bootNanoseconds), lease)
        forget(lease, refusal ?? .released)
    }

    private func forget(_ lease: KeptLease, _ refusal: CNIError) {
        lease.link = nil
        leases[lease.order.name] = nil
        do throws(KernelError) {
            try store.remove(lease.order.name)
        } catch {
            log("\(lease.order.name): \(error)")
        }
        if let waiter = lease.waiter {
            lease.waiter = nil
            refuse(waiter, refusal)
        }
    }

    /// Forgets the leases of namespaces that are gone: there is no way left to give them back.
    func forgetTheDead() {
        for lease in leases.values {
            let path = settings.hostPrefix + lease.order.namespacePath
            do throws(KernelError) {
                if try FileStatus.of(path).map({ "\($0.identity)" == lease.identity }) ?? false { continue }
            } catch {
                log("\(lease.order.name): \(error)")
                continue
            }
            log("\(lease.order.name): its namespace is gone; the server waits for the end of the lease")
            forget(lease, .released)
        }
    }

    /// Goes on with the leases of a daemon before.
    func resume() {
        let now = Machine.bootNanoseconds
        do throws(KernelError) {
            for record in try store.records() where record.socketPath == socketPath {
                let seed = try Machine.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
                guard let client = try? record.client(patience: settings.patience, seed: seed) else { continue }
                let lease = KeptLease(
                    record.order,
                    identity: record.namespaceIdentity,
                    hardware: record.hardware,
                    client: client,
                    begunAt: now
                )
                lease.serverHardware = record.serverHardware
                leases[record.order.name] = lease
            }
        } catch {
            log("\(error)")
        }
        forgetTheDead()
    }
}

extension CNIError {
    static let released = CNIError(.tryAgainLater, "the lease was given back meanwhile")
    static let stopping = CNIError(.tryAgainLater, "the DHCP daemon is stopping", details: "try again when it runs")
}
