// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import JSON
package import Wiring

/// What is asked of the daemon: one line of JSON.
package enum DHCPQuestion: Hashable, Sendable {
    /// Get a lease and keep it; the one that is there already if there is one.
    case add(DHCPOrder)
    /// Say whether there is a lease.
    case check(DHCPLeaseName)
    /// Give the leases of an attachment back; that there are none is no error.
    case delete(AttachmentKey)
    /// Give back all leases of a network but those of survivors.
    ///
    /// `begun`: what is younger was not known to who asks, by ``Machine/bootNanoseconds``.
    case collect(network: String, surviving: [Survivor], begun: Int64)
    /// Say that you are there.
    case status
    /// Say what you keep.
    case list

    /// An attachment that is not to be collected; without an interface, all of a container's.
    package struct Survivor: Hashable, Sendable {
        package let containerID: String
        package let interfaceName: String

        package init(containerID: String, interfaceName: String) {
            self.containerID = containerID
            self.interfaceName = interfaceName
        }

        package func covers(_ key: AttachmentKey) -> Bool {
            containerID == key.containerID && (interfaceName.isEmpty || interfaceName == key.interfaceName)
        }
    }

    /// Raised when a daemon would not understand a plugin of another version any more.
    private static let dialogue: Int64 = 1

    private var verb: String {
        switch self {
        case .add: "add"
        case .check: "check"
        case .delete: "delete"
        case .collect: "collect"
        case .status: "status"
        case .list: "list"
        }
    }

    /// One line, with its end.
    package var line: [UInt8] {
        var object: JSONObject = ["culvertDHCP": .integer(DHCPQuestion.dialogue), "verb": .string(verb)]
        switch self {
        case .add(let order): object[exact: "order"] = order.json
        case .check(let name):
            object.members += name.key.dhcpMembers.members
            object[exact: "family"] = .integer(name.family == .v4 ? 4 : 6)
        case .delete(let key): object.members += key.dhcpMembers.members
        case .collect(let network, let surviving, let begun):
            object[exact: "network"] = .string(network)
            object[exact: "surviving"] = .array(
                surviving.map {
                    .object(
                        ["containerID": .string($0.containerID), "ifname": .string($0.interfaceName)] as JSONObject
                    )
                }
            )
            object[exact: "begun"] = .integer(begun)
        case .status, .list: break
        }
        return JSONValue.object(object).serialized() + [UInt8(ascii: "\n")]
    }

    /// Reads a line.
    ///
    /// - Throws: `JSONTypeError` when it asks nothing that we know.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        guard try reader.integer("culvertDHCP", in: 0...Int(Int32.max)) == Int(DHCPQuestion.dialogue) else {
            throw reader.mismatch(expected: "a question of dialogue \(DHCPQuestion.dialogue)")
        }
        switch try reader.string("verb") {
        case "add":
            guard let order = try reader.object("order") else { throw reader.mismatch(expected: "an order") }
            self = .add(try DHCPOrder(order))
        case "check":
            let family = try reader.integer("family", in: 4...6) ?? 4
            self = .check(DHCPLeaseName(key: try AttachmentKey(reader), family: family == 6 ? .v6 : .v4))
        case "delete": self = .delete(try AttachmentKey(reader))
        case "collect":
            var surviving: [Survivor] = []
            for element in try reader.array("surviving") ?? [] {
                surviving.append(
                    Survivor(
                        containerID: try element.string("containerID") ?? "",
                        interfaceName: try element.string("ifname") ?? ""
                    )
                )
            }
            self = .collect(
                network: try reader.string("network") ?? "",
                surviving: surviving,
                begun: try reader.member("begun")?.integer() ?? 0
            )
        case "status": self = .status
        case "list": self = .list
        default: throw reader.mismatch(expected: "a verb")
        }
    }
}
