// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import JSON
internal import Journal
internal import LeaseStore
internal import Linux
internal import Plugin
internal import Wiring

/// Gives addresses back.
///
/// Needs to know where the leases are, and nothing else of the configuration: ranges that were
/// changed or made invalid since keep nobody from cleaning up.
struct LeaseRelease {
    private let request: Request
    private let path: String

    init(_ request: Request) throws(CNIError) {
        self.request = request
        path = try LeaseRelease.directory(request)
    }

    /// Where a network's leases are: `<ipam.dataDir>/<name>`.
    static func directory(_ request: Request) throws(CNIError) -> String {
        let configured: String?
        do throws(JSONTypeError) {
            configured = try request.configuration.ipam?.string("dataDir")
        } catch {
            throw CNIError(error, in: "network configuration")
        }
        let root = configured.flatMap { $0.isEmpty ? nil : $0 } ?? ConfiguredPools.usualDataDirectory
        return "\(root)/\(request.configuration.name)"
    }

    /// Frees every address of the container's interface; that there is none is no error.
    func release() throws(CNIError) {
        let owner = LeaseOwner(
            containerID: request.invocation.containerID,
            interfaceName: request.invocation.interfaceName
        )
        try withLedger { ledger throws(KernelError) in
            try ledger.removeLeftovers()
            for lease in try ledger.leases(of: owner) {
                if !comesTooLate(for: lease) { try release(lease, &ledger) }
            }
        }
    }

    private func release(_ lease: LeaseRecord, _ ledger: inout LeaseLedger) throws(KernelError) {
        if try ledger.release(lease) { request.notes.leases.release(isV6: lease.address.family == .v6) }
    }

    /// Whether a DEL is about an earlier life: the container has been connected again since, somewhere else.
    ///
    /// Not one whose namespace is a plain file, the left-over of a lost mount: that may have been any.
    private func comesTooLate(for lease: LeaseRecord) -> Bool {
        let path = request.invocation.namespacePath
        guard !path.isEmpty, path != lease.namespacePath, let identity = lease.namespaceIdentity,
            lease.isInLivingNamespace
        else { return false }
        do throws(KernelError) {
            guard let status = try FileStatus.of(path) else { return true }
            // All namespaces are files of one device.
            return status.identity.device == identity.device && status.identity != identity
        } catch {
            return false
        }
    }

    /// Frees every address but the survivors', and those taken since this call began, of which the caller knew nothing.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        let owners = surviving.map { LeaseOwner(containerID: $0.containerID, interfaceName: $0.interfaceName) }
        let exact = Set(owners)
        let containers = Set(owners.map { $0.containerID })
        let wildcards = Set(owners.filter { $0.interfaceName.isEmpty }.map { $0.containerID })
        let isDue = { (lease: LeaseRecord) throws(KernelError) -> Bool in
            let owner = lease.owner
            if owner.interfaceName.isEmpty { return !containers.contains(owner.containerID) }
            if exact.contains(owner) || wildcards.contains(owner.containerID) { return false }
            // Who is younger than this call has a record that says so, or at least a file.
            if lease.file.modifiedNanoseconds > request.beganWall { return false }
            return try !request.attachments.isAlive(
                AttachmentKey(
                    network: request.configuration.name,
                    containerID: owner.containerID,
                    interfaceName: owner.interfaceName
                ),
                since: request.beganBoot
            )
        }
        try withLedger { ledger throws(KernelError) in
            try ledger.removeLeftovers()
            let kept = try ledger.keptAddresses()
            for lease in try ledger.all() where lease.isCollectable(kept) {
                if try isDue(lease) { try release(lease, &ledger) }
            }
            let memory = AddressMemory(root: request.settings.stateDirectory, leases: path)
            try memory.forget(unseenFor: .seconds(90 * 86_400))
        }
    }

    private func withLedger(_ body: (inout LeaseLedger) throws(KernelError) -> Void) throws(CNIError) {
        do throws(KernelError) {
            var ledger = try LeaseLedger(
                path: path,
                runDirectory: request.settings.runDirectory,
                waitingAtMost: request.settings.lockBound
            )
            try body(&ledger)
            ledger.commit()
        } catch {
            // A network that never leased anything has no directory.
            guard error.errno != .noSuchFileOrDirectory else { return }
            throw CNIError(.storeUnusable, "cannot release addresses in \(path)", error)
        }
    }
}
