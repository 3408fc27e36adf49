// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import JSON
import Linux
import Pools

/// `ipam config`: what rules the pools, and who said so.
struct IPAMConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show the pools' effective configuration and where each value comes from.",
        discussion: """
            ORIGIN is the place in the file, or default when nothing is said there. What a \
            runtime adds for one container (capabilities, CNI_ARGS) cannot be shown.
            """
    )

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    func run() throws {
        let networks = try explaining { () throws(PoolFailure) in try which.networks(of: places.catalog()) }
        switch output.output {
        case .table, .wide:
            if networks.isEmpty { Machine.log("ipam: \(PoolCatalog.nothingFound)") }
            let tables = networks.map {
                EffectiveConfiguration($0).lines(hasHeader: !output.noHeaders, output.look)
            }
            try output.print(tables.enumerated().flatMap { index, lines in index == 0 ? lines : [""] + lines })
        case .json, .yaml:
            try output.print(.object(["networks": .array(networks.map { EffectiveConfiguration($0).json })]))
        case .name: try output.print(networks.map { $0.name })
        }
    }
}
