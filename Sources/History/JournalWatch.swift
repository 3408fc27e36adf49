// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Waits for the next calls in a journal, which may not be there yet.
package struct JournalWatch: ~Copyable {
    private let reader: JournalReader
    private var watch: DirectoryWatch?

    /// Begins to watch, so that nothing is missed that is written after this.
    package init(_ reader: JournalReader) {
        self.reader = reader
        watch = JournalWatch.begin(reader)
    }

    private static func begin(_ reader: JournalReader) -> DirectoryWatch? {
        do throws(KernelError) {
            let watch = try DirectoryWatch()
            _ = try watch.add(reader.directory)
            return watch
        } catch {
            return nil
        }
    }

    /// What was written since, waiting for it if need be.
    ///
    /// - Throws: ``KernelError`` when it cannot be read.
    package mutating func next(after position: JournalPosition) throws(KernelError) -> JournalReader.Batch {
        while true {
            do throws(KernelError) {
                let batch = try reader.read(from: position)
                if !batch.reports.isEmpty || batch.hasMore { return batch }
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
            }
            try wait()
        }
    }

    /// Waits until something may have been written.
    ///
    /// - Throws: ``KernelError``.
    package mutating func wait() throws(KernelError) {
        if watch == nil {
            watch = JournalWatch.begin(reader)
            // What was written before the watch began is read first.
            if watch == nil { Machine.pause(.seconds(1)) }
            return
        }
        // A directory that is gone is looked for again.
        let events = try watch?.next() ?? []
        if events.contains(where: { $0.kind == .ended }) { watch = nil }
    }
}
