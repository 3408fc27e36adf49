// SPDX-License-Identifier: Apache-2.0
package import AddressPools
package import Addressing
internal import HostLocal
package import JSON
package import LeaseStore
internal import Linux

/// What one network knows of an address.
package struct AddressReport: Hashable, Sendable {
    /// What the address is in the network, the first that is true.
    package enum Standing: String, Hashable, Sendable {
        case leased
        /// Something bears its name that is no lease: a folder, a link, what a crash left.
        case blocked
        case resting
        case gateway
        case reserved
        case excluded
        case free
        /// In no pool, and not leased.
        case outside
    }

    /// Where in the configuration it lies.
    package struct Place: Hashable, Sendable {
        package let configuration: PoolConfiguration
        /// The place of the set in the configuration.
        package let rangeSet: Int
        package let range: AddressRange
    }

    package let network: PoolNetwork
    package let address: IPAddress
    /// The pool that it lies in; nil for none.
    package let place: Place?
    /// What is known of it; nil for nothing.
    package let record: LeaseRecord?
    /// The link of the host that leads to its container; empty when unknown.
    package let hostInterface: String
    /// What an operator said of it at run time; nil for nothing.
    package let kept: KeptAddresses.Entry?

    package init(
        network: PoolNetwork,
        address: IPAddress,
        record: LeaseRecord?,
        hostInterface: String = "",
        kept: KeptAddresses.Entry? = nil
    ) {
        self.kept = kept
        self.network = network
        self.address = address
        self.record = record
        self.hostInterface = hostInterface
        place = network.place(of: address)
    }

    package var standing: Standing {
        if record?.state == .reserved { return .reserved }
        if let record, record.hasFile { return record.hasOwner ? .leased : .blocked }
        if network.isGateway(address) { return .gateway }
        guard let rules = place?.configuration.pools.rules else { return record == nil ? .outside : .resting }
        if let record, record.sinceNanoseconds > Machine.bootNanoseconds - rules.quarantineNanoseconds {
            return .resting
        }
        if rules.reservations.addresses.contains(address) { return .reserved }
        return rules.excluded.contains(address) ? .excluded : .free
    }

    /// Whom the address is kept for, by an operator or by the configuration; empty for nobody in particular.
    package var reservedFor: String? {
        if let kept, kept.purpose == .reserved { return kept.key }
        return place?.configuration.pools.rules.reservations.identity(of: address)
    }
}

extension PoolNetwork {
    /// The pool that an address lies in.
    func place(of address: IPAddress) -> AddressReport.Place? {
        for configuration in configurations {
            for (number, set) in configuration.pools.rangeSets.enumerated() {
                if let range = set.range(containing: address) {
                    return AddressReport.Place(configuration: configuration, rangeSet: number, range: range)
                }
            }
        }
        return nil
    }

    /// Whether an address is a router's, wherever that lies.
    func isGateway(_ address: IPAddress) -> Bool {
        configurations.contains { configuration in
            configuration.pools.rangeSets.contains { set in set.ranges.contains { $0.gateway == address } }
        }
    }

    /// Whether an address is, or could be, one of the network's: in a pool, or at least in the subnet of one.
    package func concerns(_ address: IPAddress) -> Bool {
        isGateway(address)
            || configurations.contains { configuration in
                configuration.pools.rangeSets.contains { set in set.ranges.contains { $0.subnet.contains(address) } }
            }
    }
}

// MARK: - For people

extension AddressReport {
    /// A sentence, then what is known, indented, line by line.
    ///
    /// `now`: ``Machine/wallNanoseconds``.
    package func lines(_ look: Look, now: Int64) -> [String] {
        var facts = record.map { $0.hasOwner ? leaseFacts($0, look, now) : [] } ?? []
        if let whom = reservedFor { facts.append(("Reserved for", whom.isEmpty ? "nobody" : whom)) }
        if let kept, kept.purpose == .allocated { facts.append(("Given by hand", "to \(kept.key)")) }
        if let note = kept?.note, !note.isEmpty { facts.append(("Note", note)) }
        if let place {
            let name = UsageReport.name(of: place.range)
            facts.append(("Pool", "\(name), range set \(place.rangeSet), gateway \(place.range.gateway)"))
            facts.append(("Configured in", "\(place.configuration.file), \(place.configuration.ipam.path)"))
        }
        if record?.hasFile == true || record?.state == .reserved {
            facts.append(("File", "\(network.directory)/\(address)"))
        }
        let width = facts.map { $0.0.count }.max() ?? 0
        return [headline(look)]
            + facts.map { name, text in
                let padding = String(repeating: " ", count: width - name.count + 2)
                return "  \(look.tinted(name, .dim))\(padding)\(text)"
            }
    }

