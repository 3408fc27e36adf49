// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import History
import Linux
import Plugin

/// `culvert export`: calls as spans, to a collector.
struct SpanExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Send what plugins did to a collector of traces, as spans of OpenTelemetry.",
        discussion: """
            Reads the journal of calls and posts it in JSON over HTTP (OTLP/HTTP): each call \
            is a span of its caller's trace (TRACEPARENT) or of a trace of its own, and each \
            of its steps a span below it. Plugins never wait for this.

              culvert export --otlp http://127.0.0.1:4318 --follow

            How far it came is remembered beside the journal. Each call arrives at least once: \
            who is killed between the collector's answer and that note sends one batch again, \
            with the same ids. While a collector cannot be reached or is busy it is asked \
            again, more and more rarely; calls that meanwhile leave the journal are lost, \
            which is said.

            There is no TLS: let a collector on this host pass the spans on. Its name is \
            looked up in /etc/hosts alone.

            Environment:
              CULVERT_RUN_DIR              below which the journal is (default /run/culvert)
              OTEL_EXPORTER_OTLP_ENDPOINT  the collector, without --otlp

            Exit status:
              0   all of the journal was sent
              1   it was not: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    @Option(help: ArgumentHelp("The collector: http://HOST[:PORT][/PATH].", valueName: "url"))
    var otlp: String?

    @Flag(help: "Go on with calls as they come, until interrupted.")
    var follow = false

    @Flag(help: "Send what is there, and end; that is so without --follow too.")
    var once = false

    @Option(help: ArgumentHelp("Without --follow, try for so many seconds.", valueName: "seconds"))
    var patience = 60

    func validate() throws {
        guard !(follow && once) else { throw ValidationError("--follow and --once exclude each other") }
        guard patience >= 0 else { throw ValidationError("--patience: \(patience) is less than nothing") }
        _ = try collector()
    }

    private func collector() throws(ValidationError) -> CollectorAddress {
        guard let url = otlp ?? Machine.variable("OTEL_EXPORTER_OTLP_ENDPOINT"), !url.isEmpty else {
            throw ValidationError("say where the collector is: --otlp http://127.0.0.1:4318")
        }
        do throws(CollectorAddress.Refusal) {
            return try CollectorAddress(url)
        } catch {
            throw ValidationError("--otlp: \(error)")
        }
    }

    func run() throws {
        let collector = Collector(try collector())
        let directory = Settings(variable: Machine.variable).runDirectory
        do {
            let reader = JournalReader(runDirectory: directory)
            var exporter = try SpanExporter(runDirectory: directory, collector, host: SpanExport.hostName) {
                Machine.log("culvert: \($0)")
            }
            // From before the first look, so that nothing is missed between it and the wait.
            var watch = JournalWatch(reader)
            guard follow else { return try sendAll(&exporter) }
            while true {
                if try send(&exporter, for: nil) { try watch.wait() }
            }
        } catch let error as KernelError {
            let isBusy = error.errno == .wouldBlock
            let refusals: [Errno] = [.permissionDenied, .notPermitted]
            let advice = refusals.contains(error.errno) ? "; run this as root" : ""
            Machine.log("culvert: \(isBusy ? "another culvert export sends this journal: " : "")\(error)\(advice)")
            throw ExitCode(1)
        }
    }

    private func sendAll(_ exporter: inout SpanExporter) throws {
        guard try send(&exporter, for: .seconds(patience)) else { throw ExitCode(1) }
    }

    /// Sends until nothing is left.
    ///
    /// `patience`: how long to ask a collector that does not take anything; for ever without.
    /// - Returns: whether all of it was sent.
    private func send(_ exporter: inout SpanExporter, for patience: Duration?) throws(KernelError) -> Bool {
        var seconds = 1
        var last = ""
        let end = Machine.bootNanoseconds + (patience.map { $0.components.seconds } ?? 0) * 1_000_000_000
        while true {
            switch try exporter.step() {
            case .idle: return true
            case .sent:
                if !last.isEmpty { Machine.log("culvert: the collector takes spans again") }
                (seconds, last) = (1, "")
            case .refused(let reason, let retryAfter):
                let pause = min(max(retryAfter ?? seconds, 1), 300)
                let isEnd = patience != nil && Machine.bootNanoseconds + Int64(pause) * 1_000_000_000 > end
                if isEnd || reason != last {
                    let next = isEnd ? "the same command sends it later" : "trying again"
                    Machine.log("culvert: nothing was sent: \(reason); \(next)")
                }
                if isEnd { return false }
                last = reason
                Machine.pause(.seconds(pause))
                seconds = min(seconds * 2, 60)
            }
        }
    }

    /// uname(2)'s node name.
    private static var hostName: String {
        let path = "/proc/sys/kernel/hostname"
        guard let octets = try? Descriptor(opening: path, 0).readSmallFile(path) else { return "" }
        return String(decoding: octets.filter { $0 > UInt8(ascii: " ") }, as: UTF8.self)
    }
}
