// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Linux

/// The journal of calls: what the plugins of this host did lately, a line each.
///
/// A file that grows up to a limit, and the one before it. A line is appended by one write(2) to a file opened with
/// `O_APPEND`, so that lines of concurrent calls stay whole; a process that is killed leaves half a line at worst,
/// which readers skip. Nobody waits for anybody, nothing is synchronized, and whatever goes wrong goes unsaid: no call
/// may fail or wait because of its own account.
package struct CallJournal: Sendable {
    /// The file that is appended to.
    package static var currentName: String { "calls.jsonl" }
    /// The file that was appended to before.
    package static var previousName: String { "calls.1.jsonl" }

    package let directory: String
    /// How large a file grows, in octets.
    private let limit: Int

    /// - Parameters:
    ///   - runDirectory: below which the journal is, `/run/culvert`.
    ///   - limit: how large each of the two files may grow, in octets.
    package init(runDirectory: String, limit: Int) {
        directory = "\(runDirectory)/journal"
        self.limit = limit
    }

    /// Keeps a report, if that can be done at once.
    package func append(_ report: CallReport) {
        do throws(KernelError) {
            try append(JournalLine(report).octets)
        } catch {
            // A full disk or a read-only one is somebody else's to report: this call has its own answer.
            return
        }
    }

    private func append(_ line: [UInt8]) throws(KernelError) {
        let directory = try openDirectory()
        var file = try open(in: directory)
        let status = try file.status(CallJournal.currentName)
        // Another name of the file would be somebody's trick to have a file of his own written to.
        guard status.isRegularFile, status.linkCount <= 1 else { return }
        if status.size > 0, status.size + Int64(line.count) > Int64(limit), turn(file, status, in: directory) {
            file = try open(in: directory)
        }
        _ = line.withUnsafeBytes { CLinux.write(file.rawValue, $0.baseAddress, $0.count) }
    }

    private func openDirectory() throws(KernelError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        do throws(KernelError) {
            return try Descriptor(opening: directory, flags)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            _ = try Directory(creating: directory, mode: 0o700)
            return try Descriptor(opening: directory, flags)
        }
    }

    private func open(in directory: borrowing Descriptor) throws(KernelError) -> Descriptor {
        // A pipe in its place must keep nobody waiting for a reader.
        try Descriptor(
            opening: CallJournal.currentName,
            in: directory,
            O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
            mode: 0o600
        )
    }

    /// Makes the current file the previous one, if nobody else has.
    ///
    /// The lock is that of the file itself, and nobody waits for it: who does not get it writes to the file that he
    /// has, which is the previous one by then.
    /// - Returns: whether there is, or may be, another current file now.
    private func turn(
        _ file: borrowing Descriptor,
        _ status: FileStatus,
        in directory: borrowing Descriptor
    ) -> Bool {
        do throws(KernelError) {
            try file.lock(CallJournal.currentName, waitingAtMost: .zero)
            let path = "\(self.directory)/\(CallJournal.currentName)"
            guard try FileStatus.of(path)?.identity == status.identity else { return true }
        } catch {
            return false
        }
        let isTurned =
            renameat(
                directory.rawValue,
                CallJournal.currentName,
                directory.rawValue,
                CallJournal.previousName
            ) == 0
        return isTurned
    }
}
