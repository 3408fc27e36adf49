// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import JSON
package import LeaseStore
internal import Linux

/// One lease of one network, as it is printed.
package struct LeaseRow: Hashable, Sendable {
    /// The network's name.
    package let network: String
    package let record: LeaseRecord

    package init(_ record: LeaseRecord, of network: String) {
        self.network = network
        self.record = record
    }

    // MARK: - For people

    /// The titles of a list.
    package static func columns(isWide: Bool) -> [TextTable.Column] {
        let titles = ["NETWORK", "ADDRESS", "CONTAINER", "INTERFACE", "STATE"]
        let rest = isWide ? ["WORKLOAD", "IDENTITY", "NAMESPACE", "CREATED"] : ["WORKLOAD"]
        return titles.map { TextTable.Column($0) } + [TextTable.Column("AGE", isNumber: true)]
            + rest.map { TextTable.Column($0) }
    }

    /// The texts of a list.
    ///
    /// `now`: ``Machine/wallNanoseconds``.
    package func cells(isWide: Bool, now: Int64) -> [TextTable.Cell] {
        var cells: [TextTable.Cell] = [
            TextTable.Cell(network, .name), TextTable.Cell("\(record.address)"),
            containerCell(isWide: isWide),
            TextTable.Cell(
                record.owner.isReservation || record.owner.interfaceName.isEmpty ? "-" : record.owner.interfaceName
            ),
            TextTable.Cell(stateName, stateTint),
            TextTable.Cell(record.createdNanoseconds > 0 ? age(now: now) : "-"),
            TextTable.Cell(workload),
        ]
        if isWide {
            cells += [
                TextTable.Cell(record.identity), TextTable.Cell(record.namespacePath),
                TextTable.Cell(Moment.text(ofWall: record.createdNanoseconds)),
            ]
        }
        return cells
    }

    private func containerCell(isWide: Bool) -> TextTable.Cell {
        let container = record.owner.containerID
        if record.owner.isReservation { return "-" }
        if container.isEmpty { return TextTable.Cell("(no lease)", .bad) }
        return TextTable.Cell(isWide ? container : LeaseRow.brief(container))
    }

    /// Ids of 64 digits as docker and crictl cut them: nobody reads more of them.
    package static func brief(_ container: String) -> String {
        let isDigest = container.utf8.count == 64 && container.allSatisfy { $0.isHexDigit }
        return isDigest ? String(container.prefix(12)) : container
    }

    /// The pod, or whom a reservation is for; empty for nobody known.
    package var workload: String {
        if record.owner.isReservation { return record.owner.interfaceName }
        let workload = record.workload
        guard !workload.name.isEmpty else { return "" }
        return workload.namespace.isEmpty ? workload.name : "\(workload.namespace)/\(workload.name)"
    }

    func age(now: Int64) -> String { Moment.age(seconds: (now - record.createdNanoseconds) / 1_000_000_000) }

    /// How far it is in its life, in one word.
    package var stateName: String { record.state.name }

    var stateTint: Look.Tint {
        switch record.state {
        case .active: .good
        case .provisional: .plain
        case .suspect: .bad
        case .quarantined, .remembered: .notable
        case .reserved: .kept
        }
    }

    // MARK: - For programs

    /// The lease with keys that stay; what is not known is left out.
    package var json: JSONValue {
        var object: JSONObject = [
            "network": .string(network),
            "address": .string("\(record.address)"),
            "state": .string(stateName),
        ]
        func add(_ key: String, _ text: String) { if !text.isEmpty { object[exact: key] = .string(text) } }
        if record.owner.isReservation {
            add("reservedFor", record.owner.interfaceName)
        } else {
            object[exact: "containerID"] = .string(record.owner.containerID)
            object[exact: "interface"] = .string(record.owner.interfaceName)
        }
        add("created", Moment.text(ofWall: record.createdNanoseconds))
        if record.sinceNanoseconds > 0 {
            add("since", Moment.text(ofWall: Moment.wall(ofBoot: record.sinceNanoseconds)))
        }
        add("podNamespace", record.workload.namespace)
        add("podName", record.workload.name)
        add("podUID", record.workload.uid)
        add("identity", record.identity)
        add("netns", record.namespacePath)
        if let identity = record.namespaceIdentity {
            object[exact: "netnsInode"] = .integer(Int64(clamping: identity.inode))
        }
        if record.generation != 0 { object[exact: "generation"] = .integer(record.generation) }
        return .object(object)
    }
}

extension LeaseRecord.State {
    /// One word for it.
    package var name: String {
        switch self {
        case .provisional: "provisional"
        case .active: "active"
        case .suspect: "suspect"
        case .quarantined: "resting"
        case .remembered: "remembered"
        case .reserved: "reserved"
        }
    }

    /// All of them by name.
    package static var named: [String: LeaseRecord.State] {
        let all: [LeaseRecord.State] = [.provisional, .active, .suspect, .quarantined, .remembered, .reserved]
        var named: [String: LeaseRecord.State] = [:]
        for state in all { named[state.name] = state }
        return named
    }
}
