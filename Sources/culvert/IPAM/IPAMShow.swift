// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import JSON
import Linux
import Pools

/// `ipam show`: everything about one address, one container, or one network.
struct IPAMShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show all that is known of an address, a container or a network.",
        discussion: """
            Who has an address, since when, whether its container lives, and where it is \
            configured; or why nobody has it:

              ipam show 10.1.0.20
              ipam show --container 3f2a
              ipam show --network lan

            A container may be named by the first digits of its id. A network is drawn: a \
            sign for each address, or of large ranges how full each part is.
            """
    )

    @Argument(help: "An address.")
    var address: String?

    @Option(help: ArgumentHelp("A container, by the beginning of its id.", valueName: "id"))
    var container: String?

    @OptionGroup var places: IPAMPlaces
    @OptionGroup var which: IPAMNetworkOption
    @OptionGroup var output: IPAMOutput

    func validate() throws {
        guard address == nil || container == nil else {
            throw ValidationError("give an address or --container, not both")
        }
        guard address != nil || container != nil || which.network != nil else {
            throw ValidationError("say what to show: an address, --container or --network")
        }
        if let address, IPAddress(address) == nil { throw ValidationError("\"\(address)\" is no IP address") }
    }

    func run() throws {
        guard address != nil || container != nil else { return try showNetwork() }
        let reports = try reading { () throws(PoolFailure) in try self.reports() }
        switch output.output {
        case .table, .wide:
            let now = Machine.wallNanoseconds
            let cards = reports.map { $0.lines(output.look, now: now) }
            try output.print(cards.enumerated().flatMap { index, card in index == 0 ? card : [""] + card })
        case .json, .yaml: try output.print(.object(["addresses": .array(reports.map { $0.json })]))
        case .name: try output.print(reports.map { "\($0.address)" })
        }
    }

    private func reports() throws(PoolFailure) -> [AddressReport] {
        let networks = try which.networks(of: places.catalog())
        if let address = address.flatMap({ IPAddress($0) }) { return try reports(on: address, networks) }
        return try reports(onContainer: container ?? "", networks)
    }

    private func reports(on address: IPAddress, _ networks: [PoolNetwork]) throws(PoolFailure) -> [AddressReport] {
        var reports: [AddressReport] = []
        for network in networks {
            let report = try network.report(on: address, places.settings)
            if report.record != nil || network.concerns(address) || which.network != nil { reports.append(report) }
        }
        guard reports.isEmpty else { return reports }
        throw PoolFailure(
            "no network of this host has \(address)",
            advice: networks.isEmpty ? PoolCatalog.nothingFound : "ipam usage lists the pools"
        )
    }

    private func reports(
        onContainer prefix: String,
        _ networks: [PoolNetwork]
    ) throws(PoolFailure) -> [AddressReport] {
        var reports: [AddressReport] = []
        for network in networks { reports += try network.reports(onContainer: prefix, places.settings) }
        guard reports.isEmpty else { return reports }
        throw PoolFailure(
            "no container has an address whose id begins with \"\(prefix)\"",
            advice: "ipam list -o wide shows all ids"
        )
    }

    private func showNetwork() throws {
        let usages = try reading { () throws(PoolFailure) in
            var usages: [NetworkUsage] = []
            for network in try which.networks(of: places.catalog()) {
                usages.append(try network.usage(places.settings, withRuns: true))
            }
            return usages
        }
        let report = UsageReport(usages)
        switch output.output {
        case .table, .wide:
            let lines = usages.flatMap { EffectiveConfiguration($0.network).summary(output.look) }
            let isWide = output.output == .wide
            try output.print(
                lines + report.lines(isWide: isWide, hasHeader: !output.noHeaders, hasMaps: true, output.look)
            )
        case .json, .yaml: try output.print(report.json)
        case .name: try output.print(report.names)
        }
    }
}
