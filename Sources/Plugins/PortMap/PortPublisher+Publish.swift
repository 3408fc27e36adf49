// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Journal
internal import Linux
internal import Netlink
internal import PacketFilter
internal import Plugin
internal import Wiring

// ADD
extension PortPublisher {
    /// Leads the ports to the container: all of them, or none.
    func publish() throws(CNIError) -> AddResult {
        let result = try previousResult()
        guard try wantsPorts() else { return result }
        let key = request.key
        let configuration = try PortMapConfiguration(request.configuration, interfaceName: key.interfaceName)
        let plan = try PortPlan(configuration, key)
        guard !configuration.forwards.isEmpty else { return result }
        request.notes.enter(.record)
        var file = try openRecord()
        let isFresh = !file.existed
        let old = file.record.flatMap { PortPlan($0) }
        let former = old?.configuration.forwards ?? []
        do throws(CNIError) {
            // What an ADD left that was cut off or never deleted would stand beside the new ports.
            if !isFresh {
                try translating(intention) { () throws(KernelError) in try removeRules(of: key, old) }
            }
            var record = record()
            try claim(configuration, insteadOf: former) { () throws(KernelError) in try file.write(record) }
            request.notes.enter(.filter)
            try translating(intention) { () throws(KernelError) in
                try plan.make(isFresh: isFresh)
                try letLocalhostThrough(configuration)
                try forgetConnections(configuration.forwards, isOver: false)
            }
            record.state = .attached
            request.notes.enter(.record)
            try translating(intention, .storeUnusable) { () throws(KernelError) in try file.write(record) }
            return result
        } catch {
            throw takeBack(plan, former, file, because: error)
        }
    }

    private func record() -> AttachmentRecord {
        AttachmentRecord(
            key: request.key,
            state: .intended,
            namespacePath: request.invocation.namespacePath,
            namespaceIdentity: request.namespaceIdentity,
            intendedNanoseconds: Machine.bootNanoseconds,
            configuration: request.document
        )
    }

    /// Makes sure that nobody else has the ports, and writes down that they are ours.
    ///
    /// `former`: what the attachment had by the record that is written over.
    private func claim(
        _ configuration: PortMapConfiguration,
        insteadOf former: [Forward],
        writing write: () throws(KernelError) -> Void
    ) throws(CNIError) {
        let forwards = configuration.forwards
        request.notes.enter(.record)
        let claim = try openClaim()
        let holders = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try claim.holders(conflictingWith: forwards)
        }
        for holder in holders {
            guard holder.record.isOfDeadContainer else { throw taken(forwards, by: holder) }
            try evict(holder)
            try translating(intention, .storeUnusable) { () throws(KernelError) in
                try claim.giveBack(holder.forwards)
            }
        }
        if !configuration.allowsListening { try refuseListeners(on: forwards) }
        try translating(intention, .storeUnusable) { () throws(KernelError) in
            try claim.take(forwards)
            try write()
            try claim.giveBack(former)
        }
    }

    func openClaim() throws(CNIError) -> PortClaim {
        try translating(intention, .storeUnusable) { () throws(KernelError) in
            try PortClaim.open(request.key, in: request.attachments, waitingAtMost: request.settings.lockBound)
        }
    }

    private func taken(_ forwards: [Forward], by holder: PortClaim.Holder) -> CNIError {
        let key = holder.record.key
        let rivals = holder.forwards.filter { theirs in forwards.contains { $0.conflicts(with: theirs) } }
        let ports = rivals.prefix(5).map { "\($0)" }.joined(separator: ", ")
        let more = rivals.count > 5 ? " and \(rivals.count - 5) more" : ""
        return CNIError(
            .portTaken,
            "host port \(ports)\(more) is taken by container \(key.containerID)",
            details: "it is interface \(key.interfaceName) of network \(key.network); stop it, or publish another port"
        )
    }

    /// Takes the ports of a container whose namespace is gone, and which nobody deleted.
    private func evict(_ holder: PortClaim.Holder) throws(CNIError) {
        let key = holder.record.key
        try translating(intention, .storeUnusable) { () throws(KernelError) in
            let file: AttachmentFile
            do throws(KernelError) {
                file = try AttachmentFile(
                    existing: key,
                    of: PortPublisher.plugin,
                    in: request.attachments,
                    waitingAtMost: .zero
                )
            } catch {
                // Its DEL was faster.
                guard error.errno != .noSuchFileOrDirectory else { return }
                throw error
            }
            try removeRules(of: key, PortPlan(holder.record))
            try file.remove()
        }
        Machine.log("portmap: took the ports of \(key), whose namespace is gone")
    }

    private func refuseListeners(on forwards: [Forward]) throws(CNIError) {
        let listeners = try translating(intention) { () throws(KernelError) in
            try Listener.all(of: forwards.listenedTransports)
        }
        for listener in listeners {
            guard let forward = forwards.first(where: { $0.conflicts(with: listener) }) else { continue }
            let holder = SocketHolder.find(inode: listener.inode)
            // podman keeps the ports of a container occupied itself, by a process that bears the container's id.
            if let holder, holder.arguments.contains(request.key.containerID) { continue }
            let name = holder.map { "process \($0.process) (\($0.name))" } ?? "a process of the host"
            throw CNIError(
                .portTaken,
                "\(name) listens on host port \(forward)",
                details: "stop it, publish another port, or set \"allowListening\": true to take its connections away"
            )
        }
    }

    /// Lets the host reach the container by 127.0.0.1, which otherwise no packet leaves the host with.
    private func letLocalhostThrough(_ configuration: PortMapConfiguration) throws(KernelError) {
        guard configuration.masquerades, let forward = configuration.forwards.first(where: { $0.family == .v4 })
        else { return }
        let socket = try NetlinkSocket()
        guard let link = try socket.outgoingLink(towards: forward.target) else { return }
        do throws(KernelError) {
            try socket.execute(.setRouteLocalnet(link: link))
        } catch {
            guard error.errno == .notPermitted || error.errno == .permissionDenied else { throw error }
            Machine.log("portmap: \(error); published ports are not reached by 127.0.0.1")
        }
    }

    /// Removes what was made, and the claim; what cannot be removed stays in the record.
    ///
    /// `former`: what the attachment had before.
    private func takeBack(
        _ plan: PortPlan,
        _ former: [Forward],
        _ file: consuming AttachmentFile,
        because cause: CNIError
    ) -> CNIError {
        do throws(KernelError) {
            if file.record != nil {
                try plan.remove()
                let claim = try PortClaim.open(
                    request.key,
                    in: request.attachments,
                    waitingAtMost: request.settings.lockBound
                )
                try file.remove()
                try claim.recount(plan.configuration.forwards + former)
            } else {
                try file.remove()
            }
            return cause
        } catch {
            return cause.adding("left behind: ports of \(request.key) (\(error))")
        }
    }
}

extension Forward {
    /// Whether a packet for the port would be one for the process that listens there.
    fileprivate func conflicts(with listener: Listener) -> Bool {
        guard listener.port == hostPort, listener.transport == transport.rawValue, listener.hears(family) else {
            return false
        }
        guard let hostAddress, !listener.address.isUnspecified else { return true }
        return hostAddress == listener.address
    }
}

extension [Forward] {
    /// The protocols whose listeners can be in the way.
    fileprivate var listenedTransports: [UInt8] {
        [Transport.tcp, .udp].filter { transport in contains { $0.transport == transport } }.map { $0.rawValue }
    }
}
