// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Linux
import Pools

/// `ipam usage`: how full the pools are.
struct IPAMUsage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Show how full the pools are.",
        discussion: """
            One line for each range. TOTAL is what can be given: without gateways and \
            exclusions. USED are leases, SUSPECT those among them whose container seems to \
            be dead. RESERVED is kept for somebody who does not have it now, RESTING was \
            given back a moment ago.

            On a terminal there is a bar, green below 70 %, red from 90 % on; --map draws \
            every address, or of large ranges how full each part is.
            """
    )

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    @Flag(help: "Draw the ranges too.")
    var map = false

    func run() throws {
        let report = try reading { () throws(PoolFailure) in
            let settings = places.settings
            var usages: [NetworkUsage] = []
            for network in try which.networks(of: places.catalog()) {
                usages.append(try network.usage(settings, withRuns: map))
            }
            return UsageReport(usages)
        }
        switch output.output {
        case .table, .wide:
            if report.names.isEmpty { Machine.log("ipam: \(PoolCatalog.nothingFound)") }
            let isWide = output.output == .wide
            let lines = report.lines(isWide: isWide, hasHeader: !output.noHeaders, hasMaps: map, output.look)
            try output.print(lines)
        case .json, .yaml: try output.print(report.json)
        case .name: try output.print(report.names)
        }
    }
}
