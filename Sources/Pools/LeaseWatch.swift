// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
package import JSON
package import LeaseStore
internal import Linux
package import Plugin

/// What becomes of leases while somebody watches: told by the kernel, so that nobody is kept waiting for a lock.
package struct LeaseWatch: ~Copyable {
    /// One change of one address.
    package struct Change: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            case leased
            case released
            /// An operator keeps it from now on, or again.
            case reserved
        }

        package let kind: Kind
        package let network: String
        package let address: IPAddress
        /// Whose the address is, or was; nil when nobody can tell any more.
        package let owner: LeaseOwner?
        /// When we noticed, by ``Machine/wallNanoseconds``.
        package let moment: Int64

        package init(kind: Kind, network: String, address: IPAddress, owner: LeaseOwner?, moment: Int64) {
            (self.kind, self.network, self.address) = (kind, network, address)
            (self.owner, self.moment) = (owner, moment)
        }
    }

    private let settings: Settings
    private let watch: DirectoryWatch
    private var networks: [DirectoryWatch.Number: PoolNetwork]
    /// Where networks may appear that had no lease yet, and which ones may.
    private var parents: [DirectoryWatch.Number: String]
    /// Whether every network is meant, also those nobody knows yet.
    private let isOpen: Bool
    private let known: [PoolNetwork]
    /// Whose leases we have seen: the file is gone when we hear of a release.
    private var owners: [String: LeaseOwner] = [:]

    /// So many owners are remembered; of more, the index is asked.
    private static let ownerLimit = 65_536

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - networks: which ones; they need no directory yet.
    ///   - dataDirectories: where further networks may appear; none when only these are meant.
    ///   - settings: where the index is.
    /// - Throws: ``PoolFailure`` when the kernel does not tell.
    package init(
        _ networks: [PoolNetwork],
        dataDirectories: [String],
        _ settings: Settings
    ) throws(PoolFailure) {
        let watch = try LeaseWatch.open()
        let directories = Set(networks.map { LeaseWatch.parent(of: $0.directory) } + dataDirectories)
        var parents: [DirectoryWatch.Number: String] = [:]
        var watched: [DirectoryWatch.Number: PoolNetwork] = [:]
        for directory in directories {
            if let number = try LeaseWatch.begin(directory, watch) { parents[number] = directory }
        }
        for network in networks {
            if let number = try LeaseWatch.begin(network.directory, watch) { watched[number] = network }
        }
        guard !watched.isEmpty || !parents.isEmpty else {
            throw PoolFailure(
                "there is nothing to watch: none of \(directories.sorted().joined(separator: ", ")) exists",
                advice: "begin again once a container has been connected"
            )
        }
        self.settings = settings
        self.watch = watch
        self.networks = watched
        self.parents = parents
        known = networks
        isOpen = !dataDirectories.isEmpty
        for network in networks { learnOwners(of: network) }
    }

    /// Remembers who has what now, to be able to say so when it is released; as far as it can be had.
    private mutating func learnOwners(of network: PoolNetwork) {
        var owners: [String: LeaseOwner] = [:]
        do throws(PoolFailure) {
            try network.forEachLease(settings) { record in
                if record.hasFile { owners["\(network.directory)/\(record.address)"] = record.owner }
                return owners.count < LeaseWatch.ownerLimit
            }
        } catch {
            // Then a release is told without saying whose the address was.
        }
        self.owners.merge(owners) { _, new in new }
    }

    private static func open() throws(PoolFailure) -> DirectoryWatch {
        do throws(KernelError) {
            return try DirectoryWatch()
        } catch {
            throw PoolFailure(error, intention: "cannot watch the leases")
        }
    }

    /// Nil when it is not there.
    private static func begin(
        _ directory: String,
        _ watch: borrowing DirectoryWatch
    ) throws(PoolFailure) -> DirectoryWatch.Number? {
        do throws(KernelError) {
            return try watch.add(directory)
        } catch {
            guard error.errno != .noSuchFileOrDirectory && error.errno != .notDirectory else { return nil }
            throw PoolFailure(error, intention: "cannot watch the leases")
        }
    }

    /// Waits until leases change.
    ///
    /// - Parameter warn: told when the kernel lost count.
    /// - Returns: the changes in order; maybe none.
    /// - Throws: ``PoolFailure``.
    package mutating func next(warn: (String) -> Void) throws(PoolFailure) -> [Change] {
        let events: [DirectoryWatch.Event]
        do throws(KernelError) {
            events = try watch.next()
        } catch {
            throw PoolFailure(error, intention: "cannot watch the leases")
        }
        var changes: [Change] = []
        for event in events {
            if event.kind == .overflow { warn("too much happened at once: some changes are missing here") }
            if event.kind == .ended { networks[event.directory] = nil }
            if let network = networks[event.directory] {
                if let change = change(event, network) { changes.append(change) }
            } else if let parent = parents[event.directory], event.isDirectory, event.kind == .appeared {
                changes += try welcome("\(parent)/\(event.name)", event.name)
            }
        }
        return changes
    }

    /// A network's directory has been made: what is in it before it is watched counts as well.
    private mutating func welcome(_ directory: String, _ name: String) throws(PoolFailure) -> [Change] {
        let network =
            known.first { $0.directory == directory }
            ?? (isOpen ? PoolNetwork(name: name, directory: directory, configurations: []) : nil)
        guard let network, let number = try LeaseWatch.begin(directory, watch) else { return [] }
        networks[number] = network
        var changes: [Change] = []
        for address in addresses(in: directory) {
            if let change = leased(address, network) { changes.append(change) }
        }
        return changes
    }

    private func addresses(in directory: String) -> [IPAddress] {
        do throws(KernelError) {
            return try LeaseDirectory.takenAddresses(path: directory).sorted()
        } catch {
            return []
        }
    }

    private mutating func change(_ event: DirectoryWatch.Event, _ network: PoolNetwork) -> Change? {
        guard let address = IPAddress(event.name), !event.isDirectory else { return nil }
        switch event.kind {
        case .appeared, .written: return leased(address, network)
        case .disappeared: return released(address, network)
        case .ended, .overflow: return nil
        }
    }

    /// A file that is still empty is being written by the Go host-local, which tells when it is done.
    private mutating func leased(_ address: IPAddress, _ network: PoolNetwork) -> Change? {
        let path = "\(network.directory)/\(address)"
        guard let owner = LeaseWatch.owner(in: path), owners[path] != owner else { return nil }
        if owners.count >= LeaseWatch.ownerLimit { owners.removeAll() }
        owners[path] = owner
        return Change(
            kind: owner.isReservation ? .reserved : .leased,
            network: network.name,
            address: address,
            owner: owner,
            moment: Machine.wallNanoseconds
        )
    }

    private mutating func released(_ address: IPAddress, _ network: PoolNetwork) -> Change {
        let moment = Machine.wallNanoseconds
        let owner = owners.removeValue(forKey: "\(network.directory)/\(address)") ?? lastOwner(of: address, network)
        return Change(kind: .released, network: network.name, address: address, owner: owner, moment: moment)
    }

    private static func owner(in path: String) -> LeaseOwner? {
        do throws(KernelError) {
            return LeaseOwner(content: try Descriptor(opening: path, O_RDONLY | O_NONBLOCK).readSmallFile(path))
        } catch {
            return nil
        }
    }

    /// As the index remembers an address that rests; whoever works on the leases is not waited for.
    private func lastOwner(of address: IPAddress, _ network: PoolNetwork) -> LeaseOwner? {
        do throws(KernelError) {
            var ledger = try LeaseLedger(
                reading: network.directory,
                runDirectory: settings.runDirectory,
                waitingAtMost: .milliseconds(50)
            )
            return try ledger.lease(of: address)?.owner
        } catch {
            return nil
        }
    }

    private static func parent(of directory: String) -> String {
        directory.lastIndex(of: "/").map { $0 == directory.startIndex ? "/" : String(directory[..<$0]) } ?? "."
    }
}

