// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import CNI
import Linux
import Plugin
import Pools

/// `culvert reconcile`: makes living attachments again what their records say.
struct ReconcileAttachments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Put the network of running containers right: links, addresses, routes and rules.",
        discussion: """
            After NetworkManager, a reload of the firewall or a hand that slipped: compares \
            every attachment of a living container with what its record says, puts right \
            what is not, and says what it was, line by line: bridges that are gone or down, \
            ports that were taken from their bridge, links that are down or gone, addresses, \
            routes, forwarding, rules of packet filters. Containers keep running. It changes \
            nothing where all is well.

            Each line is NETWORK/CONTAINER:INTERFACE PLUGIN: what was wrong.

            Environment:
              CULVERT_RUN_DIR       where the records are (default /run/culvert)
              CULVERT_LOCK_TIMEOUT  how many seconds to wait for a lock (default 20)

            Exit status:
              0   all is well now
              1   something could not be put right: the reason stands on standard error; \
            with --dry-run, something is wrong
              64  the command line makes no sense
            """
    )

    @Flag(help: "Only say what is wrong; exit with 1 if anything is.")
    var dryRun = false

    @OptionGroup var which: AttachmentNetworkOption
    @OptionGroup var output: IPAMOutput

    func run() throws {
        var outcome = Reconciliation.Outcome()
        try operating { () throws(CNIError) in
            let settings = Settings(variable: Machine.variable)
            outcome = try Reconciliation(settings, network: which.network).run(changing: !dryRun)
        }
        let report = RepairReport(
            lines: outcome.findings.map { "\($0.key) \($0.plugin): \($0.text)" } + [sum(outcome)],
            looked: (at: "attachments", outcome.count),
            findings: outcome.findings.map { ($0.key, $0.json) },
            troubles: outcome.troubles,
            isDone: !dryRun
        )
        try report.print(output)
        let isWhole = outcome.troubles.isEmpty && (!dryRun || outcome.findings.isEmpty)
        guard isWhole else { throw ExitCode(1) }
    }

    private func sum(_ outcome: Reconciliation.Outcome) -> String {
        let attachments = outcome.count == 1 ? "1 attachment" : "\(outcome.count) attachments"
        let things = outcome.findings.count == 1 ? "1 thing" : "\(outcome.findings.count) things"
        if !outcome.findings.isEmpty {
            return dryRun ? "wrong with \(attachments): \(things)" : "put right with \(attachments): \(things)"
        }
        return outcome.troubles.isEmpty ? "all is well with \(attachments)" : "looked at \(attachments)"
    }
}
