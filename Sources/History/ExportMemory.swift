// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import JSON
internal import Journal
package import Linux

/// How far the journal has been exported, in a file beside it; whoever has it open is the only one who exports.
package struct ExportMemory: ~Copyable {
    private static var name: String { "export.json" }

    private let directory: Directory
    private let guardian: Descriptor
    package private(set) var position: JournalPosition

    /// Opens the memory, and takes its lock.
    ///
    /// - Parameter path: the directory of the journal; made if it is missing, so that an exporter can come first.
    /// - Throws: ``KernelError``; `EWOULDBLOCK` when somebody else exports.
    package init(path: String) throws(KernelError) {
        let directory = try Directory(creating: path, mode: 0o700)
        let guardian = try directory.open("export.lock", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        try guardian.lock("\(path)/export.lock", waitingAtMost: .zero)
        position = ExportMemory.read(directory)
        self.directory = directory
        self.guardian = guardian
    }

    /// A memory that makes no sense is as good as none: everything is exported once more.
    private static func read(_ directory: borrowing Directory) -> JournalPosition {
        guard let octets = try? directory.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).readSmallFile(name),
            let document = try? JSONValue(parsing: octets)
        else { return JournalPosition() }
        return JournalPosition(document) ?? JournalPosition()
    }

    /// Remembers a position, all of it or not at all.
    ///
    /// - Throws: ``KernelError``.
    package mutating func remember(_ position: JournalPosition) throws(KernelError) {
        guard position != self.position else { return }
        let temporary = ExportMemory.name + ".tmp"
        let file = try directory.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        try file.writeAll(position.json.serialized() + [UInt8(ascii: "\n")], "\(directory.path)/\(temporary)")
        try directory.rename(temporary, to: ExportMemory.name)
        self.position = position
    }
}
