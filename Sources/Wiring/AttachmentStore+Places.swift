// SPDX-License-Identifier: Apache-2.0
package import Linux

// For who looks at records without working on attachments.
extension AttachmentStore {
    /// Where the record of an attachment is, or would be.
    ///
    /// `plugin`: whose record; empty for that of the plugin that made the interface.
    package func path(of key: AttachmentKey, plugin: String = "") -> String {
        "\(path(of: key.network))/\(AttachmentStore.fileName(of: key, plugin: plugin))"
    }

    /// When a record of a network last came, went or was written anew, in nanoseconds since 1970; 0 when there is none.
    ///
    /// - Throws: ``KernelError``.
    package func changedNanoseconds(of network: String) throws(KernelError) -> Int64 {
        try FileStatus.of(path(of: network))?.modifiedNanoseconds ?? 0
    }

    /// Whether a record was written before this machine booted: then nothing of what it says is there any more.
    ///
    /// That it is found at all means that the run directory is on no tmpfs.
    package func isFromEarlierBoot(_ record: AttachmentRecord, plugin: String = "") -> Bool {
        if record.intendedNanoseconds > Machine.bootNanoseconds { return true }
        do throws(KernelError) {
            let status = try FileStatus.of(path(of: record.key, plugin: plugin))
            return status.map { $0.modifiedNanoseconds < Machine.earliestBootNanoseconds } ?? false
        } catch {
            return false
        }
    }
}
