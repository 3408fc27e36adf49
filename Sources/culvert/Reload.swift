// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attachments
import CNI
import Linux

/// `culvert reload`: puts back what somebody flushed from the packet filter.
struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Put the packet-filter rules of running containers back.",
        discussion: """
            A reload of firewalld, a restart of nftables or `nft flush ruleset` takes the \
            rules of running containers away: masqueraded addresses, published ports, \
            policies of the firewall. This compares what the records of all attachments \
            ask for with what is there, puts back what is missing, all of nf_tables in one \
            transaction, and says what it was. It changes nothing where nothing is missing.

            Attachments whose network namespace is gone are passed over: `DEL` and `GC` \
            clear them away.

            Environment:
              CULVERT_RUN_DIR  where the records are (default /run/culvert)

            Exit status:
              0   everything is there now
              1   something could not be put back: the reason stands on standard error
              64  the command line makes no sense
            """
    )

    @Option(help: ArgumentHelp("Only attachments of this network.", valueName: "name"))
    var network: String?

    @Flag(help: "Only say what is missing; exit with 1 if anything is.")
    var dryRun = false

    @OptionGroup var output: IPAMOutput

    func run() throws {
        var outcome = RuleReload.Outcome()
        try operating { () throws(CNIError) in
            outcome = try RuleReload(network: network).run(changing: !dryRun)
        }
        let report = RepairReport(
            lines: outcome.report,
            looked: (at: "ruleSets", outcome.count),
            findings: outcome.findings.map { ($0.key, $0.json) },
            troubles: outcome.troubles,
            isDone: !dryRun
        )
        try report.print(output)
        guard outcome.troubles.isEmpty, !dryRun || outcome.missing == 0 else { throw ExitCode(1) }
    }
}
