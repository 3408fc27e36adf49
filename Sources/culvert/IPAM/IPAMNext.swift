// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import JSON
import Linux
import Pools

/// `ipam next`: which addresses are given next.
struct IPAMNext: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Show which addresses would be given next; gives none.",
        discussion: """
            For each range set the addresses that containers would get one after the other, \
            if nothing else happened, in the order of the configured policy. Whoever is \
            known by name may get another one: a reserved one, or the one it had before.

            REASON is next for an address of the order, or rested for one that somebody \
            gave back and that is given because no other is left.
            """
    )

    @Option(name: .shortAndLong, help: "How many addresses of each range set.")
    var number = 1

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        guard (1...100_000).contains(number) else { throw ValidationError("-n is 1 to 100000") }
    }

    func run() throws {
        let report = try reading { () throws(PoolFailure) in
            var sets: [UpcomingReport.Entry] = []
            for network in try which.networks(of: places.catalog()) {
                for upcoming in try network.upcoming(number, places.settings) {
                    sets.append(UpcomingReport.Entry(network: network, upcoming: upcoming))
                }
            }
            return UpcomingReport(sets)
        }
        switch output.output {
        case .table, .wide: try output.print(report.lines(hasHeader: !output.noHeaders, output.look))
        case .json, .yaml: try output.print(report.json)
        case .name: try output.print(report.names)
        }
        for text in report.exhausted { Machine.log("ipam: \(text)") }
        if !report.exhausted.isEmpty && report.names.isEmpty { throw ExitCode(1) }
    }
}
