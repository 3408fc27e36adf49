// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import LeaseStore
import Linux
import Pools

/// `ipam release`: ends leases that nobody needs any more.
struct IPAMRelease: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Give addresses back whose containers are dead.",
        discussion: """
            Refuses while the container lives, and while nobody can tell. What was given by \
            hand (ipam allocate) is given back without further questions.

              ipam release 10.1.0.20 10.1.0.21
              ipam release --container 3f2a…
              ipam check -o report.json; ipam release --from-report report.json

            With a report, what has changed since is left alone. An address that nobody has \
            is no error, so that the same command can be given again.
            """
    )

    @Argument(help: "Addresses.")
    var addresses: [String] = []

    @Option(help: ArgumentHelp("All addresses of this container.", valueName: "id"))
    var container: String?

    @Option(help: ArgumentHelp("Of the container, only this interface.", valueName: "name"))
    var ifname: String?

    @Option(help: ArgumentHelp("What a report of ipam check says.", valueName: "file"), completion: .file())
    var fromReport: String?

    @Flag(help: "Whether containers live does not matter.")
    var force = false

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption

    func validate() throws {
        let ways = [!addresses.isEmpty, container != nil, fromReport != nil].filter { $0 }.count
        guard ways == 1 else { throw ValidationError("give addresses, or --container, or --from-report") }
        for address in addresses where IPAddress(address) == nil {
            throw ValidationError("\"\(address)\" is no IP address")
        }
        guard ifname == nil || container != nil else { throw ValidationError("--ifname goes with --container") }
    }

    func run() throws {
        var refusals = 0
        try explaining { () throws(PoolFailure) in
            for (network, wishes) in try self.wishes() where !wishes.isEmpty {
                let outcomes = try network.release(wishes, isForced: force, places.settings)
                for (wish, outcome) in zip(wishes, outcomes) {
                    switch outcome {
                    case .released(let owner): print("released \(wish.address) of \(owner) (\(network.name))")
                    case .free: print("\(wish.address) is free (\(network.name))")
                    case .refused(let reason):
                        Machine.log("ipam: \(wish.address) (\(network.name)) was not released: \(reason)")
                        refusals += 1
                    }
                }
            }
        }
        if refusals > 0 { throw ExitCode(1) }
    }

    private func wishes() throws(PoolFailure) -> [(PoolNetwork, [ReleaseWish])] {
        let networks = try which.networks(of: places.catalog())
        if let fromReport { return try wishes(of: fromReport, networks) }
        if let container { return try wishes(of: container, ifname, networks) }
        var wishes: [(PoolNetwork, [ReleaseWish])] = networks.map { ($0, []) }
        for address in addresses.compactMap({ IPAddress($0) }) {
            var holders: [Int] = []
            for (place, network) in networks.enumerated() {
                if try network.mentions(address, places.settings) { holders.append(place) }
            }
            guard holders.count <= 1 else {
                let names = holders.map { networks[$0].name }.joined(separator: ", ")
                throw PoolFailure("several networks lease \(address): \(names)", advice: "say which with --network")
            }
            if let holder = holders.first {
                wishes[holder].1.append(ReleaseWish(address))
            } else {
                print("\(address) is free")
            }
        }
        return wishes
    }

    private func wishes(
        of file: String,
        _ networks: [PoolNetwork]
    ) throws(PoolFailure) -> [(PoolNetwork, [ReleaseWish])] {
        var found: [(PoolNetwork, [ReleaseWish])] = []
        for (directory, wishes) in try CheckReport.wishes(inFile: file) {
            guard let network = networks.first(where: { $0.directory == directory }) else {
                guard which.network == nil else { continue }
                throw PoolFailure(
                    "the report is about \(directory), and no network of this host has its leases there",
                    advice: "say with --conf-dir and --data-dir where networks are"
                )
            }
            found.append((network, wishes))
        }
        return found
    }

    private func wishes(
        of container: String,
        _ interface: String?,
        _ networks: [PoolNetwork]
    ) throws(PoolFailure) -> [(PoolNetwork, [ReleaseWish])] {
        var found: [(PoolNetwork, [ReleaseWish])] = []
        for network in networks {
            let leases = try network.leases(ofContainer: container, interface: interface, places.settings)
            found.append((network, leases.map { ReleaseWish($0.address, owner: $0.owner, file: $0.file) }))
        }
        if found.allSatisfy({ $0.1.isEmpty }) { print("\(container) has no address") }
        return found
    }
}
