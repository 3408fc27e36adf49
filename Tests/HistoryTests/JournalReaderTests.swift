// SPDX-License-Identifier: Apache-2.0
import History
import JSON
import Journal
import Linux
import TestSupport
import Testing

/// A report of a call for container `id`.
private func report(_ id: String, began: Int64 = 1_763_773_275_000_000_000) -> CallReport {
    var report = CallReport()
    report.beganWall = began
    report.duration = 2_000_000
    report.plugin = "bridge"
    report.verb = "ADD"
    report.network = "lan"
    report.containerID = id
    report.interfaceName = "eth0"
    report.steps = [.init(phase: .parse, began: 0, duration: 2_000_000)]
    report.process = 7
    return report
}

private func line(_ id: String) -> [UInt8] { JournalLine(report(id)).octets }

private func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

@Suite("Reading the journal")
struct JournalReaderTests {
    @Test("A report comes back from its line as it was")
    func roundTrip() {
        var sent = report("c1")
        sent.namespacePath = "/run/netns/\"odd\\\u{1}\n\té…"
        sent.addressPlugin = "host-local"
        sent.lockWait = 5
        sent.reclaimed = 3
        sent.steps = [
            .init(phase: .parse, began: 0, duration: 1_000_000), .init(phase: .links, began: 1_000_000, duration: 0),
        ]
        sent.outcome = .failed(code: 103, message: "none left", details: "all taken")
        sent.trace = TraceContext(traceID: (1, 2), spanID: 3, parentID: 4, flags: 1, state: "a=b")
        let octets = JournalLine(sent).octets
        #expect(octets.last == UInt8(ascii: "\n"))
        #expect(!octets.dropLast().contains(UInt8(ascii: "\n")))
        #expect(CallReport(line: octets.dropLast()) == sent)
    }

    @Test("However long and odd the texts are, a line is bounded, and what is left of them can be read")
    func bounded() throws {
        var sent = report("c1")
        let long = String(repeating: "\u{1}\"é\n", count: 20_000)
        sent.plugin = long
        sent.verb = long
        sent.network = long
        sent.containerID = long
        sent.interfaceName = long
        sent.namespacePath = long
        sent.addressPlugin = long
        sent.outcome = .failed(code: Int.max, message: long, details: long)
        sent.trace = TraceContext(
            traceID: (1, 2),
            spanID: 3,
            parentID: 4,
            flags: 1,
            state: String(repeating: "\"", count: 512)
        )
        sent.steps = (0..<100).map { .init(phase: .addresses, began: $0, duration: .max) }
        let octets = JournalLine(sent).octets
        #expect(octets.count <= JournalLine.longest)
        #expect(octets.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        let document = try JSONValue(parsing: Array(octets))
        guard case .object(let object) = document, case .string(let network)? = object["network"] else {
            Issue.record("no network in \(text(octets))")
            return
        }
        #expect(network.hasSuffix("…"))
        #expect(long.hasPrefix(network.dropLast()))
    }

    @Test("A line that is cut off at any octet is skipped, and the next one is found behind it")
    func half() {
        let whole = line("c1").dropLast()
        for end in 0..<(whole.count - 1) {
            #expect(CallReport(line: whole.prefix(end)) == nil)
            #expect(CallReport(line: (whole.prefix(end) + line("c2").dropLast())[...])?.containerID == "c2")
        }
    }

    @Test("Somebody who reads on sees each line once, across a turn of the files and a late line in the old one")
    func turning() throws {
        try withTemporaryDirectory { root in
            let (current, previous) = ("\(root)/journal/calls.jsonl", "\(root)/journal/calls.1.jsonl")
            try makeDirectory("\(root)/journal")
            let reader = JournalReader(runDirectory: root)
            try writeFile(current, text(line("c1") + line("c2")))
            let first = try reader.read(from: JournalPosition())
            #expect(first.reports.map { $0.containerID } == ["c1", "c2"])
            #expect(try reader.read(from: first.position).reports.isEmpty)

            try writeFile(previous, try readFile(current) ?? "")
            let other = try reader.read(from: JournalPosition())
            #expect(other.position.places.count == 2)
            #expect(JournalPosition(other.position.json) == other.position)

            // The same text in both has the same mark, but not the same number.
            try writeFile(current, text(line("c3")))
            try writeFile(previous, text(line("c1") + line("c2") + line("late") + line("half").dropLast(9)))
            let second = try reader.read(from: other.position)
            #expect(second.reports.map { $0.containerID } == ["late", "c3"])
        }
    }

    @Test("What is read at once is bounded, and nothing is lost by that")
    func bound() throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/journal")
            let names = (0..<50).map { "c\($0)" }
            try writeFile("\(root)/journal/calls.jsonl", text(names.flatMap { line($0) }))
            let reader = JournalReader(runDirectory: root)
            var seen: [String] = []
            var position = JournalPosition()
            var hasMore = true
            while hasMore {
                let batch = try reader.read(from: position, atMost: 1000)
                #expect(batch.reports.count < 10)
                seen += batch.reports.map { $0.containerID }
                (position, hasMore) = (batch.position, batch.hasMore)
            }
            #expect(seen == names)
        }
    }

    @Test("A file that is neither of the two any more is told")
    func gap() throws {
        try withTemporaryDirectory { root in
            try makeDirectory("\(root)/journal")
            let reader = JournalReader(runDirectory: root)
            try writeFile("\(root)/journal/calls.jsonl", text(line("c1")))
            var lost = JournalPosition()
            lost.places = [.init(inode: 1, mark: 2, offset: 3)]
            let batch = try reader.read(from: lost)
            #expect(batch.hasGap)
            #expect(batch.reports.count == 1)
            #expect(try !reader.read(from: batch.position).hasGap)
        }
    }

    @Test("Without a journal there is nothing to read")
    func missing() throws {
        try withTemporaryDirectory { root in
            let error = #expect(throws: KernelError.self) {
                _ = try JournalReader(runDirectory: root).read(from: JournalPosition())
            }
            #expect(error?.errno == .noSuchFileOrDirectory)
        }
    }
}
