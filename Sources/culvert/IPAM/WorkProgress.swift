// SPDX-License-Identifier: Apache-2.0
import CLinux
import Linux

/// Says on standard error how far something is that takes longer than a second, when somebody can be looking.
struct WorkProgress {
    private let intention: String
    private let began = Machine.bootNanoseconds
    private let isWatched = culvert_terminal_width(2) >= 0

    init(_ intention: String) {
        self.intention = intention
    }

    /// So many are done of so many.
    func tell(_ count: Int, _ total: Int) {
        guard isWatched, Machine.bootNanoseconds - began > 1_000_000_000, total > 0 else { return }
        write("\r\(intention): \(count * 100 / total) % of \(total)\u{1b}[K")
    }

    /// Takes the line away.
    func end() {
        guard isWatched, Machine.bootNanoseconds - began > 1_000_000_000 else { return }
        write("\r\u{1b}[K")
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = CLinux.write(2, bytes, bytes.count)
    }
}
