// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

/// All attachment records of this host: `<root>/attachments/<network>/<containerID>:<interface>.json`.
///
/// A plugin further down the chain, such as `portmap`, keeps a record of its own beside it:
/// `<containerID>:<interface>:portmap.json`. On tmpfs: a reboot empties it, as it empties the kernel.
package struct AttachmentStore: Hashable, Sendable {
    /// `/run/culvert` unless somebody says otherwise.
    package let root: String

    package init(root: String) {
        self.root = root
    }

    func path(of network: String) -> String { "\(root)/attachments/\(network)" }

    // Neither container ids nor interface names may hold a slash or a colon. CNI 1.1.0, section 2.
    static func fileName(of key: AttachmentKey, plugin: String = "") -> String {
        let stem = "\(key.containerID):\(key.interfaceName)"
        return plugin.isEmpty ? "\(stem).json" : "\(stem):\(plugin).json"
    }

    /// The same refusal, with what to do about it, when records may not be written where they are to be.
    ///
    /// As by a user without rights to `/run`, or below a read-only file system.
    func explaining(_ error: KernelError) -> KernelError {
        switch error.errno {
        case .permissionDenied, .readOnlyFileSystem, .noSuchFileOrDirectory:
            let advice = "records are kept below \(root); CULVERT_RUN_DIR names another directory for them"
            return KernelError(error.operation, error.errno, explanation: advice)
        default:
            return error
        }
    }

    static func temporaryName(of name: String) -> String { name + ".tmp" }

    /// The networks that have records, in order.
    ///
    /// - Throws: ``KernelError``.
    package func networks() throws(KernelError) -> [String] {
        try AttachmentStore.names(in: "\(root)/attachments").sorted()
    }

    /// The attachments of a network that have a record, or half of one.
    ///
    /// `plugin`: whose records; empty for those of the plugin that made the interface.
    /// - Throws: ``KernelError``; a network nobody ever joined has none, nor has what is no directory.
    package func keys(of network: String, plugin: String = "") throws(KernelError) -> [AttachmentKey] {
        do throws(KernelError) {
            return try keysInDirectory(of: network, plugin: plugin)
        } catch {
            // A file that somebody left among the networks hides none of them.
            guard error.errno == .notDirectory else { throw error }
            return []
        }
    }

    private func keysInDirectory(of network: String, plugin: String) throws(KernelError) -> [AttachmentKey] {
        let names = try AttachmentStore.names(in: path(of: network))
        let keys = names.compactMap { AttachmentStore.key(of: $0, network, plugin) }
        return Set(keys).sorted { $0.description < $1.description }
    }

    /// What the record of an attachment says right now, without a lock; nil when there is none, or only half of one.
    ///
    /// - Throws: ``KernelError``.
    package func record(of key: AttachmentKey, plugin: String = "") throws(KernelError) -> AttachmentRecord? {
        let path = "\(path(of: key.network))/\(AttachmentStore.fileName(of: key, plugin: plugin))"
        // Neither a link nor a pipe is a record.
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
        do throws(KernelError) {
            return AttachmentRecord(key: key, content: try Descriptor(opening: path, flags).readAll(path))
        } catch {
            switch error.errno {
            // What is no file says nothing, and hides no record beside it.
            case .noSuchFileOrDirectory, .isDirectory, .tooManySymbolicLinkLevels: return nil
            default: throw error
            }
        }
    }

    /// Whether a container may have a record of a network: also if nobody can tell.
    ///
    /// `plugin`: as for ``keys(of:plugin:)``.
    package func mayHold(containerID: String, of network: String, plugin: String = "") -> Bool {
        do throws(KernelError) {
            return try keysInDirectory(of: network, plugin: plugin).contains { $0.containerID == containerID }
        } catch {
            return true
        }
    }

    private static func names(in path: String) throws(KernelError) -> [String] {
        do throws(KernelError) {
            return try Directory(path: path).names()
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return []
        }
    }

    /// Whether an attachment is provably alive: somebody works on it right now, or it is younger than a moment.
    ///
    /// `moment`: by ``Machine/bootNanoseconds``.
    /// - Throws: ``KernelError``.
    package func isAlive(_ key: AttachmentKey, since moment: Int64) throws(KernelError) -> Bool {
        do throws(KernelError) {
            let file = try AttachmentFile(existing: key, in: self, waitingAtMost: .zero)
            return file.isYounger(than: moment)
        } catch {
            switch error.errno {
            case .wouldBlock: return true
            // Who works on an attachment has its record, a file.
            case .noSuchFileOrDirectory, .isDirectory, .tooManySymbolicLinkLevels, .invalidArgument: return false
            // Nobody can lock anything there, so that nobody works on it.
            case .readOnlyFileSystem: return try record(of: key).map { $0.intendedNanoseconds >= moment } ?? false
            default: throw error
            }
        }
    }

    /// The networks besides an attachment's own of which the same container has an interface of the same name.
    ///
    /// A container has one interface of a name: if another network has it, this one does not.
    ///
    /// - Throws: ``KernelError``.
    package func otherNetworks(of key: AttachmentKey) throws(KernelError) -> [String] {
        var others: [String] = []
        do throws(KernelError) {
            for network in try Directory(path: "\(root)/attachments").names() where network != key.network {
                let path = "\(path(of: network))/\(AttachmentStore.fileName(of: key))"
                if try FileStatus.of(path) != nil { others.append(network) }
            }
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
        }
        return others
    }

    private static func key(of name: String, _ network: String, _ plugin: String) -> AttachmentKey? {
        let file = name.hasSuffix(".tmp") ? name.dropLast(4) : name[...]
        guard file.hasSuffix(".json") else { return nil }
        let parts = file.dropLast(5).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == (plugin.isEmpty ? 2 : 3), plugin.isEmpty || parts[2] == plugin[...] else { return nil }
        return AttachmentKey(network: network, containerID: String(parts[0]), interfaceName: String(parts[1]))
    }
}
