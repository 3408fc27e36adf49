// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Linux

/// The record of one attachment, opened and locked: no other operation on this attachment runs meanwhile.
///
/// The lock is the record file itself, so a process that dies leaves the attachment unlocked and its record behind.
/// What a file says is replaced as a whole (temporary file, rename); a new one is written in place: a reader without
/// the lock sees a whole record, or none yet.
package struct AttachmentFile: ~Copyable {
    private let directory: Directory
    private var file: Descriptor
    private let name: String
    /// Whether the file was made for this attachment, and nobody has tried to write to it.
    private var isNew: Bool
    /// What the file says; nil when it is new, or when its writer died over it.
    package private(set) var record: AttachmentRecord?
    /// Whether the file was there before.
    package let existed: Bool

    /// Opens the record of an attachment, making an empty one when there is none.
    ///
    /// `plugin`: whose record; empty for that of the plugin that made the interface.
    /// `bound`: how long to wait for another operation on the attachment.
    /// - Throws: ``KernelError``; `EWOULDBLOCK` when another operation held the record all the time.
    package init(
        opening key: AttachmentKey,
        of plugin: String = "",
        in store: AttachmentStore,
        waitingAtMost bound: Duration
    ) throws(KernelError) {
        let directory: Directory
        do throws(KernelError) {
            directory = try Directory(creating: store.path(of: key.network), mode: 0o700)
        } catch {
            throw store.explaining(error)
        }
        try self.init(key, plugin, directory, flags: O_CREAT, waitingAtMost: bound)
    }

    /// As ``init(opening:of:in:waitingAtMost:)``, with `ENOENT` when there is no record.
    package init(
        existing key: AttachmentKey,
        of plugin: String = "",
        in store: AttachmentStore,
        waitingAtMost bound: Duration
    ) throws(KernelError) {
        let directory = try Directory(path: store.path(of: key.network))
        try self.init(key, plugin, directory, flags: 0, waitingAtMost: bound)
    }

    private init(
        _ key: AttachmentKey,
        _ plugin: String,
        _ directory: consuming Directory,
        flags: CInt,
        waitingAtMost bound: Duration
    ) throws(KernelError) {
        let name = AttachmentStore.fileName(of: key, plugin: plugin)
        do throws(KernelError) {
            while true {
                let file = try AttachmentFile.open(name, in: directory, O_RDWR | O_NOFOLLOW | flags)
                try file.lock("\(directory.path)/\(name)", waitingAtMost: bound)
                // Who held the lock may have replaced or removed the file while we waited.
                let status = try file.status(name)
                guard try directory.status(name)?.identity == status.identity else { continue }
                try AttachmentFile.requireRegular(status, "\(directory.path)/\(name)")
                let content = try file.readAll(name)
                record = AttachmentRecord(key: key, content: content)
                existed = !content.isEmpty || flags == 0
                isNew = !existed
                self.file = file
                self.name = name
                self.directory = directory
                return
            }
        } catch {
            // An empty file says nothing: if it was made by this, it goes again, and if it was not, nobody misses it.
            if flags != 0, error.errno != .wouldBlock, try directory.status(name)?.size == 0 {
                try directory.remove(name)
            }
            throw error
        }
    }

    private static func open(
        _ name: String,
        in directory: borrowing Directory,
        _ flags: CInt
    ) throws(KernelError) -> Descriptor {
        do throws(KernelError) {
            return try directory.open(name, flags, mode: 0o600)
        } catch {
            switch error.errno {
            case .isDirectory, .tooManySymbolicLinkLevels:
                throw KernelError(error.operation, error.errno, explanation: noFile)
            default: throw error
            }
        }
    }

    private static let noFile = "it is no regular file; remove it"

    /// A pipe in its place would be waited for, for ever.
    private static func requireRegular(_ status: FileStatus, _ path: String) throws(KernelError) {
        guard !status.isRegularFile else { return }
        throw KernelError("open \(path)", .invalidArgument, explanation: noFile)
    }

    /// Whether the attachment was begun after a moment, by ``Machine/bootNanoseconds``.
    package func isYounger(than moment: Int64) -> Bool {
        record.map { $0.intendedNanoseconds >= moment } ?? false
    }

    /// Replaces the record.
    ///
    /// - Throws: ``KernelError``; then the old record stands, or what there is of the first one is nobody's.
    package mutating func write(_ record: AttachmentRecord) throws(KernelError) {
        if isNew {
            isNew = false
            try file.writeAll(record.content, "\(directory.path)/\(name)")
        } else {
            try replace(with: record)
        }
        self.record = record
    }

    private mutating func replace(with record: AttachmentRecord) throws(KernelError) {
        let temporary = AttachmentStore.temporaryName(of: name)
        do throws(KernelError) {
            let new = try openTemporary(temporary)
            // Nobody else writes here while we hold the record, so this never waits.
            try new.lock("\(directory.path)/\(temporary)", waitingAtMost: .zero)
            try new.writeAll(record.content, "\(directory.path)/\(temporary)")
            try directory.rename(temporary, to: name)
            file = new
        } catch {
            try directory.remove(temporary)
            throw error
        }
    }

    /// Makes the temporary file anew, whatever bears its name: nobody who lives writes to it.
    private func openTemporary(_ name: String) throws(KernelError) -> Descriptor {
        let flags = O_RDWR | O_CREAT | O_EXCL
        do throws(KernelError) {
            return try directory.open(name, flags, mode: 0o600)
        } catch {
            guard error.errno == .fileExists else { throw error }
            try directory.remove(name)
            return try directory.open(name, flags, mode: 0o600)
        }
    }

    /// Removes the record and what a writer left that died.
    ///
    /// - Throws: ``KernelError``.
    package consuming func remove() throws(KernelError) {
        try directory.remove(AttachmentStore.temporaryName(of: name))
        try directory.remove(name)
    }
}
