// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CLinux
internal import CNI
internal import LeaseStore
internal import Linux
internal import Plugin
internal import Wiring

/// Which addresses of a network have been given to whom: `<CULVERT_RUN_DIR>/static/<network>/`, in the form of
/// host-local's leases.
///
/// On tmpfs: a reboot ends all containers, and empties it. Beside the claims stands for each claimant what proves that
/// it is dead, see ``ClaimantNamespace``. Needs nothing of the configuration but the network's name, so that nothing in
/// it keeps anybody from cleaning up.
struct AddressClaims {
    /// Who has an address.
    enum Holder: Hashable {
        case nobody
        /// This attachment, of an ADD that was cut off or is repeated.
        case us
        /// Somebody whose namespace is gone, and whose DEL never came.
        case dead(LeaseOwner)
        case other(LeaseOwner)
    }

    private let request: Request
    private let path: String
    private let owner: LeaseOwner

    init(_ request: Request) {
        self.request = request
        path = "\(request.settings.runDirectory)/static/\(request.configuration.name)"
        owner = LeaseOwner(
            containerID: request.invocation.containerID,
            interfaceName: request.invocation.interfaceName
        )
    }

    private func namespace(of claimant: LeaseOwner) -> ClaimantNamespace {
        ClaimantNamespace(of: claimant, in: path)
    }

    /// Who has an address, without a lock.
    func holder(of address: IPAddress) throws(CNIError) -> Holder {
        try inStore { () throws(KernelError) in try currentHolder(of: address) }
    }

    private func currentHolder(of address: IPAddress) throws(KernelError) -> Holder {
        guard let holder = try LeaseOwner(inFile: "\(path)/\(address)") else { return .nobody }
        if holder.covers(owner) { return .us }
        return try namespace(of: holder).isGone() ? .dead(holder) : .other(holder)
    }

    /// Takes addresses, all of them under one lock or none; those that this attachment has already stay its own.
    ///
    /// - Throws: ``CNIError``, code 104 when somebody has one.
    func take(_ addresses: [IPAddress]) throws(CNIError) {
        let directory = try inStore { () throws(KernelError) in
            try LeaseDirectory(creating: path, waitingAtMost: request.settings.lockBound)
        }
        var taken: [IPAddress] = []
        var isNoted = false
        do throws(CNIError) {
            let identity = request.namespaceIdentity
            isNoted = try inStore { () throws(KernelError) in
                try namespace(of: owner).write(path: request.invocation.namespacePath, identity: identity)
            }
            for address in addresses where try take(address, of: directory) { taken.append(address) }
        } catch {
            throw giveBack(taken, isNoted, to: directory, because: error)
        }
    }

    /// - Returns: false when it was ours before.
    private func take(_ address: IPAddress, of directory: borrowing LeaseDirectory) throws(CNIError) -> Bool {
        // Once more, when what was in the way is nobody's and gone.
        for _ in 0..<2 {
            if try inStore({ () throws(KernelError) in try directory.take(address, for: owner) }) { return true }
            switch try holder(of: address) {
            case .us:
                try inStore { () throws(KernelError) in try directory.renew(address) }
                return false
            case .nobody:
                try inStore { () throws(KernelError) in try directory.release(address) }
            case .dead(let claimant):
                try inStore { () throws(KernelError) in try bury(claimant, in: directory) }
            case .other(let other):
                throw refusal(of: address, heldBy: other)
            }
        }
        throw CNIError(
            .storeUnusable,
            "cannot claim IP address \(address)",
            details: "somebody writes to \(path) without holding its lock"
        )
    }

    /// Frees everything of a container that is gone, the proof that it is last.
    private func bury(_ claimant: LeaseOwner, in directory: borrowing LeaseDirectory) throws(KernelError) {
        for lease in try directory.leases() where lease.owner == claimant { try directory.release(lease.address) }
        try namespace(of: claimant).remove()
    }

