// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import HostLocal
import Linux
import Plugin
import Pools

/// Where networks and their leases are looked for.
struct IPAMPlaces: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where network configurations are, instead of NETCONFPATH or /etc/cni/net.d; may be repeated.",
            valueName: "directory"
        ),
        completion: .directory
    )
    var confDir: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where lease directories are, besides every dataDir, instead of /var/lib/cni/networks; may be repeated.",
            valueName: "directory"
        ),
        completion: .directory
    )
    var dataDir: [String] = []

    /// The networks of this host; what was passed over is said on standard error.
    func catalog() -> PoolCatalog {
        warnOfMissing("ipam")
        let catalog = quietCatalog()
        for warning in catalog.warnings { Machine.log("ipam: warning: \(warning)") }
        return catalog
    }

    /// Says which directories that somebody named are not there: nothing is found in those.
    ///
    /// `program`: whose words these are.
    func warnOfMissing(_ program: String) {
        var named = confDir.map { ("--conf-dir", $0) } + dataDir.map { ("--data-dir", $0) }
        let variable = Machine.variable("NETCONFPATH") ?? ""
        if confDir.isEmpty, !variable.isEmpty { named.append(("NETCONFPATH", variable)) }
        for (option, directory) in named {
            guard (try? FileStatus.of(directory)) == .some(nil) else { continue }
            Machine.log("\(program): warning: \(option): there is no directory \(directory)")
        }
    }

    /// As ``catalog()``, without a word about what was passed over.
    func quietCatalog() -> PoolCatalog {
        PoolCatalog.find(configurationDirectories: configurationDirectories, dataDirectories: dataDirectories)
    }

    /// Where network configurations are.
    var configurationDirectories: [String] {
        let variable = Machine.variable("NETCONFPATH") ?? ""
        let usual = variable.isEmpty ? "/etc/cni/net.d" : variable
        return confDir.isEmpty ? [usual] : confDir
    }

    /// Where networks without a configuration are looked for.
    var dataDirectories: [String] { dataDir.isEmpty ? [ConfiguredPools.usualDataDirectory] : dataDir }

    /// What the environment says of directories and locks, as `culvert-cni` reads it.
    var settings: Settings { Settings(variable: Machine.variable) }
}

/// Which network is meant.
struct IPAMNetworkOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only this network.", valueName: "name"),
        completion: .custom { _, _, _ in
            // What can be said without options: completion is no place for errors.
            (try? IPAMPlaces.parse([]).quietCatalog().networks.map { $0.name }) ?? []
        }
    )
    var network: String?

    /// The networks that are meant: all of them when none was named.
    ///
    /// - Throws: ``PoolFailure`` when there is none of that name.
    func networks(of catalog: PoolCatalog) throws(PoolFailure) -> [PoolNetwork] {
        guard let network else { return catalog.networks }
        return [try catalog.network(named: network)]
    }

    /// The one network that is meant: the only one there is, when none was named.
    ///
    /// - Throws: ``PoolFailure`` when there is none of that name, or several to choose from.
    func only(of catalog: PoolCatalog) throws(PoolFailure) -> PoolNetwork {
        let networks = try networks(of: catalog)
        if let network = networks.first, networks.count == 1 { return network }
        guard !networks.isEmpty else { throw PoolFailure(PoolCatalog.nothingFound) }
        let names = networks.map { $0.name }.joined(separator: ", ")
        throw PoolFailure("there are several networks: \(names)", advice: "say which one is meant with --network")
    }
}
