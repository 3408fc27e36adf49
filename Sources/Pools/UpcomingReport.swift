// SPDX-License-Identifier: Apache-2.0
internal import AddressPools
internal import HostLocal
package import JSON

/// What `ipam next` says.
package struct UpcomingReport {
    /// A range set of a network.
    package struct Entry {
        package let network: PoolNetwork
        package let upcoming: PoolNetwork.Upcoming

        package init(network: PoolNetwork, upcoming: PoolNetwork.Upcoming) {
            self.network = network
            self.upcoming = upcoming
        }

        fileprivate var set: RangeSet { upcoming.configuration.pools.rangeSets[upcoming.rangeSet] }
    }

    private let entries: [Entry]

    package init(_ entries: [Entry]) {
        self.entries = entries
    }

    /// A line for each address.
    package func lines(hasHeader: Bool, _ look: Look) -> [String] {
        let columns = ["NETWORK", "SET", "ADDRESS", "POOL", "REASON"].map { TextTable.Column($0) }
        let rows = entries.flatMap { entry in
            entry.upcoming.choices.map { choice in
                [
                    TextTable.Cell(entry.network.name, .name), TextTable.Cell("\(entry.upcoming.rangeSet)"),
                    TextTable.Cell("\(choice.address)"), TextTable.Cell(UsageReport.name(of: choice.range)),
                    TextTable.Cell(UpcomingReport.reason(choice), choice.reason == .rested ? .notable : .plain),
                ]
            }
        }
        return rows.isEmpty ? [] : TextTable.lines(columns, rows, look, hasHeader: hasHeader)
    }

    /// The addresses, one a line.
    package var names: [String] { entries.flatMap { $0.upcoming.choices.map { "\($0.address)" } } }

    /// A sentence for each range set that has no address left.
    package var exhausted: [String] {
        entries.filter { $0.upcoming.choices.isEmpty }.map { entry in
            "network \(entry.network.name) has no address left in range set \(entry.upcoming.rangeSet) (\(entry.set)); "
                + "see ipam check, and free what is dead with ipam gc"
        }
    }

    /// The whole, with keys that stay.
    package var json: JSONValue {
        .object([
            "rangeSets": .array(
                entries.map { entry in
                    .object([
                        "network": .string(entry.network.name),
                        "rangeSet": .integer(Int64(entry.upcoming.rangeSet)),
                        "ranges": .array(entry.set.ranges.map { .string("\($0)") }),
                        "addresses": .array(
                            entry.upcoming.choices.map {
                                .object([
                                    "address": .string("\($0.address)"),
                                    "reason": .string(UpcomingReport.reason($0)),
                                ])
                            }
                        ),
                    ])
                }
            )
        ])
    }

    private static func reason(_ choice: PoolChoice) -> String { choice.reason == .rested ? "rested" : "next" }
}
