// SPDX-License-Identifier: Apache-2.0
package import AddressPools
internal import Addressing
package import JSON
package import LeaseStore

/// One line of an export: a lease, or what an operator keeps.
package struct ExchangeRow: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        /// A container's.
        case lease
        /// Given by hand.
        case allocated
        /// Kept from being given.
        case reserved
    }

    package let network: String
    /// One address, but for reservations.
    package let run: AddressRun
    package let kind: Kind
    /// Whose; of a reservation, nobody's.
    package var owner = LeaseOwner(containerID: "", interfaceName: "")
    /// Whom it is reserved for.
    package var key = ""
    package var note = ""
    /// What runs there, when it is known.
    package var workload = Workload()

    package init(network: String, run: AddressRun, kind: Kind) {
        self.network = network
        self.run = run
        self.kind = kind
    }

    /// The keys of a line of JSON and the titles of CSV, in their order.
    package static let columns = [
        "network", "address", "kind", "containerID", "interface", "reservedFor", "note", "podNamespace", "podName",
        "podUID",
    ]

    /// The values, in the order of ``columns``.
    package var values: [String] {
        [
            network, "\(run)", kind.rawValue, owner.containerID, owner.interfaceName, key, note,
            workload.namespace, workload.name, workload.uid,
        ]
    }

    /// The row as one line of JSON, without what is empty.
    package var json: JSONValue {
        var object = JSONObject()
        for (column, value) in zip(ExchangeRow.columns, values) where !value.isEmpty {
            object[exact: column] = .string(value)
        }
        return .object(object)
    }

    /// The row as a line of CSV (RFC 4180) without its end.
    package var csv: String { ExchangeRow.csv(values) }

    /// The titles of CSV.
    package static var csvHeader: String { csv(columns) }

    private static func csv(_ values: [String]) -> String {
        values.map { value in
            value.contains { $0 == "," || $0 == "\"" } ? "\"\(value.replacing("\"", with: "\"\""))\"" : value
        }.joined(separator: ",")
    }

    /// Makes a row of what stands in an import.
    ///
    /// - Parameters:
    ///   - values: by column; what is missing is empty.
    ///   - usual: the network of rows that name none.
    /// - Throws: ``PoolFailure`` saying what is wrong with the row.
    package init(values: [String: String], network usual: String?) throws(PoolFailure) {
        func value(_ key: String) -> String { values[key] ?? "" }
        guard let network = value("network").isEmpty ? usual : value("network") else {
            throw PoolFailure("it names no network", advice: "say with --network which one is meant")
        }
        let run: AddressRun
        do throws(PoolError) {
            run = try AddressRun(parsing: value("address"))
        } catch {
            throw PoolFailure("\(error)")
        }
        let word = value("kind")
        guard let kind = word.isEmpty ? .lease : Kind(rawValue: word) else {
            throw PoolFailure("kind \"\(word)\" is unknown: write lease, allocated or reserved")
        }
        self.init(network: network, run: run, kind: kind)
        (key, note) = (value("reservedFor"), value("note"))
        workload = Workload(namespace: value("podNamespace"), name: value("podName"), uid: value("podUID"))
        owner = LeaseOwner(containerID: value("containerID"), interfaceName: value("interface"))
        try requireSense()
    }

    private func requireSense() throws(PoolFailure) {
        guard values.allSatisfy({ KeptAddresses.Entry.canHold($0) }) else {
            throw PoolFailure("it holds control characters")
        }
        if kind == .reserved {
            let largest = key.isEmpty ? KeptAddresses.largestRun : KeptAddresses.largestRunForSomebody
            guard run.count <= UInt128(largest) else {
                throw PoolFailure("\(run) is too much: a reservation has at most \(largest) addresses")
            }
        } else {
            guard run.count == 1 else { throw PoolFailure("\(run) is more than one address: only reservations may be") }
            guard owner.isPossible else {
                throw PoolFailure("\"\(owner.containerID)\" is no container: letters, digits, - _ and . are allowed")
            }
        }
    }
}
