// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import HostLocal
import JSON
import Linux
import Pools

/// `ipam watch`: leases as they come and go.
struct IPAMWatch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print leases as they are given and released, until interrupted.",
        discussion: """
            One line for each change, whoever makes it, the Go host-local included: + for an \
            address that is given, - for one that is released, = for one that an operator \
            reserved, also when its reservation stands again after a lease. Changes \
            nothing, and once it has begun it waits for nobody and keeps nobody waiting. With \
            -o json one object a line.
            """
    )

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    func run() throws {
        let catalog = places.catalog()
        let look = output.look
        var console = Console()
        var failure: (any Error)?
        try explaining { () throws(PoolFailure) in
            let networks = try which.networks(of: catalog)
            let directories = which.network == nil ? places.dataDirectories : []
            var watch = try LeaseWatch(networks, dataDirectories: directories, places.settings)
            while failure == nil {
                let changes = try watch.next { Machine.log("ipam: warning: \($0)") }
                do {
                    for change in changes { try write(change, look, &console) }
                    try console.flush()
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    private func write(_ change: LeaseWatch.Change, _ look: Look, _ console: inout Console) throws {
        switch output.output {
        case .table, .wide: try console.writeLine(change.line(look))
        case .json: try console.writeLine(String(decoding: change.json.serialized(), as: UTF8.self))
        case .yaml: try console.write(Array(("---\n" + change.json.yaml).utf8))
        case .name: try console.writeLine("\(change.address)")
        }
    }
}
