// SPDX-License-Identifier: Apache-2.0
internal import JSON
internal import Journal
package import Linux

/// Carries calls from the journal to a collector: each at least once, in the order of the journal.
///
/// What was taken is remembered after the collector has said so: who is killed in between sends a batch again, with the
/// same ids. Calls that leave the journal before they were sent are lost, which is said. One batch is in memory.
package struct SpanExporter: ~Copyable {
    /// What became of one attempt.
    package enum Step: Hashable, Sendable {
        /// So many calls were taken; there may be more.
        case sent(Int)
        /// Nothing is left to send.
        case idle
        /// The collector is to be asked again, after so many seconds if it said so.
        case refused(String, retryAfter: Int?)
    }

    private let reader: JournalReader
    private let collector: Collector
    private let host: String
    private let say: (String) -> Void
    private var memory: ExportMemory

    /// - Parameters:
    ///   - runDirectory: below which the journal is.
    ///   - collector: who gets the spans.
    ///   - host: this machine's name.
    ///   - say: told of calls that are lost, a sentence each.
    /// - Throws: ``KernelError``; `EWOULDBLOCK` when somebody else exports this journal.
    package init(
        runDirectory: String,
        _ collector: Collector,
        host: String,
        say: @escaping (String) -> Void
    ) throws(KernelError) {
        reader = JournalReader(runDirectory: runDirectory)
        memory = try ExportMemory(path: reader.directory)
        self.collector = collector
        self.host = host
        self.say = say
    }

    /// The directory whose files change when there is more.
    package var directory: String { reader.directory }

    /// Sends the next batch.
    ///
    /// - Throws: ``KernelError`` when the journal cannot be read, or the position not be kept.
    package mutating func step() throws(KernelError) -> Step {
        let batch: JournalReader.Batch
        do throws(KernelError) {
            batch = try reader.read(from: memory.position)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return .idle
        }
        guard !batch.reports.isEmpty else {
            try memory.remember(batch.position)
            return batch.hasMore ? .sent(0) : .idle
        }
        let reply: CollectorReply
        do throws(KernelError) {
            reply = try collector.post(SpanDocument.request(of: batch.reports, host: host).serialized())
        } catch {
            return .refused("\(error)", retryAfter: nil)
        }
        if reply.isTemporary { return .refused("status \(reply.status)", retryAfter: reply.retryAfter) }
        if batch.hasGap { say("the journal was turned over before all of it was sent: some calls are lost") }
        if let trouble = SpanExporter.trouble(reply, batch.reports.count) { say(trouble) }
        try memory.remember(batch.position)
        return .sent(batch.reports.count)
    }

    /// What a collector did not take, and will not take another time either.
    private static func trouble(_ reply: CollectorReply, _ count: Int) -> String? {
        let said = reply.text.prefix(200).filter { !$0.isNewline }
        guard (200..<300).contains(reply.status) else {
            return "\(count) calls are lost: the collector refuses them with status \(reply.status): \(said)"
        }
        guard let document = try? JSONValue(parsing: Array(reply.text.utf8)),
            let partial = try? JSONReader(document).member("partialSuccess"), case .object(let object) = partial.value
        else { return nil }
        let rejected: String
        switch object["rejectedSpans"] {
        case .integer(let number): rejected = "\(number)"
        case .string(let text): rejected = text
        default: return nil
        }
        return rejected == "0" ? nil : "the collector refuses \(rejected) spans: \(said)"
    }
}
