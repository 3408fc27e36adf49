// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import DHCP
package import JSON
internal import Wiring

/// What a person wants to know of a lease.
package struct DHCPLeaseRow: Hashable, Sendable {
    package let network: String
    package let container: String
    package let interface: String
    /// With the length of its prefix; empty while none is granted.
    package let address: String
    package let server: String
    package let state: String
    package let renewals: Int
    /// Seconds until the lease ends; nil for never, or none.
    package let secondsLeft: Int?

    package init(order: DHCPOrder, client: DHCPClient, now: Int64) {
        network = order.key.network
        container = order.key.containerID
        interface = order.key.interfaceName
        address = client.terms.map { "\($0.address)" } ?? ""
        // Of DHCPv6 every server hears everything, and goes by no address.
        server = client.terms.map { $0.server.isUnspecified ? "" : "\($0.server)" } ?? ""
        state = client.state.rawValue
        renewals = client.renewals
        secondsLeft = client.expiresAt.map { Int(max(0, $0 - now) / 1_000_000_000) }
    }

    package var json: JSONValue {
        .object(
            [
                "network": .string(network),
                "containerID": .string(container),
                "ifname": .string(interface),
                "address": .string(address),
                "server": .string(server),
                "state": .string(state),
                "renewals": .integer(Int64(renewals)),
                "expiresInSeconds": secondsLeft.map { .integer(Int64($0)) } ?? .null,
            ] as JSONObject
        )
    }

    /// Reads what ``json`` writes.
    ///
    /// - Throws: `JSONTypeError` for anything else.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        network = try reader.string("network") ?? ""
        container = try reader.string("containerID") ?? ""
        interface = try reader.string("ifname") ?? ""
        address = try reader.string("address") ?? ""
        server = try reader.string("server") ?? ""
        state = try reader.string("state") ?? ""
        renewals = try reader.integer("renewals", in: 0...Int(Int32.max)) ?? 0
        secondsLeft = try reader.integer("expiresInSeconds", in: 0...Int(UInt32.max))
    }

    /// A record's row, for when no daemon runs: nobody prolongs it.
    package init?(_ record: DHCPLeaseRecord, now: Int64) {
        let patience = DHCPClient.Patience(answer: 0, longestPause: 0, wantsBroadcast: false)
        guard let client = try? record.client(patience: patience, seed: 0) else { return nil }
        let isOver = client.expiresAt.map { $0 <= now } ?? false
        let row = DHCPLeaseRow(order: record.order, client: client, now: now)
        network = row.network
        container = row.container
        interface = row.interface
        address = row.address
        server = row.server
        state = isOver ? DHCPClient.State.expired.rawValue : record.state.rawValue
        renewals = row.renewals
        secondsLeft = row.secondsLeft
    }
}
