// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

// CHECK and STATUS
extension VRFMembership {
    /// Whether the interface still is where ADD put it, with what it had.
    func verify() throws(CNIError) {
        guard let promised = request.configuration.previousResult else {
            throw CNIError(.invalidConfiguration, "required prevResult missing", details: "CHECK needs ADD's result")
        }
        let configuration = try VRFConfiguration(request)
        let container = try request.openNamespace()
        let wanted = promised.routes.filter { $0.table == nil }.map { $0.destination }
        let complaints = try translating("cannot look at container \(request.invocation.containerID)") {
            () throws(KernelError) in try self.complaints(configuration, wanted, in: container)
        }
        guard complaints.isEmpty else {
            throw CNIError(
                .verificationFailed,
                "container \(request.invocation.containerID) has not \(name) in VRF \(configuration.name) as promised",
                details: complaints.joined(separator: "; ")
            )
        }
    }

    /// What is wrong with the interface's place in its VRF, in words.
    ///
    /// `wanted`: where packets have to find their way from within the VRF, if they do at all.
    func complaints(
        _ configuration: VRFConfiguration,
        _ wanted: [CIDR],
        in container: borrowing NetworkNamespace
    ) throws(KernelError) -> [String] {
        let socket = try open(container)
        guard let link = try socket.link(named: name) else { return ["interface \(name) is missing"] }
        guard let found = try socket.details(ofLink: configuration.name) else {
            return ["VRF \(configuration.name) is missing"]
        }
        guard case .vrf(let table)? = found.kind else { return ["link \(configuration.name) is no VRF"] }
        var complaints: [String] = []
        if let wanted = configuration.table, wanted != table {
            complaints.append("VRF \(configuration.name) has table \(table) instead of \(wanted)")
        }
        if !found.link.isUp { complaints.append("VRF \(configuration.name) is down") }
        guard link.master == found.link.index else {
            return complaints + ["\(name) is not in VRF \(configuration.name)"]
        }
        let routes = try VRFBelongings.routes(of: link, on: socket)
        return complaints + strays(wanted, routes, table: Int(table))
    }

    /// Routes that lead through the interface for those outside of the VRF only.
    ///
    /// Whether they are there at all is the business of the plugin that made them.
    private func strays(_ wanted: [CIDR], _ routes: [InstalledRoute], table: Int) -> [String] {
        wanted.compactMap { destination in
            let same = routes.filter { $0.isUnicast && $0.destination.network == destination.network }
            guard !same.isEmpty, !same.contains(where: { $0.table == table }) else { return nil }
            return "route to \(destination) is not in table \(table)"
        }
    }

    /// Whether this kernel has VRFs, and the configuration makes sense.
    func probe() throws(CNIError) {
        _ = try VRFConfiguration(request)
        _ = try translating("cannot make a VRF", .unavailable) { () throws(KernelError) in
            try NetlinkSocket().require(kind: "vrf")
        }
    }
}
