// SPDX-License-Identifier: Apache-2.0
package import Linux

/// All attachment records of this host: `<root>/attachments/<network>/<containerID>:<interface>.json`.
///
/// On tmpfs: a reboot empties it, as it empties the kernel.
package struct AttachmentStore: Hashable, Sendable {
    /// `/run/culvert` unless somebody says otherwise.
    package let root: String

    package init(root: String) {
        self.root = root
    }

    func path(of network: String) -> String { "\(root)/attachments/\(network)" }

    // Neither container ids nor interface names may hold a slash or a colon. CNI 1.1.0, section 2.
    static func fileName(of key: AttachmentKey) -> String { "\(key.containerID):\(key.interfaceName).json" }

    static func temporaryName(of name: String) -> String { name + ".tmp" }

    /// The attachments of a network that have a record, or half of one.
    ///
    /// - Throws: ``KernelError``; a network nobody ever joined has none.
    package func keys(of network: String) throws(KernelError) -> [AttachmentKey] {
        let names: [String]
        do throws(KernelError) {
            names = try Directory(path: path(of: network)).names()
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return []
        }
        return Set(names.compactMap { AttachmentStore.key(of: $0, network) }).sorted { $0.description < $1.description }
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
            if error.errno == .wouldBlock { return true }
            guard error.errno != .noSuchFileOrDirectory else { return false }
            throw error
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

    private static func key(of name: String, _ network: String) -> AttachmentKey? {
        let stem = name.hasSuffix(".tmp") ? name.dropLast(4) : name[...]
        guard stem.hasSuffix(".json"), let colon = stem.lastIndex(of: ":") else { return nil }
        let interface = stem[stem.index(after: colon)...].dropLast(5)
        return AttachmentKey(
            network: network,
            containerID: String(stem[..<colon]),
            interfaceName: String(interface)
        )
    }
}
