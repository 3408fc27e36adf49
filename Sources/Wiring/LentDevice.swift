// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import JSON
package import Linux
package import Netlink

/// A link of the host that a container has for a while: what it was there, and is to be again.
///
/// On its way the link bears its name on the host as its alias, wherever it is and whatever it is called: so does the
/// reference's. By that it is found in the container, and on the host when the kernel took it back because the
/// container's namespace died.
package struct LentDevice: Hashable, Sendable {
    /// On the host.
    package let name: String
    /// What an administrator had written upon it; empty when nothing.
    package let alias: String
    /// As the kernel calls it; empty for hardware.
    package let kind: String
    /// nil when it has none of six octets.
    package let address: MACAddress?
    /// In octets.
    package let mtu: Int
    package let isUp: Bool
    /// By what else than name and address it was asked for: its place in sysfs; empty when by those.
    package let place: String

    package init(
        name: String,
        alias: String,
        kind: String,
        address: MACAddress?,
        mtu: Int,
        isUp: Bool,
        place: String = ""
    ) {
        self.name = name
        self.alias = alias
        self.kind = kind
        self.address = address
        self.mtu = mtu
        self.isUp = isUp
        self.place = place
    }

    /// What a link of the host is now.
    package init(_ details: LinkDetails, place: String = "") {
        self.init(
            name: details.link.name,
            alias: details.alias,
            kind: details.link.kind,
            address: details.link.address,
            mtu: Int(details.link.mtu),
            isUp: details.link.isUp,
            place: place
        )
    }

    /// The same, asked for by another place.
    package init(_ device: LentDevice, place: String) {
        self.init(
            name: device.name,
            alias: device.alias,
            kind: device.kind,
            address: device.address,
            mtu: device.mtu,
            isUp: device.isUp,
            place: place
        )
    }

    /// What a link was on the host of which nothing is known but its alias, as the reference leaves it; nil if that is
    /// no name.
    package init?(marked details: LinkDetails) {
        let mark = details.alias
        // The kernel's `dev_valid_name`.
        guard !mark.isEmpty, mark.utf8.count < 16, mark != ".", mark != "..",
            !mark.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") })
        else { return nil }
        self.init(
            name: mark,
            alias: "",
            kind: details.link.kind,
            address: details.link.address,
            mtu: Int(details.link.mtu),
            isUp: false
        )
    }

    /// Whether a link is this one on its way.
    package func isMarked(upon details: LinkDetails) -> Bool {
        !name.isEmpty && details.alias == name && details.link.kind == kind
    }

    /// Looks for the link on its way.
    ///
    /// `likely`: the name that it probably has.
    /// - Throws: ``KernelError``.
    package func find(on socket: borrowing NetlinkSocket, likely: String) throws(KernelError) -> LinkDetails? {
        if let details = try socket.details(ofLink: likely), isMarked(upon: details) { return details }
        return try socket.allDetails().first { isMarked(upon: $0) }
    }
}

// What a record says of it.
extension LentDevice {
    init(_ reader: JSONReader) throws(JSONTypeError) {
        self.init(
            name: try reader.string("name") ?? "",
            alias: try reader.string("alias") ?? "",
            kind: try reader.string("kind") ?? "",
            address: MACAddress(try reader.string("mac") ?? ""),
            mtu: try reader.integer("mtu", in: 0...Int(Int32.max)) ?? 0,
            isUp: try reader.bool("up") ?? false,
            place: try reader.string("place") ?? ""
        )
    }

    var json: JSONValue {
        let object: JSONObject = [
            "name": .string(name),
            "alias": .string(alias),
            "kind": .string(kind),
            "mac": .string(address.map { "\($0)" } ?? ""),
            "mtu": .integer(Int64(mtu)),
            "up": .bool(isUp),
            "place": .string(place),
        ]
        return .object(object)
    }
}

/// The loan of a device to a container.
package struct DeviceMove: Hashable, Sendable {
    /// What it is on the host.
    package let device: LentDevice
    /// Its index on the host.
    package let index: Int32
    /// What it is called there now: another name than its own when it came back by itself.
    package let currentName: String
    /// What it is to be called in the container.
    package let name: String

    package init(_ device: LentDevice, index: Int32, currentName: String, name: String) {
        self.device = device
        self.index = index
        self.currentName = currentName
        self.name = name
    }
}
