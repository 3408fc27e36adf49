// SPDX-License-Identifier: Apache-2.0
package import CNI
internal import JSON
internal import Journal
package import Linux
package import Netlink
package import Plugin
package import Wiring

/// What is known of an attachment that ends; nobody else works on it.
package struct OpenRecord: ~Copyable {
    package let file: AttachmentFile?
    package let record: AttachmentRecord?

    /// Removes the record, if there is one.
    consuming func remove() throws(KernelError) {
        switch consume file {
        case .some(let file): try file.remove()
        case .none: break
        }
    }
}

// DEL and GC of every interface: what they have in common.
extension Request {
    /// Ends an attachment, whatever of it is there; can be repeated.
    ///
    /// Another one than is meant is left alone, see ``mayEnd(_:)``.
    ///
    /// `clear`: removes link and rules, by the record if there is one.
    /// - Throws: ``CNIError``; then the record stays for another DEL.
    package func detach(
        _ intention: String,
        _ clear: (AttachmentRecord?) throws(KernelError) -> Void
    ) throws(CNIError) {
        notes.enter(.record)
        let open = try openRecord(intention)
        let record = open.record
        guard mayEnd(record) else { return }
        notes.enter(.links)
        // What was leased through the link is given back through it; whatever becomes of that, the link goes.
        var refusal: CNIError?
        let isThroughLink = AddressDelegate.needsLink(self)
        do throws(CNIError) {
            if isThroughLink { try AddressDelegate(for: self)?.delete() }
        } catch {
            refusal = error
        }
        try translating(intention) { () throws(KernelError) in try clear(record) }
        if !isThroughLink { try AddressDelegate(for: self)?.delete() }
        if let refusal { throw refusal }
        releaseRecorded(record)
        notes.enter(.record)
        do throws(KernelError) {
            try open.remove()
        } catch {
            throw CNIError(.storeUnusable, intention, error)
        }
    }

    /// Gives back what ADD took by another `ipam` than the one that DEL came with: somebody has edited the network since.
    ///
    /// If it cannot be done, that is said and the attachment ends all the same: GC finds what is left.
    private func releaseRecorded(_ record: AttachmentRecord?) {
        guard let record, case .object(let then) = record.configuration, case .object(let now) = document,
            let ipam = then["ipam"], ipam != now["ipam"]
        else { return }
        do throws(CNIError) {
            let recorded = Request(
                invocation: invocation,
                configuration: try NetworkConfiguration(record.configuration),
                document: record.configuration,
                settings: settings,
                siblings: siblings,
                beganWall: beganWall,
                beganBoot: beganBoot,
                notes: notes
            )
            try AddressDelegate(for: recorded)?.delete()
        } catch {
            Machine.log("\(configuration.type): addresses that ADD took by another ipam may be left: \(error)")
        }
    }

    private func openRecord(_ intention: String) throws(CNIError) -> OpenRecord {
        do throws(KernelError) {
            let file = try AttachmentFile(existing: key, in: attachments, waitingAtMost: settings.lockBound)
            let record = file.record
            return OpenRecord(file: file, record: record)
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return OpenRecord(file: nil, record: nil) }
            throw CNIError(.storeUnusable, intention, error)
        }
    }

    /// A socket in the container, for taking away what is there.
    ///
    /// By CNI_NETNS; without it, where the record says that the container was, if it still is.
    /// - Returns: nil when there is no such namespace any more, and all links have gone with it.
    /// - Throws: ``KernelError``.
    package func socketInside(_ record: AttachmentRecord?) throws(KernelError) -> NetlinkSocket? {
        let isNamed = !invocation.namespacePath.isEmpty
        let path = isNamed ? invocation.namespacePath : record?.namespacePath ?? ""
        guard !path.isEmpty else { return nil }
        let home = try NetworkNamespace.current()
        let container: NetworkNamespace
        do throws(KernelError) {
            container = try NetworkNamespace(path: path)
        } catch {
            // Gone, or a plain file that a lost mount left behind: the link went with the namespace.
            guard error.isMissingNamespace else { throw error }
            return nil
        }
        if !isNamed, let record, "\(container.identity)" != record.namespaceIdentity { return nil }
        return try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
    }

    /// Removes the container's interface from inside, if it is of a kind that this plugin makes.
    ///
    /// `key`: the attachment, which for GC is not this call's.
    /// `kinds`: as the kernel calls them.
    /// - Throws: ``KernelError``.
    package func removeInside(
        of key: AttachmentKey,
        _ record: AttachmentRecord?,
        kinds: [String]
    ) throws(KernelError) {
        // Without a record of ours, an interface that another network has recorded is that network's.
        if record == nil, try !attachments.otherNetworks(of: key).isEmpty { return }
        guard let socket = try socketInside(record), let link = try socket.link(named: key.interfaceName),
            kinds.contains(link.kind)
        else { return }
        try HostEnd.removeLink(link, on: socket)
    }
}

