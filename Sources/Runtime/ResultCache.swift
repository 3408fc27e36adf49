// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import CNI
internal import Linux

/// The directory where runtimes remember their attachments, shared with every runtime that is built on libcni.
package struct ResultCache: Hashable, Sendable {
    /// Where libcni keeps it.
    package static let standard = ResultCache(path: "/var/lib/cni/results")

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Where an attachment is remembered.
    package func file(network: String, _ attachment: Attachment) -> String {
        "\(path)/\(name(network, attachment))"
    }

    private func name(_ network: String, _ attachment: Attachment) -> String {
        "\(network)-\(attachment.containerID)-\(attachment.interfaceName)"
    }

    /// What is remembered of an attachment; nil when nothing is.
    ///
    /// - Throws: `CNIError`: code 5 when the file cannot be read, 6 when it makes no sense.
    package func entry(network: String, _ attachment: Attachment) throws(CNIError) -> CachedAttachment? {
        let file = file(network: network, attachment)
        let text: [UInt8]
        do throws(KernelError) {
            text = try Descriptor(opening: file, O_RDONLY).readAll(file)
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return nil }
            throw CNIError(.inputOutput, "cannot read the cached attachment", details: "\(error)")
        }
        return try CachedAttachment(parsing: text, network: network, attachment: attachment)
    }

    /// All that is remembered of a network, by file name.
    ///
    /// Files that make no sense, or speak of an attachment other than the one they are named after, are passed over.
    ///
    /// - Throws: `CNIError` with code 5 when the directory cannot be read; a missing one is empty.
    package func entries(of network: String) throws(CNIError) -> [CachedAttachment] {
        var entries: [CachedAttachment] = []
        do throws(KernelError) {
            let directory = try Directory(path: path)
            for name in try directory.names().sorted(by: { $0.precedesBytewise($1) }) {
                guard let status = try directory.status(name), status.isRegularFile else { continue }
                let text = try directory.open(name, O_RDONLY).readAll("\(path)/\(name)")
                guard let entry = Self.parse(text), entry.network == network else { continue }
                if name == self.name(network, entry.attachment) { entries.append(entry) }
            }
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return entries }
            throw CNIError(.inputOutput, "cannot read the cached attachments", details: "\(error)")
        }
        return entries
    }

    private static func parse(_ text: [UInt8]) -> CachedAttachment? {
        do throws(CNIError) {
            return try CachedAttachment(parsing: text)
        } catch {
            return nil
        }
    }

    /// Remembers an attachment in place of what was remembered of it before; readers see one or the other whole.
    ///
    /// - Throws: `CNIError` with code 5.
    package func store(_ entry: CachedAttachment) throws(CNIError) {
        let name = name(entry.network, entry.attachment)
        let temporary = ".\(name).tmp"
        do throws(KernelError) {
            let directory = try Directory(creating: path, mode: 0o700)
            let file = try directory.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            try file.writeAll(entry.text, "\(path)/\(temporary)")
            try directory.rename(temporary, to: name)
        } catch {
            throw CNIError(
                .inputOutput,
                "failed to set network \"\(entry.network)\" cached result",
                details: "\(error); the container is connected: undo that with DEL"
            )
        }
    }

    /// Forgets an attachment; that nothing is remembered is no error.
    ///
    /// - Throws: `CNIError` with code 5.
    package func remove(network: String, _ attachment: Attachment) throws(CNIError) {
        do throws(KernelError) {
            try Directory(path: path).remove(name(network, attachment))
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return }
            throw CNIError(.inputOutput, "cannot remove the cached attachment", details: "\(error)")
        }
    }
}
