// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import JSON
import Linux
import Pools

/// `ipam gc`: cleans up what is provably of no use.
struct IPAMCollect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Free what is provably dead, and clean up; without --yes only say so.",
        discussion: """
            ACTION is
              free      a dead container's address is given back
              suspect   a container seems to be dead, without proof: if it still does when \
            gc is run again after a minute, its address is freed
              remove    a file that is of no use is removed
              complete  what is left of a reservation is completed, or removed
              reindex   what the index says of an address is read from its file anew

            Containers that live, of whom nobody can tell, and what was given by hand are \
            left alone. Everything is judged again at the moment in which it is done.
            """
    )

    @Flag(help: "Only say what would be done. This is the default.")
    var dryRun = false

    @Flag(help: "Do it.")
    var yes = false

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        guard !(dryRun && yes) else { throw ValidationError("--dry-run and --yes contradict each other") }
    }

    func run() throws {
        let actions = try explaining { () throws(PoolFailure) in
            let progress = WorkProgress("looking at leases")
            defer { progress.end() }
            var actions: [GarbageAction] = []
            for network in try which.networks(of: places.catalog()) {
                guard let facts = try network.facts(places.settings, progress: progress.tell) else { continue }
                actions += yes ? try network.collectGarbage(facts, places.settings) : facts.garbage
            }
            return actions
        }
        switch output.output {
        case .table, .wide:
            try output.print(lines(actions))
            if !yes, !actions.isEmpty { Machine.log("ipam: nothing was done; ipam gc --yes does it") }
        case .json, .yaml:
            try output.print(.object(["done": .bool(yes), "actions": .array(actions.map { $0.json })]))
        case .name: try output.print(actions.compactMap { action in action.address.map { "\($0)" } })
        }
    }

    private func lines(_ actions: [GarbageAction]) -> [String] {
        guard !actions.isEmpty else { return ["nothing to clean up"] }
        let columns = ["NETWORK", "ACTION", "ADDRESS", "FINDING"].map { TextTable.Column($0) }
        let rows = actions.map { action in
            [
                TextTable.Cell(action.network, .name), TextTable.Cell(action.kind.rawValue, .notable),
                TextTable.Cell(action.address.map { "\($0)" } ?? "-"), TextTable.Cell(action.finding),
            ]
        }
        return TextTable.lines(columns, rows, output.look, hasHeader: !output.noHeaders)
    }
}
