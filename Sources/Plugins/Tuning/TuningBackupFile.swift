// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// The files in which backups are kept, one for each interface.
///
/// Who reads one holds its lock, which is the file itself, so that it ends with whoever holds it.
enum TuningBackupFile {
    /// Container ids hold no slash, and neither do names of interfaces; the form is the reference's.
    static func name(_ containerID: String, _ interface: String) -> String { "\(containerID)_\(interface).json" }

    /// Reads a file that is there, and runs a body while nobody else may.
    ///
    /// `bound`: how long to wait for somebody else's lock.
    /// `body`: gets nil when the file makes no sense.
    /// - Returns: what the body returned; nil when there is no file.
    /// - Throws: ``KernelError``; `EWOULDBLOCK` when somebody else held the lock all the time.
    static func withLock<Value>(
        _ name: String,
        in path: String,
        waitingAtMost bound: Duration,
        _ body: (TuningBackup?) throws(KernelError) -> Value
    ) throws(KernelError) -> Value? {
        let file: Descriptor
        do throws(KernelError) {
            file = try openLocked(name, in: path, waitingAtMost: bound)
        } catch {
            guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw error }
            return nil
        }
        return try body(TuningBackup(content: try file.readAll(name, limit: 1 << 16)))
    }

    private static func openLocked(
        _ name: String,
        in path: String,
        waitingAtMost bound: Duration
    ) throws(KernelError) -> Descriptor {
        let directory = try Directory(path: path)
        while true {
            let file = try directory.open(name, O_RDWR | O_NOFOLLOW)
            try file.lock("\(path)/\(name)", waitingAtMost: bound)
            // Who held the lock may have replaced or removed the file while we waited.
            let identity = try file.status(name).identity
            if try directory.status(name)?.identity == identity { return file }
        }
    }

    private static let temporarySuffix = ".tmp"

    /// Writes a backup, whole or not at all, instead of what bore the name.
    ///
    /// - Throws: ``KernelError``; then everything is as it was.
    static func write(_ backup: TuningBackup, as name: String, in path: String) throws(KernelError) {
        let directory = try Directory(creating: path, mode: 0o700)
        let temporary = name + temporarySuffix
        do throws(KernelError) {
            let file = try directory.open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            // Held while we write: whoever sweeps sees that this is no dead process's.
            try file.lock("\(path)/\(temporary)", waitingAtMost: .seconds(1))
            try file.writeAll(backup.content, "\(path)/\(temporary)")
            try directory.rename(temporary, to: name)
        } catch {
            try directory.remove(temporary)
            throw error
        }
    }

    /// Removes a backup and what a writer left that died; that there is neither is no error.
    ///
    /// - Throws: ``KernelError``.
    static func removeAll(_ name: String, in path: String) throws(KernelError) {
        do throws(KernelError) {
            let directory = try Directory(path: path)
            try directory.remove(name)
            try directory.remove(name + temporarySuffix)
        } catch {
            guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw error }
        }
    }

    /// The names of all backups of a directory, and of what dead writers left.
    ///
    /// - Throws: ``KernelError``; a directory that is not there has none.
    static func names(in path: String) throws(KernelError) -> (backups: [String], temporary: [String]) {
        do throws(KernelError) {
            let names = try Directory(path: path).names().sorted()
            let backups = names.filter { $0.hasSuffix(".json") && $0.contains("_") }
            return (backups, names.filter { $0.hasSuffix(".json" + temporarySuffix) })
        } catch {
            guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw error }
            return ([], [])
        }
    }

    /// Removes what a writer left, unless it is writing still, or began after a moment.
    ///
    /// `moment`: by ``Machine/wallNanoseconds``.
    /// - Throws: ``KernelError``.
    static func removeTemporary(_ name: String, in path: String, olderThan moment: Int64) throws(KernelError) {
        let directory = try Directory(path: path)
        do throws(KernelError) {
            let file = try directory.open(name, O_RDWR | O_NOFOLLOW)
            try file.lock(name, waitingAtMost: .zero)
            // Files are stamped by the last tick of a clock that ticks a hundred times a second.
            guard try file.status(name).modifiedNanoseconds < moment &- 10_000_000 else { return }
            try directory.remove(name)
        } catch {
            guard error.errno == .noSuchFileOrDirectory || error.errno == .wouldBlock else { throw error }
        }
    }
}
