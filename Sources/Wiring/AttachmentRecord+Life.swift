// SPDX-License-Identifier: Apache-2.0
internal import Linux

extension AttachmentRecord {
    /// Whether the container's namespace is provably gone: its path is, or it leads to another one.
    package var isOfDeadContainer: Bool {
        guard !namespacePath.isEmpty, !namespaceIdentity.isEmpty else { return false }
        do throws(KernelError) {
            guard let status = try FileStatus.of(namespacePath) else { return true }
            return "\(status.identity)" != namespaceIdentity
        } catch {
            return false
        }
    }
}
