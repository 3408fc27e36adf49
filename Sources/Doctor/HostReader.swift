// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNI
internal import JSON
internal import Linux
package import Plugin
package import Pools
internal import Runtime

/// Looks at all of a host once, and changes nothing; what it may not look at it says.
package struct HostReader {
    /// Where things are on this host.
    package struct Places: Sendable {
        package var configurations: [String]
        package var data: [String]
        /// In the order in which a runtime searches them.
        package var plugins: [String]
        /// Where runtimes remember attachments.
        package var caches: [String]
        /// Where records and the index are, and how long to wait for a lock.
        package var settings: Settings

        package init(
            configurations: [String],
            data: [String],
            plugins: [String],
            caches: [String] = ["/var/lib/cni/results"],
            settings: Settings
        ) {
            self.configurations = configurations
            self.data = data
            self.plugins = plugins
            self.caches = caches
            self.settings = settings
        }
    }

    package internal(set) var facts = HostFacts()
    /// What could not be looked at, and why.
    package internal(set) var unseen: [String] = []
    let places: Places
    var catalog = PoolCatalog()

    package init(_ places: Places) {
        self.places = places
    }

    /// The networks whose addresses host-local gives.
    package var networks: [PoolNetwork] { catalog.networks }

    /// Looks at everything but ``HostFacts/missingRules``, which only the plugins' own modules can tell.
    package mutating func read() {
        readConfigurations()
        readPrograms()
        readSigns()
        readLinks()
        readFilters()
        readSettings()
        readRecords()
        readShortcuts()
        readSwitches()
        readCaches()
        readLeases()
        readStores()
    }

    /// Asks something that this user or this kernel may refuse to answer.
    mutating func seeing<Value>(
        _ what: String,
        _ body: () throws(KernelError) -> Value
    ) -> Value? {
        do throws(KernelError) {
            return try body()
        } catch {
            let advice = [.permissionDenied, .notPermitted].contains(error.errno) ? "; run this as root" : ""
            unseen.append("\(what): \(error)\(advice)")
            return nil
        }
    }

    /// The text of a file; nil when it is not there or cannot be read.
    static func text(_ path: String) -> String? {
        do throws(KernelError) {
            return String(
                decoding: try Descriptor(opening: path, O_RDONLY).readAll(path, limit: 1 << 20),
                as: UTF8.self
            )
        } catch {
            return nil
        }
    }

    /// The names in a directory, in order; none when it is not there or cannot be read.
    static func names(_ path: String) -> [String] {
        do throws(KernelError) {
            return try Directory(path: path).names().sorted { $0.precedesBytewise($1) }
        } catch {
            return []
        }
    }

    // MARK: - Configurations

    private mutating func readConfigurations() {
        catalog = PoolCatalog.find(configurationDirectories: places.configurations, dataDirectories: places.data)
        for directory in places.configurations {
            for name in HostReader.names(directory) {
                let path = "\(directory)/\(name)"
                guard [".conflist", ".conf", ".json"].contains(where: { name.hasSuffix($0) }) else { continue }
                let text = HostReader.text(path)
                facts.files.append(HostFacts.File(path: path, document: text.flatMap { try? JSONValue(parsing: $0) }))
            }
            readNetworks(directory)
        }
        // What the catalog says of pools comes with a place in the list, unlike what is said of files.
        let told = Set(facts.refusals)
        facts.refusals += catalog.warnings.filter { !told.contains($0) }
    }

    private mutating func readNetworks(_ directory: String) {
        var refused: [String] = []
        do throws(CNIError) {
            for described in try ConfigurationDirectory(path: directory).networks(warn: { refused.append($0) }) {
                let plugins = described.network.plugins.enumerated().map { position, plugin in
                    let isList = described.file.hasSuffix(".conflist")
                    return JSONReader(.object(plugin.object), path: isList ? "plugins[\(position)]" : "")
                }
                facts.networks.append(
                    NetworkFile(
                        name: described.network.name,
                        path: described.file,
                        version: described.network.version,
                        plugins: plugins
                    )
                )
            }
        } catch {
            unseen.append("networks in \(directory): \(error)")
        }
        facts.refusals += refused
    }

    // MARK: - Programs

    private mutating func readPrograms() {
        facts.searchPath = places.plugins
        let types = facts.networks.flatMap { network in
            network.plugins.flatMap { [$0.type, $0.child("ipam")?.type ?? ""] }
        }
        for name in Set(types).sorted() where !name.isEmpty && !name.contains("/") {
            for directory in places.plugins {
                let path = "\(directory)/\(name)"
                guard let status = try? FileStatus.of(path), status.isRegularFile else { continue }
                let isExecutable = path.withCString { access($0, X_OK) } == 0
                var told: (HostFacts.Program.Implementation?, [String]) = (nil, [])
                // One file may be several plugins, which speak different versions.
                if isExecutable, KnownKeys.types.contains(name) { told = HostReader.ask(path) }
                facts.programs.append(
                    HostFacts.Program(
                        directory: directory,
                        name: name,
                        isExecutable: isExecutable,
                        implementation: told.0,
                        versions: told.1
                    )
                )
            }
        }
    }

    /// Runs a plugin as a person would, without any variable: it says who it is, and does nothing.
    ///
    /// Tools tell plugins apart by these two lines.
    private static func ask(_ path: String) -> (HostFacts.Program.Implementation?, [String]) {
        do throws(KernelError) {
            let child = try ChildProcess.run(path, [path], environment: [], input: [], limit: 65536, errorLimit: 65536)
            let lines = String(decoding: child.errors, as: UTF8.self).split(separator: "\n").map { String($0) }
            guard let first = lines.first, first.hasPrefix("CNI ") else { return (nil, []) }
            let mark = "CNI protocol versions supported: "
            let versions = lines.first { $0.hasPrefix(mark) }?.dropFirst(mark.count).split(separator: ", ") ?? []
            return (first.contains("+culvert.") ? .ours : .foreign, versions.map { String($0) })
        } catch {
            return (nil, [])
        }
    }

    private mutating func readSigns() {
        for path in SystemSigns.all where (try? FileStatus.of(path)) != nil {
            facts.signs.insert(path)
        }
        var directories: [String] = []
        if facts.signs.contains(SystemSigns.udev) { directories += SystemSigns.linkDirectories }
        if facts.signs.contains(SystemSigns.networkManager) {
            directories += SystemSigns.managerDirectories
            facts.texts[SystemSigns.managerFile] = HostReader.text(SystemSigns.managerFile)
        }
        for directory in directories {
            let endings = [".link", ".conf", ".rules"]
            for name in HostReader.names(directory) where endings.contains(where: { name.hasSuffix($0) }) {
                facts.texts["\(directory)/\(name)"] = HostReader.text("\(directory)/\(name)")
            }
        }
    }
}
