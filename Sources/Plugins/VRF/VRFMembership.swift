// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Linux
internal import Netlink
internal import Plugin

/// One interface's place in a VRF of its container.
struct VRFMembership {
    let request: Request

    init(_ request: Request) {
        self.request = request
    }

    var name: String { request.invocation.interfaceName }

    func open(_ container: borrowing NetworkNamespace) throws(KernelError) -> NetlinkSocket {
        let home = try NetworkNamespace.current()
        return try container.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
    }

    // MARK: - ADD

    /// Puts the interface into the VRF, with all it has, or leaves everything as it was.
    func join() throws(CNIError) -> AddResult {
        guard let previous = request.configuration.previousResult else {
            throw CNIError(
                .invalidConfiguration,
                "missing prevResult from earlier plugin",
                details: "vrf works on an interface that a plugin before it made; put it behind one"
            )
        }
        let configuration = try VRFConfiguration(request)
        let container = "container \(request.invocation.containerID)"
        let intention = "cannot put \(name) of \(container) into VRF \(configuration.name)"
        let namespace = try request.openNamespace()
        try translating(intention) { () throws(KernelError) in
            // Two networks of one container may be added at the same moment, and must not take the same table.
            try namespace.lock(request.invocation.namespacePath, waitingAtMost: request.settings.lockBound)
        }
        let socket = try translating(intention) { () throws(KernelError) in try open(namespace) }
        let link = try freeInterface(on: socket, intention)
        let domain = try domain(configuration, on: socket, intention)
        var before: VRFBelongings?
        do throws(KernelError) {
            let seen = try VRFBelongings(of: link, on: socket)
            before = seen
            try socket.execute(.join(vrf: domain.link, link: link))
            try restore(seen, to: link, moving: (InstalledRoute.mainTable, domain.table), on: socket)
        } catch {
            let leftovers = takeBack(link, domain, before, in: namespace)
            let failure = CNIError(.kernelRefused, intention, error)
            throw leftovers.isEmpty ? failure : failure.adding("left behind: \(leftovers.joined(separator: "; "))")
        }
        return previous
    }

    /// The interface, which must be nobody's port.
    private func freeInterface(on socket: borrowing NetlinkSocket, _ intention: String) throws(CNIError) -> Link {
        let (link, master) = try translating(intention) { () throws(KernelError) in
            guard let link = try socket.link(named: name) else { throw KernelError("find link \(name)", .noSuchDevice) }
            guard let index = link.master else { return (link, String?.none) }
            return (link, try socket.link(index: index)?.name ?? "link \(index)")
        }
        guard let master else { return link }
        throw CNIError(
            .kernelRefused,
            intention,
            details: "interface \(name) has already a master set: \(master); an interface has one at most"
        )
    }

    /// Makes everything as it was, by another socket: what the kernel still has to say to the first one is in the way.
    ///
    /// `before`: what the interface had; nil when it was not looked at, and nothing was done to it.
    /// - Returns: what could not be taken back, in words.
    private func takeBack(
        _ link: Link,
        _ domain: VRFDomain,
        _ before: VRFBelongings?,
        in namespace: borrowing NetworkNamespace
    ) -> [String] {
        let socket: NetlinkSocket
        do throws(KernelError) {
            socket = try open(namespace)
        } catch {
            return ["\(error)"]
        }
        var leftovers: [String] = []
        do throws(KernelError) {
            if let before {
                // Also when joining was refused: the kernel may have done it, and its answer was lost.
                try socket.execute(.leaveVRF(link: link))
                try restore(before, to: link, moving: (InstalledRoute.mainTable, InstalledRoute.mainTable), on: socket)
            }
        } catch {
            leftovers.append("\(error)")
        }
        return leftovers + (domain.isNew ? remove(domain.link.name, on: socket) : [])
    }

    /// Gives the interface back what it lost on its way into a VRF or out of it.
    ///
    /// `move`: what was in the first table goes into the second one.
    private func restore(
        _ before: VRFBelongings,
        to link: Link,
        moving move: (from: Int, to: Int),
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) {
        for address in before.missing(among: try socket.installedAddresses(ofLink: link.index)) {
            try tolerating([.fileExists], .add(address), on: socket)
        }
        let repair = before.repair(try VRFBelongings.routes(of: link, on: socket), moving: move)
        for place in repair.missing {
            try tolerating([.fileExists], .add(place.route, table: place.table), on: socket)
        }
        for route in repair.excess {
            try tolerating([.noSuchProcess], .delete(route, table: route.table), on: socket)
        }
    }

    /// Asks for something that may be so already.
    func tolerating(
        _ answers: [Errno],
        _ request: NetlinkRequest,
        on socket: borrowing NetlinkSocket
    ) throws(KernelError) {
        do throws(KernelError) {
            try socket.execute(request)
        } catch {
            guard answers.contains(error.errno) else { throw error }
        }
    }

    // MARK: - DEL

    /// Takes the interface out of the VRF, and the VRF away when it was the last; can be repeated.
    func leave() throws(CNIError) {
        let path = request.invocation.namespacePath
        guard !path.isEmpty else { return }
        let intention = "cannot take \(name) of container \(request.invocation.containerID) out of its VRF"
        do throws(KernelError) {
            try leave(at: path)
        } catch {
            throw CNIError(.kernelRefused, intention, error)
        }
    }

    private func leave(at path: String) throws(KernelError) {
        let container: NetworkNamespace
        do throws(KernelError) {
            container = try NetworkNamespace(path: path)
        } catch {
            // Gone, or a plain file that a lost mount left behind: the VRF went with the namespace.
            guard error.isMissingNamespace else { throw error }
            return
        }
        try container.lock(path, waitingAtMost: request.settings.lockBound)
        let socket = try open(container)
        // A name that makes no sense cannot have made a VRF; the interface knows where it is.
        let wanted = try? VRFConfiguration.name(request.configuration.reader)
        guard let domain = try VRFDomain(of: name, named: wanted ?? nil, on: socket) else { return }
        if let link = try socket.link(named: name), link.master == domain.link.index {
            let before = try VRFBelongings(of: link, on: socket)
            try socket.execute(.leaveVRF(link: link))
            do throws(KernelError) {
                try restore(before, to: link, moving: (domain.table, InstalledRoute.mainTable), on: socket)
            } catch {
                // What the main table cannot take is of no use to an interface that goes next.
                Machine.log("vrf: \(error)")
            }
        }
        guard try socket.ports(ofMaster: domain.link.index).isEmpty else { return }
        try tolerating([.noSuchDevice], .deleteLink(named: domain.link.name), on: socket)
    }
}
