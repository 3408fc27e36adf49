// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Journal
package import Linux

/// Reads the journal of calls from wherever somebody stopped, while plugins write to it.
package struct JournalReader: Sendable {
    /// What was read.
    package struct Batch: Sendable {
        package var reports: [CallReport] = []
        /// Where to go on.
        package var position = JournalPosition()
        /// Whether there is more than the bound allowed to be read at once.
        package var hasMore = false
        /// Whether lines may have gone before they were read: the file that was read last is neither of the two.
        package var hasGap = false
    }

    /// What was found in one of the files.
    private struct Piece {
        var place: JournalPosition.Place
        let octets: [UInt8]
    }

    package let directory: String

    package init(runDirectory: String) {
        directory = CallJournal(runDirectory: runDirectory, limit: 0).directory
    }

    /// Reads whole lines, those of the previous file first.
    ///
    /// `position`: where somebody stopped; nothing to begin with the oldest line.
    /// `bound`: how many octets of each file to read at most; more than any line has.
    /// - Throws: ``KernelError``; `ENOENT` when there is no journal.
    package func read(from position: JournalPosition, atMost bound: Int = 256 << 10) throws(KernelError) -> Batch {
        // The current one first: what is put aside meanwhile is met again as the previous one, and not missed.
        let current = try piece(CallJournal.currentName, position, bound)
        let previous = try piece(CallJournal.previousName, position, bound)
        var batch = Batch()
        if let previous, previous.place != current?.place { JournalReader.add(previous, bound, to: &batch) }
        if let current { JournalReader.add(current, bound, to: &batch) }
        guard !batch.position.places.isEmpty else {
            throw KernelError("open \(directory)/\(CallJournal.currentName)", .noSuchFileOrDirectory)
        }
        if let last = position.places.last {
            batch.hasGap = !batch.position.places.contains { $0.inode == last.inode && $0.mark == last.mark }
        }
        return batch
    }

    /// What of a file has not been read; nil when there is no such file, or nothing in it.
    private func piece(_ name: String, _ position: JournalPosition, _ bound: Int) throws(KernelError) -> Piece? {
        let path = "\(directory)/\(name)"
        do throws(KernelError) {
            let file = try Descriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            let status = try file.status(path)
            guard status.isRegularFile, status.size > 0 else { return nil }
            let inode = status.identity.inode
            let mark = JournalReader.checksum(of: try file.read(128, at: 0, path))
            let known = position.places.first { $0.inode == inode && $0.mark == mark }
            let place = JournalPosition.Place(inode: inode, mark: mark, offset: known?.offset ?? 0)
            return Piece(place: place, octets: try file.read(bound, at: place.offset, path))
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    private static func add(_ piece: Piece, _ bound: Int, to batch: inout Batch) {
        var place = piece.place
        var start = 0
        while let end = piece.octets[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if let report = CallReport(line: piece.octets[start..<end]) { batch.reports.append(report) }
            start = end + 1
        }
        // No line of ours is so long: whatever it is, it must not keep the reader there for ever.
        if start == 0, piece.octets.count >= bound { start = piece.octets.count }
        place.offset += start
        if piece.octets.count >= bound { batch.hasMore = true }
        batch.position.places.append(place)
    }

    /// FNV-1a, of what of the first line fits; enough to tell two files with the same number apart.
    private static func checksum(of octets: [UInt8]) -> UInt64 {
        var sum: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in octets.prefix(while: { $0 != UInt8(ascii: "\n") }) {
            sum = (sum ^ UInt64(octet)) &* 0x100_0000_01b3
        }
        return sum
    }
}
