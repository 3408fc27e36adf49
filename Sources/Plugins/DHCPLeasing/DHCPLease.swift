// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import DHCPLeases
internal import DaemonTalk
internal import JSON
internal import Linux
internal import Plugin
internal import Wiring

/// A container's lease: what the daemon is asked about it.
struct DHCPLease {
    private let request: Request
    private let socketPath: String

    init(_ request: Request) {
        self.request = request
        socketPath = DHCPConfiguration.socketPath(request)
    }

    /// Gets a lease, or the one that the daemon keeps for the interface already; and what routers advertise.
    func take() throws(CNIError) -> AddResult {
        let configuration = try DHCPConfiguration(request)
        // Refused here, in the words of the other plugins, instead of by the daemon.
        let container = try request.openNamespace()
        var result = AddResult()
        do throws(CNIError) {
            for order in configuration.orders {
                let answer = try ask(.add(order), "cannot lease an address")
                let leased = try AddResult(JSONReader(answer), assuming: .newest)
                result.ips += leased.ips
                result.routes += leased.routes
                result.dns.add(leased.dns)
            }
            if configuration.wantsAdvertised {
                let name = request.invocation.interfaceName
                result.ips += try AdvertisedAddresses(of: name, in: container).wait().map { .init(address: $0) }
            }
            return result
        } catch {
            // With one order nothing was leased that could be given back.
            let hasMore = configuration.orders.count > 1 || configuration.wantsAdvertised
            throw hasMore && !configuration.orders.isEmpty ? takeBack(because: error) : error
        }
    }

    private func takeBack(because cause: CNIError) -> CNIError {
        do throws(CNIError) {
            try release()
            return cause
        } catch {
            return cause.adding("left behind: the lease (\(error))")
        }
    }

    /// - Throws: ``CNIError``, code 105, when the daemon keeps no lease, or another one than the result says.
    func verify() throws(CNIError) {
        // Advertised addresses are the kernel's: whoever made the interface looks after them.
        for order in try DHCPConfiguration(request).orders {
            let answer = try ask(.check(order.name), "cannot verify the lease")
            let kept = try AddResult(JSONReader(answer), assuming: .newest)
            guard let promised = request.configuration.previousResult else { continue }
            for ip in kept.ips where !promised.ips.contains(where: { $0.address == ip.address }) {
                throw CNIError(
                    .verificationFailed,
                    "dhcp: \(ip.address) is leased, which prevResult does not list",
                    details: "DEL \(request.key), and ADD it again"
                )
            }
        }
    }

    /// - Throws: ``CNIError``, code 50, when no daemon answers.
    func probe() throws(CNIError) {
        guard try !DHCPConfiguration(request).orders.isEmpty else { return }
        do throws(DaemonLinkError) {
            _ = try DHCPDaemonLink.ask(.status, at: socketPath)
        } catch {
            let reason = explain(error, "cannot lease addresses")
            throw CNIError(.unavailable, reason.message, details: reason.details)
        }
    }

    /// Gives the lease back; without a daemon of ours, by itself.
    func release() throws(CNIError) {
        let intention = "cannot release the lease"
        if try isDone(.delete(request.key), intention) { return }
        try releaseAlone(intention)
        // A daemon that began meanwhile may have read the record.
        _ = try isDone(.delete(request.key), intention)
    }

    /// Has the daemon do something.
    ///
    /// - Returns: false when there is none, or one that never knew of our leases.
    private func isDone(_ question: DHCPQuestion, _ intention: String) throws(CNIError) -> Bool {
        do throws(DaemonLinkError) {
            _ = try DHCPDaemonLink.ask(question, at: socketPath)
            return true
        } catch {
            switch error {
            case .absent, .stranger: return false
            case .silent, .refused: throw explain(error, intention)
            }
        }
    }

    private func releaseAlone(_ intention: String) throws(CNIError) {
        let store = DHCPLeaseStore(root: request.settings.runDirectory)
        for family in [AddressFamily.v4, .v6] {
            let name = DHCPLeaseName(key: request.key, family: family)
            let record = try translating(intention, .storeUnusable) { () throws(KernelError) in
                try store.record(of: name)
            }
            if let record { tellServer(record, name) }
            try translating(intention, .storeUnusable) { () throws(KernelError) in try store.remove(name) }
        }
    }

    private func tellServer(_ record: DHCPLeaseRecord, _ name: DHCPLeaseName) {
        let given = request.invocation.namespacePath
        do throws(KernelError) {
            if try record.release(through: given.isEmpty ? record.order.namespacePath : given) { return }
            Machine.log("dhcp: the server was not told that \(name) is gone: it waits for the lease's end")
        } catch {
            Machine.log("dhcp: the server was not told that \(name) is gone: \(error)")
        }
    }

    /// Gives back what no survivor holds.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let network = request.configuration.name
        let survivors = surviving.map {
            DHCPQuestion.Survivor(containerID: $0.containerID, interfaceName: $0.interfaceName)
        }
        let question = DHCPQuestion.collect(network: network, surviving: survivors, begun: request.beganBoot)
        let intention = "cannot collect garbage of network \(network)"
        if try isDone(question, intention) { return }
        // Without a daemon nothing is prolonged: what is left is files.
        let store = DHCPLeaseStore(root: request.settings.runDirectory)
        try translating(intention, .storeUnusable) { () throws(KernelError) in
            for record in try store.records() where record.order.key.network == network {
                let key = record.order.key
                guard record.socketPath == socketPath, !survivors.contains(where: { $0.covers(key) }) else { continue }
                _ = try? record.release(through: record.order.namespacePath)
                try store.remove(record.order.name)
            }
        }
    }

    private func ask(_ question: DHCPQuestion, _ intention: String) throws(CNIError) -> JSONValue {
        do throws(DaemonLinkError) {
            return try DHCPDaemonLink.ask(question, at: socketPath)
        } catch {
            throw explain(error, intention)
        }
    }

    private func explain(_ error: DaemonLinkError, _ intention: String) -> CNIError {
        switch error {
        case .absent(let cause):
            CNIError(
                .tryAgainLater,
                "\(intention): no DHCP daemon at \(socketPath)",
                details: "\(cause); start it with `dhcp daemon` or its systemd units, or correct ipam.daemonSocketPath"
            )
        case .stranger(let finding):
            CNIError(
                .delegateFailed,
                "\(intention): at \(socketPath) listens somebody else than our DHCP daemon",
                details: "it is \(finding); stop it and start `dhcp daemon` of this project, or use another "
                    + "ipam.daemonSocketPath"
            )
        case .silent(let cause):
            CNIError(
                .tryAgainLater,
                "\(intention): the DHCP daemon at \(socketPath) did not answer",
                details: "\(cause)"
            )
        case .refused(let code, let message, let details):
            CNIError(CNIError.Code(rawValue: code), "\(intention): \(message)", details: details)
        }
    }
}

extension DNS {
    /// Says what another says too.
    fileprivate mutating func add(_ other: DNS) {
        nameservers += other.nameservers
        if domain.isEmpty { domain = other.domain }
        search += other.search.filter { !search.contains($0) }
    }
}
