// SPDX-License-Identifier: Apache-2.0
package import LeaseStore
package import Linux

extension AttachmentStore {
    /// Whether the owner of a lease lives, as far as its record tells.
    ///
    /// - Throws: ``KernelError``.
    package func evidence(of owner: LeaseOwner, in network: String) throws(KernelError) -> LeaseEvidence {
        let key = AttachmentKey(
            network: network,
            containerID: owner.containerID,
            interfaceName: owner.interfaceName
        )
        // Locked: somebody works on it.
        if try isAlive(key, since: .max) { return .alive }
        guard let record = try record(of: key) else { return .none }
        // The other end of a pair is there as long as the container's namespace, whatever became of its path.
        let port = "/sys/class/net/\(record.hostInterface)"
        if !record.hostInterface.isEmpty, try FileStatus.of(port) != nil { return .alive }
        guard record.isOfDeadContainer else { return record.namespaceIdentity.isEmpty ? .none : .alive }
        return .dead(confirmed: record.state == .attached)
    }
}
