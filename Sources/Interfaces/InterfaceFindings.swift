// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
package import Linux
package import Netlink
package import Plugin

/// What the kernel says of a container's interface.
package struct InterfaceObservation {
    /// The interface itself; nil when it is gone.
    package private(set) var details: LinkDetails?
    package private(set) var addresses: [CIDR] = []
    package private(set) var routes: [Route] = []

    package var interface: Link? { details?.link }

    /// Looks at the interface of a name.
    ///
    /// `inside`: a socket in the container.
    /// - Throws: ``KernelError``.
    package init(of name: String, in inside: borrowing NetlinkSocket) throws(KernelError) {
        details = try inside.details(ofLink: name)
        guard let index = details?.link.index else { return }
        addresses = try inside.addresses(ofLink: index).map { $0.address }
        for family in [AddressFamily.v4, .v6] { routes += try inside.routes(family) }
    }
}

/// Collects what is not as it should be.
package struct InterfaceFindings {
    private let name: String
    private let sandbox: String
    package private(set) var complaints: [String] = []

    package init(_ request: Request) {
        name = request.invocation.interfaceName
        sandbox = request.invocation.namespacePath
    }

    package mutating func add(_ complaint: String) {
        complaints.append(complaint)
    }

    package mutating func add(missing: [String]) {
        complaints += missing.map { "missing: \($0)" }
    }

    /// What ADD promised of the interface; what later plugins added is none of ours.
    package mutating func compare(_ seen: InterfaceObservation, with promised: AddResult) {
        guard let interface = seen.interface else {
            complaints.append("interface \(name) is missing in \(sandbox)")
            return
        }
        let index = promised.interfaces.firstIndex { $0.name == name && $0.sandbox == sandbox }
        guard let index else {
            complaints.append("prevResult does not list \(name) in \(sandbox)")
            return
        }
        let mac = promised.interfaces[index].mac
        if !mac.isEmpty, MACAddress(mac) != interface.address {
            complaints.append("\(name) has MAC \(interface.address.map { "\($0)" } ?? "none") instead of \(mac)")
        }
        // Addresses without an interface, or on another one, are other plugins' business.
        for ip in promised.ips where ip.interface == index && !seen.addresses.contains(ip.address) {
            complaints.append("\(name) lacks address \(ip.address)")
        }
        for route in promised.routes where !seen.routes.contains(where: { isSame(route, as: $0) }) {
            let way = route.gateway.map { " via \($0)" } ?? ""
            complaints.append("route to \(route.destination)\(way) is missing")
        }
    }

    /// Of default routes any will do: other plugins and administrators replace them.
    private func isSame(_ promised: AddResult.Route, as seen: Route) -> Bool {
        guard promised.destination.family == seen.destination.family else { return false }
        if promised.destination.isDefaultRoute { return seen.destination.isDefaultRoute }
        guard promised.destination.network == seen.destination.network else { return false }
        return promised.gateway == nil || promised.gateway == seen.gateway
    }

    /// - Throws: ``CNIError``, code 105, with all complaints, when there are any.
    package func refuse(_ message: @autoclosure () -> String) throws(CNIError) {
        guard !complaints.isEmpty else { return }
        throw CNIError(.verificationFailed, message(), details: complaints.joined(separator: "; "))
    }
}