    /// What to answer when another container has an address.
    func refusal(of address: IPAddress, heldBy other: LeaseOwner) -> CNIError {
        CNIError(
            .addressUnavailable,
            "requested IP address \(address) is not available: container \(other) has it",
            details: "see \(path)/\(address); DEL that container, or, if it is gone, have GC collect it"
        )
    }

    private func giveBack(
        _ taken: [IPAddress],
        _ isNoted: Bool,
        to directory: borrowing LeaseDirectory,
        because cause: CNIError
    ) -> CNIError {
        var cause = cause
        for address in taken {
            do throws(KernelError) {
                try directory.release(address)
            } catch {
                cause = cause.adding("left behind: address \(address) (\(error))")
            }
        }
        guard isNoted else { return cause }
        do throws(KernelError) {
            try namespace(of: owner).remove()
        } catch {
            cause = cause.adding("left behind: namespace of \(owner) (\(error))")
        }
        return cause
    }

    /// Frees every address of the container's interface; that there is none is no error.
    func release() throws(CNIError) {
        try withExisting { directory throws(KernelError) in
            for lease in try directory.leases() where lease.owner.covers(owner) {
                try directory.release(lease.address)
            }
            try namespace(of: owner).remove()
        }
    }

    /// Frees every address but the survivors', those of attachments that are provably alive, and those taken since this
    /// call began, of which the caller knew nothing.
    func sweep(sparing surviving: [AttachmentID]) throws(CNIError) {
        try withExisting { directory throws(KernelError) in
            try directory.removeLeftovers()
            let survivors = Set(
                surviving.map { LeaseOwner(containerID: $0.containerID, interfaceName: $0.interfaceName) }
            )
            var claimants: Set<LeaseOwner> = []
            for lease in try directory.leases() {
                if try isSpared(lease, survivors) {
                    claimants.insert(lease.owner)
                } else {
                    try directory.release(lease.address)
                }
            }
            for claimant in try ClaimantNamespace.claimants(in: path) where !claimants.contains(claimant) {
                try namespace(of: claimant).remove()
            }
        }
    }

    private func isSpared(_ lease: LeaseDirectory.Lease, _ survivors: Set<LeaseOwner>) throws(KernelError) -> Bool {
        let owner = lease.owner
        // Old runtimes name only the container.
        let whole = LeaseOwner(containerID: owner.containerID, interfaceName: "")
        if survivors.contains(owner) || survivors.contains(whole) { return true }
        if lease.modifiedNanoseconds > request.beganWall { return true }
        return try request.attachments.isAlive(
            AttachmentKey(
                network: request.configuration.name,
                containerID: owner.containerID,
                interfaceName: owner.interfaceName
            ),
            since: request.beganBoot
        )
    }

    /// Whether claims could be made, as far as it can be told without making one.
    func probe() throws(CNIError) {
        do throws(KernelError) {
            _ = try Directory(path: path)
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return }
            throw CNIError(.unavailable, "cannot use the claims in \(path)", error)
        }
    }

    private func withExisting(
        _ body: (borrowing LeaseDirectory) throws(KernelError) -> Void
    ) throws(CNIError) {
        do throws(KernelError) {
            try body(try LeaseDirectory(path: path, waitingAtMost: request.settings.lockBound))
        } catch {
            // A network that never gave anything has no directory.
            guard error.errno != .noSuchFileOrDirectory else { return }
            throw CNIError(.storeUnusable, "cannot release addresses in \(path)", error)
        }
    }

    private func inStore<Value: ~Copyable>(_ body: () throws(KernelError) -> Value) throws(CNIError) -> Value {
        try translating("cannot use the claims in \(path)", .storeUnusable, body)
    }
}

extension LeaseOwner {
    /// Whom the file of one lease names; nil when there is none, or it names nobody.
    ///
    /// - Throws: ``KernelError``.
    init?(inFile path: String) throws(KernelError) {
        let content: [UInt8]
        do throws(KernelError) {
            content = try Descriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).readSmallFile(path)
        } catch {
            switch error.errno {
            // Links, directories and large files are not what a lease is.
            case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .isDirectory, .fileTooLarge:
                return nil
            default: throw error
            }
        }
        self.init(content: content)
    }
}
