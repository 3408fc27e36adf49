// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CNI
import History
import Journal
import Linux
import Plugin
import Pools

/// `culvert log`: what each call of a plugin did.
struct CallLog: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Show what plugins were called for, how long it took, and why it failed.",
        discussion: """
            Reads the journal that plugins of culvert keep of their calls, the newest last. \
            It holds some thousands of calls of this boot; calls of VERSION are not in it.

              culvert log --failed --since 1h
              culvert log --container 3f2a --steps
              culvert log -f -o json

            --steps shows what the time of each call went into, one step after the other:
              parse      reading the environment and the configuration
              record     writing down what is intended and what is done
              addresses  the plugin that gives addresses, or takes them back
              links      links, addresses and routes
              filter     rules of the packet filter
              answer     writing the answer
              work       everything else

            With -o json a line is an object, its times in nanoseconds.

            Environment:
              CULVERT_RUN_DIR  below which the journal is (default /run/culvert)

            Exit status:
              0   done
              1   there is no journal, or it cannot be read: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    enum Form: String, ExpressibleByArgument, CaseIterable {
        /// For people.
        case table
        /// For people with wide screens: every column.
        case wide
        /// An object a line.
        case json
    }

    @Option(help: ArgumentHelp("Only calls for this network.", valueName: "name"))
    var network: String?

    @Option(help: ArgumentHelp("Only calls for containers whose id begins so.", valueName: "id"))
    var container: String?

    @Option(help: ArgumentHelp("Only calls of this plugin.", valueName: "name"))
    var plugin: String?

    @Option(help: ArgumentHelp("Only ADD, DEL, CHECK, GC or STATUS.", valueName: "verb"))
    var verb: String?

    @Flag(help: "Only calls that failed.")
    var failed = false

    @Option(help: ArgumentHelp("Only what began later: 10m, 2h, or 2026-11-22T01:02:03Z.", valueName: "when"))
    var since: String?

    @Option(help: ArgumentHelp("Only calls of the trace whose id begins so.", valueName: "id"))
    var trace: String?

    @Option(name: .customShort("n"), help: ArgumentHelp("At most so many calls, the newest.", valueName: "count"))
    var count: Int?

    @Flag(name: .shortAndLong, help: "Go on with calls as they come, until interrupted.")
    var follow = false

    @Flag(help: "Show how long each step took.")
    var steps = false

    @Option(name: .shortAndLong, help: ArgumentHelp("table, wide or json.", valueName: "form"))
    var output = Form.table

    @Flag(help: "Leave the titles of the table away.")
    var noHeaders = false

    func validate() throws {
        if let count { guard count >= 0 else { throw ValidationError("-n: \(count) is less than nothing") } }
        if let since {
            guard Instant.nanoseconds(of: since, now: 0) != nil else {
                throw ValidationError("--since: \"\(since)\" is no time; write 10m, 2h or 2026-11-22T01:02:03Z")
            }
        }
        if let verb {
            guard Command(rawValue: verb.uppercased()) != nil else {
                throw ValidationError("--verb: \"\(verb)\" is none of ADD, DEL, CHECK, GC and STATUS")
            }
        }
    }

    private var filter: CallFilter {
        var filter = CallFilter()
        filter.network = network
        filter.container = container
        filter.plugin = plugin
        filter.verb = verb?.uppercased()
        filter.isFailedOnly = failed
        filter.since = since.flatMap { Instant.nanoseconds(of: $0, now: Machine.wallNanoseconds) }
        filter.trace = trace?.lowercased()
        return filter
    }

    func run() throws {
        let reader = JournalReader(runDirectory: Settings(variable: Machine.variable).runDirectory)
        let filter = filter
        var printer = CallPrinter(form: output, hasSteps: steps, hasHeader: !noHeaders)
        do {
            var watch = JournalWatch(reader)
            var (reports, position) = try past(reader, filter)
            try printer.print(reports)
            guard follow else {
                if reports.isEmpty, output != .json { Machine.log("culvert: the journal has no such calls") }
                return
            }
            while true {
                let batch = try watch.next(after: position)
                if batch.hasGap { Machine.log("culvert: some calls left the journal before they could be read") }
                position = batch.position
                reports = batch.reports.filter { filter.admits($0) }
                try printer.print(reports)
            }
        } catch let error as KernelError {
            Machine.log("culvert: \(CallLog.explanation(error, reader))")
            throw ExitCode(1)
        }
    }

    /// What is in the journal already, in the order in which the calls began.
    private func past(
        _ reader: JournalReader,
        _ filter: CallFilter
    ) throws(KernelError) -> ([CallReport], JournalPosition) {
        var reports: [CallReport] = []
        var position = JournalPosition()
        var hasMore = true
        do throws(KernelError) {
            while hasMore {
                let batch = try reader.read(from: position)
                reports += batch.reports.filter { filter.admits($0) }
                (position, hasMore) = (batch.position, batch.hasMore)
            }
        } catch {
            // Who waits for calls waits for the first one too.
            guard follow, error.errno == .noSuchFileOrDirectory else { throw error }
        }
        reports.sort { $0.beganWall < $1.beganWall }
        return (count.map { Array(reports.suffix($0)) } ?? reports, position)
    }

    private static func explanation(_ error: KernelError, _ reader: JournalReader) -> String {
        guard error.errno == .noSuchFileOrDirectory else {
            return "\(PoolFailure(error, intention: "cannot read the journal"))"
        }
        return "there is no journal in \(reader.directory): no plugin of culvert was called since this machine booted, "
            + "or the runtime's environment says CULVERT_JOURNAL_BYTES=0; CULVERT_RUN_DIR says where it is kept"
    }
}