// GC of every interface.
extension Request {
    /// Removes every attachment of the network but the survivors, and those younger than this call.
    ///
    /// Goes on after an error, and reports all of them.
    ///
    /// `hasFilters`: whether rules of packet filters may be left of attachments without a record.
    /// `clear`: removes link and rules of one attachment, by its record if it says anything.
    package func sweep(
        sparing surviving: [AttachmentID],
        hasFilters: Bool = false,
        _ clear: (AttachmentKey, AttachmentRecord?, borrowing NetlinkSocket) throws(KernelError) -> Void
    ) throws(CNIError) {
        let network = configuration.name
        let intention = "cannot collect garbage of network \(network)"
        var surviving = surviving
        var errors: [String] = []
        let keys = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try attachments.keys(of: network)
        }
        let isThroughLink = AddressDelegate.needsLink(self)
        if isThroughLink { errors += sweepAddresses(sparing: surviving, and: keys) }
        let host = try translating(intention) { () throws(KernelError) in try NetlinkSocket() }
        for key in keys where !surviving.contains(where: { $0.covers(key) }) {
            do throws(KernelError) {
                if try !collect(key, on: host, clear) {
                    surviving.append(AttachmentID(containerID: key.containerID, interfaceName: key.interfaceName))
                }
            } catch {
                errors.append("\(key): \(error)")
            }
        }
        do throws(KernelError) {
            if hasFilters { try sweepFilters(sparing: surviving) }
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
            guard (try? attachments.isAlive(key, since: beganBoot)) ?? true else { continue }
            surviving.append(AttachmentID(containerID: key.containerID, interfaceName: key.interfaceName))
        }
        do throws(CNIError) {
            try AddressDelegate(for: self)?.collectGarbage(surviving: surviving)
            return []
        } catch {
            return ["\(error)"]
        }
    }

    /// Removes the rules of attachments that have no record.
    private func sweepFilters(sparing surviving: [AttachmentID]) throws(KernelError) {
        let network = configuration.name
        let store = attachments
        try FilterPlan.sweep(network) { () throws(KernelError) in
            .network(network, sparing: .init(surviving, of: network, and: try store.keys(of: network)))
        } where: { containerID in
            // Asked when the chains are read: whoever came meanwhile has a record by then.
            guard !surviving.contains(where: { $0.containerID == containerID }) else { return false }
            return !store.mayHold(containerID: containerID, of: network)
        }
    }

    /// - Returns: false when the attachment is provably alive: somebody works on it, or it is younger than this call.
    private func collect(
        _ key: AttachmentKey,
        on host: borrowing NetlinkSocket,
        _ clear: (AttachmentKey, AttachmentRecord?, borrowing NetlinkSocket) throws(KernelError) -> Void
    ) throws(KernelError) -> Bool {
        let file: AttachmentFile
        do throws(KernelError) {
            file = try AttachmentFile(opening: key, in: attachments, waitingAtMost: .zero)
        } catch {
            guard error.errno == .wouldBlock else { throw error }
            return false
        }
        if file.isYounger(than: beganBoot) { return false }
        try clear(key, file.record, host)
        try file.remove()
        return true
    }
}
