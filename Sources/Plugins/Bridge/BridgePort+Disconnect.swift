// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

// DEL and GC
extension BridgePort {
    /// Takes the container off the bridge; needs neither its namespace nor the result of its ADD, and can be repeated.
    func disconnect() throws(CNIError) {
        let intention = "cannot disconnect container \(request.key.containerID)"
        let open = try openRecord(intention)
        // What was leased through the link is given back through it; whatever becomes of that, the link goes.
        var refusal: CNIError?
        let isThroughLink = AddressDelegate.needsLink(request)
        do throws(CNIError) {
            if isThroughLink { try AddressDelegate(for: request)?.delete() }
        } catch {
            refusal = error
        }
        try translating(intention) { () throws(KernelError) in
            let host = try NetlinkSocket()
            if try !BridgePort.removePair(of: request.key, on: host) { try removeInside() }
            try BridgeFilters.remove(from: request.key, open.record, in: request.attachments)
        }
        if !isThroughLink { try AddressDelegate(for: request)?.delete() }
        if let refusal { throw refusal }
        do throws(KernelError) {
            try remove(open.file)
        } catch {
            throw CNIError(.storeUnusable, intention, error)
        }
    }

    private func openRecord(_ intention: String) throws(CNIError) -> OpenRecord {
        do throws(KernelError) {
            let bound = request.settings.lockBound
            let file = try AttachmentFile(existing: request.key, in: request.attachments, waitingAtMost: bound)
            let record = file.record
            return OpenRecord(file: file, record: record)
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return OpenRecord(file: nil, record: nil) }
            throw CNIError(.storeUnusable, intention, error)
        }
    }

    /// What is known of an attachment that ends; nobody else works on it.
    private struct OpenRecord: ~Copyable {
        let file: AttachmentFile?
        let record: AttachmentRecord?
    }

    private func remove(_ file: consuming AttachmentFile?) throws(KernelError) {
        switch consume file {
        case .some(let file): try file.remove()
        case .none: break
        }
    }

    /// Removes the container's end from inside: of a pair that somebody else made, whose other end nobody can name.
    private func removeInside() throws(KernelError) {
        let path = request.invocation.namespacePath
        guard !path.isEmpty, try request.attachments.otherNetworks(of: request.key).isEmpty else { return }
        let home = try NetworkNamespace.current()
        let container: NetworkNamespace
        do throws(KernelError) {
            container = try NetworkNamespace(path: path)
        } catch {
            // Gone, or a plain file that a lost mount left behind: the link went with the namespace.
            guard error.isMissingNamespace else { throw error }
            return
        }
        let socket = try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
        guard let link = try socket.link(named: request.invocation.interfaceName), link.kind == "veth" else { return }
        _ = try BridgePort.removeLink(link, on: socket)
    }

    /// Removes every attachment of the network but the survivors, and those younger than this call.
    ///
    /// Goes on after an error, and reports all of them.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let network = request.configuration.name
        let intention = "cannot collect garbage of network \(network)"
        var surviving = surviving
        var errors: [String] = []
        let keys = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try request.attachments.keys(of: network)
        }
        let isThroughLink = AddressDelegate.needsLink(request)
        if isThroughLink { errors += sweepAddresses(sparing: surviving, and: keys) }
        let host = try translating(intention) { () throws(KernelError) in try NetlinkSocket() }
        for key in keys where !surviving.contains(where: { $0.covers(key) }) {
            do throws(KernelError) {
                if try !collect(key, on: host) {
                    surviving.append(AttachmentID(containerID: key.containerID, interfaceName: key.interfaceName))
                }
            } catch {
                errors.append("\(key): \(error)")
            }
        }
        do throws(KernelError) {
            try sweepFilters(sparing: surviving)
        } catch {
            errors.append("\(error)")
        }
        if !isThroughLink { errors += sweepAddresses(sparing: surviving, and: []) }
        guard errors.isEmpty else {
            throw CNIError(.kernelRefused, intention, details: errors.joined(separator: "; "))
        }
    }

    /// Gives the addresses back that no survivor has, nor any of `keys` that is provably alive.
    ///
    /// - Returns: what went wrong, in words.
    private func sweepAddresses(sparing surviving: [AttachmentID], and keys: [AttachmentKey]) -> [String] {
        var surviving = surviving
        for key in keys where !surviving.contains(where: { $0.covers(key) }) {
            // Whoever cannot be looked at is not taken for dead.
            guard (try? request.attachments.isAlive(key, since: request.beganBoot)) ?? true else { continue }
            surviving.append(AttachmentID(containerID: key.containerID, interfaceName: key.interfaceName))
        }
        do throws(CNIError) {
            try AddressDelegate(for: request)?.collectGarbage(surviving: surviving)
            return []
        } catch {
            return ["\(error)"]
        }
    }

    /// Removes the rules of attachments that have no record.
    private func sweepFilters(sparing surviving: [AttachmentID]) throws(KernelError) {
        let network = request.configuration.name
        let store = request.attachments
        try FilterPlan.sweep(network) { () throws(KernelError) in
            .network(network, sparing: .init(surviving, of: network, and: try store.keys(of: network)))
        } where: { containerID in
            // Asked when the chains are read: whoever came meanwhile has a record by then.
            guard !surviving.contains(where: { $0.containerID == containerID }) else { return false }
            return !store.mayHold(containerID: containerID, of: network)
        }
    }

    /// - Returns: false when the attachment is provably alive: somebody works on it, or it is younger than this call.
    private func collect(_ key: AttachmentKey, on host: borrowing NetlinkSocket) throws(KernelError) -> Bool {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(opening: key, in: request.attachments, waitingAtMost: .zero)
        } catch {
            guard error.errno == .wouldBlock else { throw error }
            return false
        }
        if file.isYounger(than: request.beganBoot) { return false }
        try BridgePort.removePair(of: key, on: host)
        try BridgeFilters.remove(from: key, file.record, in: request.attachments)
        try file.remove()
        return true
    }
}
