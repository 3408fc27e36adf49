// SPDX-License-Identifier: Apache-2.0
import Addressing
package import JSON

extension AddResult {
    /// The result as a version prints it, members in the reference's order.
    ///
    /// What a version has no place for is left out: interfaces and all but one address per family up to 0.2.0,
    /// MTU, socket and PCI address of interfaces up to 0.4.0. The newer members of routes are printed from 0.3.0 on,
    /// because the reference has one type of route for all versions and its clients read them.
    ///
    /// - Throws: `CNIError` with code 1 when the version cannot express a result without addresses (up to 0.2.0).
    package func json(version: CNIVersion) throws(CNIError) -> JSONValue {
        if version >= .v1_0_0 { return .object(object(version)) }
        if version >= .v0_3_0 { return .object(numberedObject(version)) }
        return .object(try familyObject(version))
    }

    /// Since 1.0.0: members in alphabetical order, `dns` only when it says something.
    private func object(_ version: CNIVersion) -> JSONObject {
        var object: JSONObject = ["cniVersion": .string(version.rawValue)]
        if !dns.isEmpty { object[exact: "dns"] = dns.json }
        object.append("interfaces", interfaces.map { $0.json(isModern: true) })
        object.append("ips", ips.map { $0.json(isModern: true) })
        object.append("routes", routes.map { $0.json })
        return object
    }

    /// From 0.3.0 to 0.4.0: every address tells its family, `dns` is always there.
    private func numberedObject(_ version: CNIVersion) -> JSONObject {
        var object: JSONObject = ["cniVersion": .string(version.rawValue)]
        object.append("interfaces", interfaces.map { $0.json(isModern: false) })
        object.append("ips", ips.map { $0.json(isModern: false) })
        object.append("routes", routes.map { $0.json })
        object[exact: "dns"] = dns.json
        return object
    }

    /// Up to 0.2.0: the first address of each family with the routes of that family.
    private func familyObject(_ version: CNIVersion) throws(CNIError) -> JSONObject {
        guard !ips.isEmpty else {
            throw CNIError(
                .incompatibleVersion,
                "cannot convert: no valid IP addresses",
                details: "a result of version \(version) needs at least one address"
            )
        }
        var object: JSONObject = ["cniVersion": .string(version.rawValue)]
        for (key, family) in [("ip4", AddressFamily.v4), ("ip6", .v6)] {
            guard let ip = ips.first(where: { $0.address.family == family }) else { continue }
            var member: JSONObject = ["ip": .string(ip.address.description)]
            member.append("gateway", ip.gateway?.description ?? "")
            member.append("routes", routes.filter { $0.destination.family == family }.map { $0.briefJSON })
            object[exact: key] = .object(member)
        }
        object[exact: "dns"] = dns.json
        return object
    }
}

extension AddResult.Interface {
    fileprivate func json(isModern: Bool) -> JSONValue {
        var object: JSONObject = ["name": .string(name)]
        object.append("mac", mac)
        if isModern { object.append("mtu", nonzero: mtu) }
        object.append("sandbox", sandbox)
        if isModern {
            object.append("socketPath", socketPath)
            object.append("pciID", pciID)
        }
        return .object(object)
    }
}

extension AddResult.IPConfiguration {
    fileprivate func json(isModern: Bool) -> JSONValue {
        var object = JSONObject()
        if !isModern { object.append("version", address.family == .v4 ? "4" : "6") }
        object.append("interface", interface)
        object.append("address", address.description)
        object.append("gateway", gateway?.description ?? "")
        return .object(object)
    }
}

extension AddResult.Route {
    /// Destination and gateway, which is all that 0.2.0 knows.
    fileprivate var briefJSON: JSONValue {
        .object(brief)
    }

    fileprivate var json: JSONValue {
        var object = brief
        object.append("mtu", nonzero: mtu)
        object.append("advmss", nonzero: advmss)
        object.append("priority", nonzero: priority)
        object.append("table", table)
        object.append("scope", scope)
        if isOnLink { object[exact: "onlink"] = true }
        return .object(object)
    }

    private var brief: JSONObject {
        var object: JSONObject = ["dst": .string(destination.description)]
        object.append("gw", gateway?.description ?? "")
        return object
    }
}
