// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import Addressing
internal import CLinux
internal import CNI
internal import HostLocal
internal import JSON
internal import LeaseStore
internal import Linux
internal import Plugin
internal import Pools
internal import Runtime
internal import Wiring

extension HostReader {
    mutating func readRecords() {
        let store = AttachmentStore(root: places.settings.runDirectory)
        var unreadable: [HostFacts.Owner] = []
        let records =
            seeing("records of attachments") { () throws(KernelError) in
                var records: [HostFacts.Record] = []
                for network in try store.networks() {
                    for plugin in ["", "portmap", "firewall"] {
                        for key in try store.keys(of: network, plugin: plugin) {
                            guard let record = try store.record(of: key, plugin: plugin) else {
                                unreadable.append(HostFacts.Owner(network: network, containerID: key.containerID))
                                continue
                            }
                            records.append(HostReader.facts(record, plugin))
                        }
                    }
                }
                return records
            }
        facts.records = records ?? []
        facts.otherOwners.formUnion(unreadable)
        if records == nil { facts.isEverybodyKnown = false }
    }

    private static func facts(_ record: AttachmentRecord, _ plugin: String) -> HostFacts.Record {
        var facts = HostFacts.Record(
            network: record.key.network,
            containerID: record.key.containerID,
            interfaceName: record.key.interfaceName
        )
        let configuration = JSONReader(record.configuration)
        facts.plugin = plugin
        (facts.isDead, facts.isAttached) = (record.isOfDeadContainer, record.state == .attached)
        (facts.type, facts.hostInterface) = (configuration.type, record.hostInterface)
        if facts.type == "bridge" { facts.bridge = configuration.bridgeName }
        facts.asksForShortcut = configuration.asksForShortcut
        facts.switchSocket = configuration.switchSocket ?? ""
        for entry in entries(of: record.result, "ips") {
            guard let address = CIDR(entry.text("address")) else { continue }
            facts.addresses.append(address)
            if let gateway = IPAddress(entry.text("gateway")),
                let cidr = CIDR(address: gateway, prefixLength: address.prefixLength)
            {
                facts.gateways.append(cidr)
            }
        }
        return facts
    }

    private static func entries(of result: JSONValue, _ key: String) -> [JSONReader] {
        guard case .object(let object) = result, case .array(let entries)? = object[key] else { return [] }
        return entries.map { JSONReader($0) }
    }

    // MARK: - What runtimes remember

    mutating func readCaches() {
        for directory in places.caches {
            for name in HostReader.names(directory) {
                let path = "\(directory)/\(name)"
                guard let text = HostReader.text(path), let cached = try? CachedAttachment(parsing: Array(text.utf8))
                else { continue }
                let sandboxes = HostReader.entries(of: cached.result ?? .null, "interfaces").map { $0.text("sandbox") }
                let paths = Set(sandboxes.filter { $0.hasPrefix("/") })
                if !paths.isEmpty, paths.allSatisfy({ HostReader.isGone($0) }) {
                    facts.staleCaches.append(path)
                } else {
                    facts.otherOwners.insert(
                        HostFacts.Owner(network: cached.network, containerID: cached.attachment.containerID)
                    )
                }
            }
        }
    }

    private static func isGone(_ path: String) -> Bool {
        do throws(KernelError) {
            return try FileStatus.of(path) == nil
        } catch {
            return false
        }
    }

    // MARK: - Leases

    mutating func readLeases() {
        for network in catalog.networks {
            let usage = pools(of: network)
            facts.pools += usage
            guard let found = surveyed(network) else { continue }
            facts.leaseProblems += PoolCheckup(found).problems
            for place in found.survey.places {
                guard let lease = place.lease, !lease.owner.isReservation else { continue }
                // Who is only suspected may have rules.
                if case .dead? = found.fates[place.address] { continue }
                facts.otherOwners.insert(
                    HostFacts.Owner(network: network.name, containerID: lease.owner.containerID)
                )
            }
        }
    }

    private mutating func surveyed(_ network: PoolNetwork) -> NetworkFacts? {
        do throws(PoolFailure) {
            return try network.facts(places.settings)
        } catch {
            unseen.append("\(error)")
            facts.isEverybodyKnown = false
            return nil
        }
    }

    private mutating func pools(of network: PoolNetwork) -> [HostFacts.Pool] {
        var counted: [NetworkUsage.Pool] = []
        do throws(PoolFailure) {
            counted = try network.usage(places.settings).pools
        } catch {
            unseen.append("\(error)")
        }
        return network.configurations.flatMap { configuration in
            configuration.pools.rangeSets.flatMap { set in
                set.ranges.map { range in
                    let plugin = facts.networks.first { $0.path == configuration.file }?.plugins
                    let maker = plugin.flatMap {
                        $0.indices.contains(configuration.position) ? $0[configuration.position] : nil
                    }
                    var pool = HostFacts.Pool(
                        network: network.name,
                        place: "\(configuration.file): \(configuration.ipam.path)",
                        type: configuration.pluginType,
                        bridge: maker?.bridgeName ?? "",
                        directory: network.directory,
                        subnet: range.subnet,
                        range: (range.first, range.last),
                        gateway: range.gateway
                    )
                    pool.isSticky = configuration.pools.sticky != "false"
                    if let usage = counted.first(where: { $0.range == range })?.usage {
                        (pool.total, pool.taken) = (usage.total, usage.used + usage.reserved)
                    }
                    return pool
                }
            }
        }
    }

    // MARK: - File systems

    mutating func readStores() {
        let mounts = Mount.all(in: HostReader.text("/proc/self/mountinfo") ?? "")
        var directories = catalog.networks.map { $0.directory } + places.data + [places.settings.runDirectory]
        let sticky = facts.pools.contains { $0.isSticky }
        let memory = places.settings.stateDirectory
        if sticky { directories.append(memory) }
        var seen: Set<String> = []
        for directory in directories {
            let path = HostReader.existing(directory)
            guard seen.insert("\(path) \(directory == memory)").inserted,
                let mount = Mount.holding(path, of: mounts)
            else { continue }
            var store = HostFacts.Store(directory: directory == memory ? memory : path, kind: mount.kind)
            store.shouldLast = sticky && directory == memory
            var status = statvfs()
            if path.withCString({ statvfs($0, &status) }) == 0 {
                store.isReadOnly = UInt(status.f_flag) & UInt(ST_RDONLY) != 0
                // A lease is a file of one block, and is written beside the old one.
                let room = UInt64(status.f_bavail) * UInt64(status.f_frsize)
                store.isFull = status.f_blocks > 0 && room < 8192 || status.f_files > 0 && status.f_ffree == 0
            }
            facts.stores.append(store)
        }
    }

    /// The directory, or the nearest one above it that is there.
    private static func existing(_ directory: String) -> String {
        var path = directory
        while path.count > 1, isGone(path), let slash = path.lastIndex(of: "/") {
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        return path
    }
}
