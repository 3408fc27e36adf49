// SPDX-License-Identifier: Apache-2.0
import Addressing
package import JSON

extension AddResult {
    /// Reads a result of any version.
    ///
    /// Members that a version does not know yet are read all the same, and `version` of an address (0.3 and 0.4) is
    /// not needed: the reference does and prints such results.
    ///
    /// - Parameters:
    ///   - reader: The result.
    ///   - version: The version to assume when the result does not name one that we know. Results inside a
    ///     configuration may leave it out.
    /// - Throws: `CNIError` with code 6, naming the place, what was expected and what was found.
    package init(_ reader: JSONReader, assuming version: CNIVersion) throws(CNIError) {
        do throws(JSONTypeError) {
            try self.init(reading: reader, assuming: version)
        } catch {
            throw CNIError(error, in: "result")
        }
    }

    init(reading reader: JSONReader, assuming assumed: CNIVersion) throws(JSONTypeError) {
        let version = CNIVersion(try reader.string("cniVersion") ?? "") ?? assumed
        dns = try DNS(reader.object("dns"))
        guard version >= .v0_3_0 else {
            (ips, routes) = try Self.readFamilies(reader)
            interfaces = []
            return
        }
        interfaces = try Self.read(reader, "interfaces") { element throws(JSONTypeError) in try Interface(element) }
        ips = try Self.read(reader, "ips") { element throws(JSONTypeError) in try IPConfiguration(element) }
        routes = try Self.read(reader, "routes") { element throws(JSONTypeError) in try Route(element) }
    }

    private static func read<Element>(
        _ reader: JSONReader,
        _ key: String,
        _ element: (JSONReader) throws(JSONTypeError) -> Element
    ) throws(JSONTypeError) -> [Element] {
        guard let elements = try reader.array(key) else { return [] }
        return try elements.map(element)
    }

    /// Up to 0.2.0 there is one address per family, and the routes belong to it.
    private static func readFamilies(_ reader: JSONReader) throws(JSONTypeError) -> ([IPConfiguration], [Route]) {
        var ips: [IPConfiguration] = []
        var routes: [Route] = []
        for (key, family) in [("ip4", AddressFamily.v4), ("ip6", .v6)] {
            guard let member = try reader.member(key) else { continue }
            let ip = try member.required("ip")
            let address = try ip.cidr()
            guard address.family == family else {
                throw ip.mismatch(expected: "an \(family.name) address with prefix length")
            }
            ips.append(IPConfiguration(address: address, gateway: try member.ipAddress("gateway")))
            routes += try read(member, "routes") { element throws(JSONTypeError) in try Route(element) }
        }
        return (ips, routes)
    }
}

/// Numbers the kernel keeps in 32 bits without sign.
private let unsigned32 = 0...Int(UInt32.max)

extension AddResult.Interface {
    fileprivate init(_ reader: JSONReader) throws(JSONTypeError) {
        name = try reader.string("name") ?? ""
        mac = try reader.string("mac") ?? ""
        sandbox = try reader.string("sandbox") ?? ""
        mtu = try reader.integer("mtu", in: unsigned32) ?? 0
        socketPath = try reader.string("socketPath") ?? ""
        pciID = try reader.string("pciID") ?? ""
    }
}

extension AddResult.IPConfiguration {
    fileprivate init(_ reader: JSONReader) throws(JSONTypeError) {
        address = try reader.required("address").cidr()
        gateway = try reader.ipAddress("gateway")
        interface = try reader.integer("interface", in: 0...Int(Int32.max))
    }
}

extension AddResult.Route {
    /// Reads one element of `routes`, in a result or in the configuration of an IPAM plugin.
    ///
    /// - Throws: `JSONTypeError` when `dst` is missing or a member is of another type.
    package init(_ reader: JSONReader) throws(JSONTypeError) {
        destination = try reader.required("dst").cidr()
        gateway = try reader.ipAddress("gw")
        mtu = try reader.integer("mtu", in: unsigned32) ?? 0
        advmss = try reader.integer("advmss", in: unsigned32) ?? 0
        priority = try reader.integer("priority", in: unsigned32) ?? 0
        table = try reader.integer("table", in: unsigned32)
        scope = try reader.integer("scope", in: 0...255)
        isOnLink = try reader.bool("onlink") ?? false
    }
}
