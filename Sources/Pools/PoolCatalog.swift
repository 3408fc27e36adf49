// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import HostLocal
internal import JSON
internal import Linux
internal import Runtime

/// The networks of this host that have pools or leases, found without being told.
package struct PoolCatalog: Hashable, Sendable {
    /// Those that are configured in the order of their files, then those of which only leases are left, by name.
    package private(set) var networks: [PoolNetwork] = []
    /// What was passed over, and why, a sentence each.
    package private(set) var warnings: [String] = []

    package init(networks: [PoolNetwork] = [], warnings: [String] = []) {
        self.networks = networks
        self.warnings = warnings
    }

    /// Looks at configurations, then at what lies in the data directories.
    ///
    /// Whatever cannot be read becomes a warning and hides nothing else.
    ///
    /// - Parameters:
    ///   - configurationDirectories: such as `/etc/cni/net.d`; one that is missing is empty.
    ///   - dataDirectories: below which lease directories are looked for, besides those of the configurations.
    /// - Returns: what was found, maybe nothing.
    package static func find(configurationDirectories: [String], dataDirectories: [String]) -> PoolCatalog {
        var catalog = PoolCatalog()
        for directory in configurationDirectories { catalog.addConfigurations(in: directory) }
        var seen: Set<String> = []
        let configured = catalog.networks.flatMap { network in network.configurations.map { $0.pools.dataDirectory } }
        for directory in dataDirectories + configured where seen.insert(withoutSlash(directory)).inserted {
            catalog.addRemains(in: withoutSlash(directory))
        }
        return catalog
    }

    /// The network of a name.
    ///
    /// - Throws: ``PoolFailure`` when there is none, naming those that there are, or when there are several, in several
    ///   data directories.
    package func network(named name: String) throws(PoolFailure) -> PoolNetwork {
        let named = networks.filter { $0.name == name }
        if let network = named.first, named.count == 1 { return network }
        guard named.isEmpty else {
            let places = named.map { $0.directory }.joined(separator: " and ")
            throw PoolFailure(
                "there are \(named.count) networks \"\(name)\": \(places)",
                advice: "say with --data-dir and --conf-dir which one is meant"
            )
        }
        let known = networks.map { $0.name }
        throw PoolFailure(
            "there is no network \"\(name)\"",
            advice: known.isEmpty ? PoolCatalog.nothingFound : "there are: \(known.joined(separator: ", "))"
        )
    }

    /// What to say to somebody who expected a network.
    package static let nothingFound =
        "no network with host-local addresses was found: --conf-dir and --data-dir say where else to look"

    // MARK: - Configurations

    private mutating func addConfigurations(in directory: String) {
        var found: [String] = []
        do throws(CNIError) {
            let networks = try ConfigurationDirectory(path: directory).networks { found.append($0) }
            warnings += found
            for described in networks { add(described) }
        } catch {
            warnings.append("\(directory) was passed over: \(error)")
        }
    }

    private mutating func add(_ described: ConfigurationDirectory.Described) {
        let list = described.network
        for (position, plugin) in list.plugins.enumerated() {
            let place = "plugins[\(position)]"
            do throws(CNIError) {
                let reader = JSONReader(.object(plugin.object), path: place)
                guard let ipam = try PoolCatalog.hostLocal(of: reader) else { continue }
                let pools = try ConfiguredPools(ipam)
                add(
                    PoolConfiguration(
                        file: described.file,
                        position: position,
                        pluginType: plugin.type,
                        pools: pools,
                        ipam: ipam
                    ),
                    to: list.name
                )
            } catch {
                warnings.append("\(described.file): \(place) was passed over: \(error)")
            }
        }
    }

    /// The `ipam` object of a plugin that has host-local give its addresses.
    private static func hostLocal(of plugin: JSONReader) throws(CNIError) -> JSONReader? {
        do throws(JSONTypeError) {
            guard let ipam = try plugin.member("ipam"), try ipam.string("type") == "host-local" else { return nil }
            return ipam
        } catch {
            throw CNIError(error, in: "network configuration")
        }
    }

    private mutating func add(_ configuration: PoolConfiguration, to name: String) {
        let directory = "\(PoolCatalog.withoutSlash(configuration.pools.dataDirectory))/\(name)"
        guard let place = networks.firstIndex(where: { $0.directory == directory }) else {
            networks.append(PoolNetwork(name: name, directory: directory, configurations: [configuration]))
            return
        }
        networks[place] = PoolNetwork(
            name: name,
            directory: directory,
            configurations: networks[place].configurations + [configuration]
        )
    }

    // MARK: - Leases alone

    private mutating func addRemains(in dataDirectory: String) {
        let known = Set(networks.map { $0.directory })
        do throws(KernelError) {
            for name in try Directory(path: dataDirectory).names().sorted() {
                let directory = "\(dataDirectory)/\(name)"
                guard !known.contains(directory), try PoolCatalog.holdsLeases(directory) else { continue }
                networks.append(PoolNetwork(name: name, directory: directory, configurations: []))
            }
        } catch {
            guard error.errno != .noSuchFileOrDirectory else { return }
            warnings.append("\(dataDirectory) was passed over: \(error)")
        }
    }

    /// Whether host-local has ever worked here: its lock is never removed, but may be missing from a copy.
    private static func holdsLeases(_ path: String) throws(KernelError) -> Bool {
        do throws(KernelError) {
            let directory = try Directory(path: path)
            if try directory.status("lock") != nil { return true }
            return try directory.names().contains { $0.hasPrefix("last_reserved_ip.") || IPAddress($0) != nil }
        } catch {
            guard error.errno == .notDirectory || error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    private static func withoutSlash(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}