    private func headline(_ look: Look) -> String {
        let verdict: (String, Look.Tint) =
            switch standing {
            case .leased: ("leased", record?.state == .suspect ? .bad : .good)
            case .blocked: ("blocked: its file is no lease", .bad)
            case .resting: ("resting", .notable)
            case .gateway: ("the gateway, and given to nobody", .name)
            case .reserved: ("reserved, and not leased now", .kept)
            case .excluded: ("excluded, and given to nobody", .dim)
            case .free: (record?.state == .remembered ? "free, and remembered for who had it" : "free", .good)
            case .outside: ("in no pool, and given to nobody", .dim)
            }
        let name = look.tinted(network.name, .name)
        return "\(look.tinted("\(address)", .bold)) in network \(name) is \(look.tinted(verdict.0, verdict.1))"
    }

    private func leaseFacts(_ record: LeaseRecord, _ look: Look, _ now: Int64) -> [(String, String)] {
        let row = LeaseRow(record, of: network.name)
        var facts: [(String, String)] = []
        func add(_ name: String, _ text: String) { if !text.isEmpty { facts.append((name, text)) } }
        add(record.hasFile ? "Container" : "Last container", record.owner.containerID)
        add("Interface", record.owner.interfaceName)
        add("Host interface", hostInterface)
        let uid = record.workload.uid
        add("Workload", row.workload + (uid.isEmpty || row.workload.isEmpty ? "" : " (\(uid))"))
        add("Remembered for", record.identity)
        add("State", look.tinted(row.stateName, row.stateTint) + since(record))
        if !record.namespacePath.isEmpty {
            let life =
                switch record.namespaceIsThere {
                case true?: "is there"
                case false?: look.tinted("is gone", .bad)
                case nil: "cannot be looked at"
                }
            add("Namespace", "\(record.namespacePath) (\(life))")
        }
        if record.createdNanoseconds > 0 {
            add("Given", "\(Moment.text(ofWall: record.createdNanoseconds)), \(row.age(now: now)) ago")
        }
        return facts
    }

    private func since(_ record: LeaseRecord) -> String {
        guard record.sinceNanoseconds > 0 else { return record.state == .suspect ? " since before this boot" : "" }
        return " for \(Moment.age(ofBoot: record.sinceNanoseconds))"
    }
}

// MARK: - For programs

extension AddressReport {
    /// What is known, with keys that stay.
    package var json: JSONValue {
        var object: JSONObject = [
            "network": .string(network.name),
            "address": .string("\(address)"),
            "directory": .string(network.directory),
            "standing": .string(standing.rawValue),
        ]
        if let record { object[exact: "lease"] = LeaseRow(record, of: network.name).json }
        if !hostInterface.isEmpty { object[exact: "hostInterface"] = .string(hostInterface) }
        if let reservedFor { object[exact: "reservedFor"] = .string(reservedFor) }
        if let kept, kept.purpose == .allocated { object[exact: "givenByHandTo"] = .string(kept.key) }
        if let note = kept?.note, !note.isEmpty { object[exact: "note"] = .string(note) }
        if let place {
            object[exact: "pool"] = .object([
                "rangeSet": .integer(Int64(place.rangeSet)),
                "subnet": .string("\(place.range.subnet)"),
                "first": .string("\(place.range.first)"),
                "last": .string("\(place.range.last)"),
                "gateway": .string("\(place.range.gateway)"),
                "file": .string(place.configuration.file),
            ])
        }
        return .object(object)
    }
}
