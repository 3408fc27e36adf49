// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CLinux
import JSON
import Linux
import Pools

/// `ipam check`: what is wrong with the leases of this host.
struct IPAMCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Find what is wrong with the leases; change nothing.",
        discussion: """
            Looks into every lease file, at the index, at the records of attachments and at \
            the network namespaces of containers, and reports:

              duplicate     two files or two living containers have one address
              deadOwner     its container is dead, or seems to be, with the proof
              outside       a lease in no pool of the network
              barred        a lease of a gateway, or of an excluded address
              garbage       something that bears the name of an address and is no lease
              leftover      a file whose writer died
              unleased      a living container has an address without a lease
              index         the index says something else than the directory
              lastReserved  the next search would begin at a place that is no address
              reservation   what an operator keeps and the files do not agree

            ipam release --from-report releases what a report says of dead owners, unless \
            it has changed since; ipam gc cleans up most of the rest.

            Exit status: 0 without problems, 3 with some, 1 when something cannot be read.
            """
    )

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("table, wide, json, yaml or name; or a file to write a report to.", valueName: "form")
    )
    var output = "table"

    @Option(help: ArgumentHelp("Write a report for ipam release as well.", valueName: "file"), completion: .file())
    var report: String?

    @Flag(help: "Leave the titles of a table away.")
    var noHeaders = false

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func validate() throws {
        guard IPAMOutput.Form(rawValue: output) != nil || output.hasSuffix(".json") else {
            throw ValidationError("\"\(output)\" is neither table, wide, json, yaml or name, nor a file (.json)")
        }
    }

    func run() throws {
        let report = try explaining { () throws(PoolFailure) in
            let progress = WorkProgress("looking at leases")
            defer { progress.end() }
            var all: [NetworkFacts] = []
            for network in try which.networks(of: places.catalog()) {
                if let facts = try network.facts(places.settings, progress: progress.tell) { all.append(facts) }
            }
            let report = CheckReport(all)
            for file in [self.report, output.hasSuffix(".json") ? output : nil].compactMap({ $0 }) {
                try report.write(to: file)
            }
            return report
        }
        var printed = IPAMOutput()
        (printed.output, printed.noHeaders) = (IPAMOutput.Form(rawValue: output) ?? .table, noHeaders)
        switch printed.output {
        case .table, .wide:
            try printed.print(report.lines(isWide: printed.output == .wide, hasHeader: !noHeaders, printed.look))
        case .json, .yaml: try printed.print(report.json)
        case .name: try printed.print(report.problems.map { $0.address.map { "\($0)" } ?? $0.directory })
        }
        if !report.problems.isEmpty { throw ExitCode(3) }
    }
}
