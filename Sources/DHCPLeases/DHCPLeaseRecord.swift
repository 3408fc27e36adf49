// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import DHCP
internal import JSON

/// What is remembered of one lease: enough to prolong it, and to give it back.
package struct DHCPLeaseRecord: Hashable, Sendable {
    package let order: DHCPOrder
    /// The socket of the daemon that keeps the lease.
    package let socketPath: String
    /// Device and inode of the namespace.
    package let namespaceIdentity: String
    /// The interface's address on the link.
    package let hardware: MACAddress
    /// Who sent the acknowledgement, on the link: the server, or the router on the way to it.
    package var serverHardware: MACAddress
    /// The server's last acknowledgement.
    package var acknowledgement: DHCPMessage
    /// When what it grants began, by ``Machine/bootNanoseconds``.
    package var grantedAt: Int64
    package var renewals: Int
    package var state: DHCPClient.State

    package init(
        order: DHCPOrder,
        socketPath: String,
        namespaceIdentity: String,
        hardware: MACAddress,
        serverHardware: MACAddress,
        acknowledgement: DHCPMessage,
        grantedAt: Int64,
        renewals: Int,
        state: DHCPClient.State
    ) {
        self.order = order
        self.socketPath = socketPath
        self.namespaceIdentity = namespaceIdentity
        self.hardware = hardware
        self.serverHardware = serverHardware
        self.acknowledgement = acknowledgement
        self.grantedAt = grantedAt
        self.renewals = renewals
        self.state = state
    }

    /// The file's content; `address` and `server` are for people only.
    var content: [UInt8] {
        let terms = try? DHCPTerms(acknowledgement)
        let object: JSONObject = [
            "address": .string(terms.map { "\($0.address)" } ?? ""),
            "server": .string(terms.map { "\($0.server)" } ?? ""),
            "state": .string(state.rawValue),
            "order": order.json,
            "socket": .string(socketPath),
            "netnsIdentity": .string(namespaceIdentity),
            "mac": .string("\(hardware)"),
            "serverMAC": .string("\(serverHardware)"),
            "acknowledgement": .string(HexadecimalText.text(acknowledgement.octets(order.family))),
            "grantedBootNanoseconds": .integer(grantedAt),
            "renewals": .integer(Int64(renewals)),
        ]
        return JSONValue.object(object).serialized()
    }

    /// Reads a file; nil when it is no whole record.
    init?(content: [UInt8]) {
        guard let document = try? JSONValue(parsing: content) else { return nil }
        let reader = JSONReader(document)
        do throws(JSONTypeError) {
            guard let order = try reader.object("order").map(DHCPOrder.init),
                let state = DHCPClient.State(rawValue: try reader.string("state") ?? ""),
                let hardware = MACAddress(try reader.string("mac") ?? ""),
                let octets = HexadecimalText.octets(try reader.string("acknowledgement") ?? ""),
                let acknowledgement = DHCPMessage(parsing: octets, order.family)
            else { return nil }
            self.init(
                order: order,
                socketPath: try reader.string("socket") ?? "",
                namespaceIdentity: try reader.string("netnsIdentity") ?? "",
                hardware: hardware,
                serverHardware: MACAddress(try reader.string("serverMAC") ?? "") ?? .zero,
                acknowledgement: acknowledgement,
                grantedAt: try reader.member("grantedBootNanoseconds")?.integer() ?? 0,
                renewals: try reader.integer("renewals", in: 0...Int(Int32.max)) ?? 0,
                state: state
            )
        } catch {
            return nil
        }
    }

    /// The client that goes on with it.
    ///
    /// - Throws: ``DHCPProblem`` when the acknowledgement grants nothing.
    package func client(patience: DHCPClient.Patience, seed: UInt64) throws(DHCPProblem) -> DHCPClient {
        try DHCPClient(
            DHCPClient.Identity(order, hardware: hardware),
            patience: patience,
            seed: seed,
            resuming: acknowledgement,
            grantedAt: grantedAt,
            renewals: renewals
        )
    }
}

extension DHCPClient.Identity {
    /// Who asks for an interface of this address.
    package init(_ order: DHCPOrder, hardware: MACAddress) {
        self.init(
            family: order.family,
            hardware: hardware,
            clientIdentifier: order.clientIdentifier,
            options: order.options,
            requested: order.requested
        )
    }
}
