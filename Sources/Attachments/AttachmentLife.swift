// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import LeaseStore
package import Linux
internal import Netlink
package import Wiring

/// Whether the container of an attachment lives, and by what proof.
package struct AttachmentLife: Hashable, Sendable {
    /// The verdict, by the word that reports use; these words stay.
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case alive
        case dead
        /// There is no proof of either.
        case unknown
    }

    package let verdict: Verdict
    /// The proof, as the end of a sentence that begins with the verdict.
    package let proof: String

    package init(_ verdict: Verdict, _ proof: String) {
        self.verdict = verdict
        self.proof = proof
    }
}

/// Finds out who lives: as the plugins do when they reclaim addresses, and with a look at every process besides.
package struct AttachmentInquest {
    private let store: AttachmentStore
    /// All network namespaces there are; nil before it was asked for, then nil when nobody can tell.
    private var living: LivingNamespaces??

    package init(_ store: AttachmentStore) {
        self.store = store
    }

    /// Judges one attachment.
    ///
    /// - Parameters:
    ///   - key: which one.
    ///   - record: that of the plugin that made the interface, else of another one of the chain; nil when there is none,
    ///     or only half of one.
    /// - Returns: the verdict, and the proof.
    /// - Throws: ``KernelError`` when nobody can look.
    package mutating func life(
        of key: AttachmentKey,
        _ record: AttachmentRecord?
    ) throws(KernelError) -> AttachmentLife {
        if let record, store.isFromEarlierBoot(record) {
            return AttachmentLife(.dead, "its record was written before this machine booted")
        }
        let owner = LeaseOwner(containerID: key.containerID, interfaceName: key.interfaceName)
        switch try store.evidence(of: owner, in: key.network) {
        case .alive: return AttachmentLife(.alive, AttachmentInquest.proof(ofLife: record))
        case .dead: return death(of: record)
        case .none: break
        }
        // Only a plugin further down the chain has a record.
        guard let record, !record.namespaceIdentity.isEmpty else {
            return AttachmentLife(.unknown, "its record does not say in which namespace it is")
        }
        if record.isOfDeadContainer { return death(of: record) }
        return AttachmentLife(.alive, AttachmentInquest.proof(ofLife: record))
    }

    private static func proof(ofLife record: AttachmentRecord?) -> String {
        guard let record else { return "somebody works on it right now" }
        guard !record.isOfDeadContainer else {
            return "the other end of its pair is there, though not under \(record.namespacePath)"
        }
        return "its namespace \(record.namespacePath) is there"
    }

    /// A namespace may outlive its path: as long as a process is in it, or a mount keeps it under another one.
    private mutating func death(of record: AttachmentRecord?) -> AttachmentLife {
        guard let record else { return AttachmentLife(.dead, "its namespace is gone") }
        let text = record.namespaceIdentity.split(separator: ":").last.flatMap { UInt64($0) }
        if let inode = text, let living = namespaces(), AttachmentInquest.holds(living, inode, record) {
            return AttachmentLife(.alive, "its namespace is there, though not under \(record.namespacePath)")
        }
        let path = record.namespacePath
        do throws(KernelError) {
            _ = try NetworkNamespace(path: path)
            return AttachmentLife(.dead, "\(path) is another namespace now")
        } catch {
            // A mount that was lost leaves a plain file behind.
            let isFile = error.errno == .invalidArgument
            return AttachmentLife(.dead, isFile ? "\(path) is a plain file now" : "its namespace \(path) is gone")
        }
    }

    /// Whether a namespace with the container's inode has the container's interface: the kernel gives the inode of a
    /// dead namespace to the next one.
    private static func holds(_ living: LivingNamespaces, _ inode: UInt64, _ record: AttachmentRecord) -> Bool {
        guard living.contains(inode) else { return false }
        // Nobody can look: then it may well be the container's.
        guard let namespace = living.namespace(inode) else { return true }
        do throws(KernelError) {
            let home = try NetworkNamespace.current()
            let socket = try namespace.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            guard let link = try socket.link(named: record.key.interfaceName) else { return false }
            guard let result = AttachmentFacts.result(record.result) else { return true }
            let written = result.interfaces.filter { !$0.sandbox.isEmpty && $0.name == record.key.interfaceName }
            if let address = link.address, written.contains(where: { $0.mac == "\(address)" }) { return true }
            // The container may have changed that one.
            let addresses = Set(try socket.addresses(ofLink: link.index).map { $0.address.address })
            return result.ips.contains { addresses.contains($0.address.address) }
        } catch {
            return true
        }
    }

    private mutating func namespaces() -> LivingNamespaces? {
        if let living { return living }
        let found = LivingNamespaces.found()
        living = .some(found)
        return found
    }
}
