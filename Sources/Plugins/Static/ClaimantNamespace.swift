// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import LeaseStore
internal import Linux

/// Which namespace a claimant's container had, in a file beside the claims: `<containerID>:<interface>`.
///
/// An address outlives its container when DEL never comes, or comes from an implementation that knows no claims. A pool
/// has other addresses then; here the next container wants just this one, whichever plugin made its interface, so the
/// death must be provable without that plugin's records.
struct ClaimantNamespace {
    private let directory: String
    private let name: String

    // Neither container ids nor interface names may hold a slash or a colon. CNI 1.1.0, section 2.
    init(of claimant: LeaseOwner, in directory: String) {
        self.directory = directory
        name = "\(claimant.containerID):\(claimant.interfaceName)"
    }

    private var path: String { "\(directory)/\(name)" }

    /// Writes down which namespace it is; whoever writes holds the lock of the claims.
    ///
    /// Cut off, it proves nothing.
    ///
    /// - Returns: whether there was nothing before.
    /// - Throws: ``KernelError``; then what was made by this is gone again.
    func write(path namespacePath: String, identity: String) throws(KernelError) -> Bool {
        let content = Array("\(identity)\n\(namespacePath)".utf8)
        do throws(KernelError) {
            let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            do throws(KernelError) {
                try file.writeAll(content, path)
            } catch {
                try remove()
                throw error
            }
            return true
        } catch {
            guard error.errno == .fileExists else { throw error }
            let file = try Descriptor(opening: path, O_WRONLY | O_TRUNC | O_NOFOLLOW)
            try file.writeAll(content, path)
            return false
        }
    }

    /// Whether the namespace is provably gone: its path is, or it leads to another one.
    ///
    /// - Throws: ``KernelError``.
    func isGone() throws(KernelError) -> Bool {
        let content: [UInt8]
        do throws(KernelError) {
            content = try Descriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).readSmallFile(path, limit: 8192)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
        guard let end = content.firstIndex(of: UInt8(ascii: "\n")), end > 0, end + 1 < content.count
        else { return false }
        let identity = String(decoding: content[..<end], as: UTF8.self)
        do throws(KernelError) {
            guard let status = try FileStatus.of(String(decoding: content[(end + 1)...], as: UTF8.self))
            else { return true }
            return "\(status.identity)" != identity
        } catch {
            // Whose namespace cannot be looked at is never taken for dead.
            return false
        }
    }

    /// Forgets it; that there is nothing is no error.
    ///
    /// - Throws: ``KernelError``.
    func remove() throws(KernelError) {
        try Directory(path: directory).remove(name)
    }

    /// All claimants that have a file in a directory.
    ///
    /// - Throws: ``KernelError``.
    static func claimants(in directory: String) throws(KernelError) -> [LeaseOwner] {
        try Directory(path: directory).names().compactMap { name in
            let parts = name.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
            return LeaseOwner(containerID: String(parts[0]), interfaceName: String(parts[1]))
        }
    }
}
