// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import JSON
internal import Linux
internal import Netlink
internal import Wiring

/// What an interface had before it was tuned, as it is kept in a file between ADD and DEL.
///
/// The members are the reference's, so that either implementation can take back what the other one did. Ours adds
/// `culvert`, which the reference passes over: whose the file is, which its name does not say.
struct TuningBackup: Hashable {
    /// Which interface of which attachment was tuned.
    struct Origin: Hashable {
        let key: AttachmentKey
        /// As the runtime gave it.
        let namespacePath: String
        /// Device and inode of the namespace.
        let namespaceIdentity: String
        /// The interface's number inside.
        let link: Int32
        /// By ``Machine/bootNanoseconds``.
        let intendedNanoseconds: Int64

        /// Whether both speak of the same link, which may bear the name of another one that is gone.
        func isSameLink(as other: Origin) -> Bool {
            namespaceIdentity == other.namespaceIdentity && link == other.link
        }
    }

    var before: LinkAdjustment
    /// nil in files of the reference.
    var origin: Origin?

    init(before: LinkAdjustment, origin: Origin?) {
        self.before = before
        self.origin = origin
    }

    /// What the settings that are to change were.
    init(of link: LinkSettings, for adjustment: LinkAdjustment, origin: Origin) {
        var before = LinkAdjustment()
        if adjustment.address != nil { before.address = link.address }
        if adjustment.mtu != nil { before.mtu = link.mtu }
        if adjustment.isPromiscuous != nil { before.isPromiscuous = link.isPromiscuous }
        if adjustment.isAllMulticast != nil { before.isAllMulticast = link.isAllMulticast }
        if adjustment.transmitQueueLength != nil { before.transmitQueueLength = link.transmitQueueLength }
        self.init(before: before, origin: origin)
    }

    /// With what an earlier backup of the same link says: that is what the link had before anybody tuned it.
    func preceded(by earlier: TuningBackup) -> TuningBackup {
        guard let origin, earlier.origin.map({ origin.isSameLink(as: $0) }) == true else { return self }
        var both = self
        both.before.address = earlier.before.address ?? before.address
        both.before.mtu = earlier.before.mtu ?? before.mtu
        both.before.isPromiscuous = earlier.before.isPromiscuous ?? before.isPromiscuous
        both.before.isAllMulticast = earlier.before.isAllMulticast ?? before.isAllMulticast
        both.before.transmitQueueLength = earlier.before.transmitQueueLength ?? before.transmitQueueLength
        return both
    }
}

// The file's content
extension TuningBackup {
    /// Reads a file; nil when it makes no sense, for there is nothing to take back then.
    init?(content: [UInt8]) {
        guard let document = try? JSONValue(parsing: content) else { return nil }
        let reader = JSONReader(document)
        do throws(JSONTypeError) {
            var before = LinkAdjustment()
            before.address = MACAddress(try reader.string("mac") ?? "")
            let mtu = try reader.integer("mtu", in: 0...Int(UInt32.max))
            before.mtu = mtu == 0 ? nil : mtu
            before.isPromiscuous = try reader.bool("promisc")
            before.isAllMulticast = try reader.bool("allmulti")
            before.transmitQueueLength = try reader.integer("txQLen", in: 0...Int(UInt32.max))
            self.init(
                before: before,
                origin: try reader.object("culvert").map { part throws(JSONTypeError) in
                    try Origin(part)
                }
            )
        } catch {
            return nil
        }
    }

    var content: [UInt8] {
        var object = JSONObject()
        object[exact: "mac"] = before.address.map { .string("\($0)") }
        object[exact: "promisc"] = before.isPromiscuous.map { .bool($0) }
        object[exact: "mtu"] = before.mtu.map { .integer(Int64($0)) }
        object[exact: "allmulti"] = before.isAllMulticast.map { .bool($0) }
        object[exact: "txQLen"] = before.transmitQueueLength.map { .integer(Int64($0)) }
        object[exact: "culvert"] = origin.map { $0.json }
        return JSONValue.object(object).serialized(indent: 1)
    }
}

extension TuningBackup.Origin {
    fileprivate init(_ reader: JSONReader) throws(JSONTypeError) {
        key = AttachmentKey(
            network: try reader.string("network") ?? "",
            containerID: try reader.string("containerID") ?? "",
            interfaceName: try reader.string("ifname") ?? ""
        )
        namespacePath = try reader.string("netns") ?? ""
        namespaceIdentity = try reader.string("netnsIdentity") ?? ""
        link = Int32(try reader.integer("ifindex", in: 0...Int(Int32.max)) ?? 0)
        intendedNanoseconds = try reader.member("intendedBootNanoseconds")?.integer() ?? 0
    }

    fileprivate var json: JSONValue {
        [
            "network": .string(key.network),
            "containerID": .string(key.containerID),
            "ifname": .string(key.interfaceName),
            "netns": .string(namespacePath),
            "netnsIdentity": .string(namespaceIdentity),
            "ifindex": .integer(Int64(link)),
            "intendedBootNanoseconds": .integer(intendedNanoseconds),
        ]
    }
}
