// SPDX-License-Identifier: Apache-2.0
import Journal
import Linux
import TestSupport
import Testing

@Suite("The journal of calls")
struct CallJournalTests {
    private func report(_ id: String) -> CallReport {
        var report = CallReport()
        report.plugin = "bridge"
        report.verb = "ADD"
        report.containerID = id
        return report
    }

    private func lines(_ path: String) throws -> [Substring] {
        try readFile(path)?.split(separator: "\n") ?? []
    }

    @Test("A file that has no room for another line is put aside, and the one before it goes")
    func turning() throws {
        try withTemporaryDirectory { root in
            let one = JournalLine(report("c000")).octets.count
            let journal = CallJournal(runDirectory: root, limit: one * 10)
            for number in 0..<35 { journal.append(report("c\(number + 100)")) }
            let previous = try lines("\(journal.directory)/\(CallJournal.previousName)")
            let current = try lines("\(journal.directory)/\(CallJournal.currentName)")
            #expect(previous.count == 10)
            #expect(current.count == 5)
            #expect(previous.first?.contains("\"c120\"") == true)
            #expect(current.last?.contains("\"c134\"") == true)
        }
    }

    @Test("A line that is longer than the limit is kept all the same, alone")
    func long() throws {
        try withTemporaryDirectory { root in
            let journal = CallJournal(runDirectory: root, limit: 1)
            journal.append(report("c1"))
            journal.append(report("c2"))
            let previous = try lines("\(journal.directory)/\(CallJournal.previousName)")
            let current = try lines("\(journal.directory)/\(CallJournal.currentName)")
            #expect(previous.count == 1)
            #expect(current.count == 1)
        }
    }

    @Test("Where there can be no journal, nothing happens")
    func impossible() throws {
        CallJournal(runDirectory: "/proc/nowhere", limit: 4096).append(report("c1"))
        try withTemporaryDirectory { root in
            try writeFile("\(root)/file", "")
            CallJournal(runDirectory: "\(root)/file", limit: 4096).append(report("c1"))
            #expect(try readFile("\(root)/file") == "")
        }
    }
}