extension LeaseWatch.Change {
    /// One line for people: time, network, what happened, whose.
    package func line(_ look: Look) -> String {
        let sign =
            switch kind {
            case .leased: look.tinted("+", .good)
            case .released: look.tinted("-", .bad)
            case .reserved: look.tinted("=", .kept)
            }
        let address = "\(address)".padded(to: 15)
        let whose =
            owner.map { owner in
                owner.isReservation ? "\(owner)" : "\(LeaseRow.brief(owner.containerID)) \(owner.interfaceName)"
            } ?? "?"
        return "\(Moment.clock(moment))  \(look.tinted(network, .name))  \(sign) \(address)  \(whose)"
    }

    /// One object, with keys that stay.
    package var json: JSONValue {
        var object: JSONObject = [
            "time": .string(Moment.text(ofWall: moment)),
            "event": .string(kind.rawValue),
            "network": .string(network),
            "address": .string("\(address)"),
        ]
        if let owner, owner.isReservation {
            object[exact: "reservedFor"] = .string(owner.interfaceName)
        } else if let owner {
            object[exact: "containerID"] = .string(owner.containerID)
            object[exact: "interface"] = .string(owner.interfaceName)
        }
        return .object(object)
    }
}

extension String {
    /// With spaces behind it, unless it is as long.
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
