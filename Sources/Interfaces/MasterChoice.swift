// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import CNI
internal import JSON
package import Linux
package import Netlink
package import Plugin
package import Wiring

/// The link that a container's interface is to rest upon, as a configuration names it.
package struct MasterChoice: Hashable, Sendable {
    /// Empty is the link of the default route.
    package let name: String
    /// Whether it is looked for in the container, and the interface made there.
    package let isInContainer: Bool
    /// What the interface is to carry, in octets; 0 leaves it to the kernel.
    package let mtu: Int

    /// Reads `master`, `linkInContainer` and `mtu`.
    ///
    /// - Throws: ``CNIError``.
    package init(_ request: Request) throws(CNIError) {
        (name, isInContainer) = try request.reading { reader throws(JSONTypeError) in
            let name = try reader.string("master") ?? ""
            if !name.isEmpty, !isLinkName(name), let member = try reader.member("master") {
                throw member.mismatch(expected: "the name of a link")
            }
            return (name, try reader.bool("linkInContainer") ?? false)
        }
        mtu = try InterfaceMTU(request).octetsUponMaster
    }

    /// The same with a name that something else than `master` says.
    package init(_ choice: MasterChoice, named name: String) {
        self.name = name
        isInContainer = choice.isInContainer
        mtu = choice.mtu
    }

    /// Finds the link.
    ///
    /// - Returns: the place of it.
    /// - Throws: ``CNIError``, code 7, when there is none, or when its packets are smaller than the interface's.
    package func find(
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> ContainerLink.Master {
        let link = isInContainer ? try find(on: inside) : try find(on: host)
        guard mtu <= Int(link.mtu) else {
            throw CNIError(
                .invalidConfiguration,
                "mtu: \(mtu) is more than the \(link.mtu) octets of master \(link.name)",
                details: "invalid MTU \(mtu), must be [0, master MTU(\(link.mtu))]"
            )
        }
        return isInContainer ? .container(link.index) : .host(link.index)
    }

    private var place: String { isInContainer ? "in the container" : "on the host" }

    private func find(on socket: borrowing NetlinkSocket) throws(CNIError) -> Link {
        let found = try translating("cannot look for the master \(place)") { () throws(KernelError) in
            if !name.isEmpty { return try socket.link(named: name) }
            guard let index = try socket.linkOfDefaultRoute() else { return nil }
            return try socket.link(index: index)
        }
        if let found { return found }
        throw CNIError(
            .invalidConfiguration,
            name.isEmpty ? "master: there is no default route \(place)" : "master: no link \"\(name)\" \(place)",
            details: name.isEmpty ? "no default route interface found; name a link" : "make it, or name another"
        )
    }

    /// Whether the link is there for another container; what is in a container nobody can tell.
    ///
    /// - Throws: ``CNIError``, code 50.
    package func probe(on host: borrowing NetlinkSocket) throws(CNIError) {
        guard !isInContainer else { return }
        do throws(CNIError) {
            let link = try find(on: host)
            guard !link.isUp else { return }
            throw CNIError(.unavailable, "master \(link.name) is down", details: "ip link set \(link.name) up")
        } catch {
            throw CNIError(.unavailable, error.message, details: error.details)
        }
    }

    /// What is wrong with the master of an interface, in words.
    ///
    /// - Throws: ``KernelError``.
    package func complaints(
        _ seen: InterfaceObservation,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        guard !isInContainer, let details = seen.details else { return [] }
        guard !name.isEmpty else {
            // The default route may have moved since; what the interface rests upon has to be there all the same.
            guard let index = details.masterIndex, try host.link(index: index) == nil else { return [] }
            return ["the master of \(details.link.name) is missing"]
        }
        guard let master = try host.link(named: name) else { return ["master \(name) is missing"] }
        guard details.masterIndex != master.index else { return [] }
        return ["\(details.link.name) does not rest upon master \(name)"]
    }
}

extension NetlinkSocket {
    /// The link that packets to anywhere leave by: that of IPv4 if there is one, the most preferred of several.
    fileprivate func linkOfDefaultRoute() throws(KernelError) -> Int32? {
        for family in [AddressFamily.v4, .v6] {
            let routes = try installedRoutes(family).filter { route in
                route.destination.isDefaultRoute && route.link != nil && route.table == InstalledRoute.mainTable
            }
            if let first = routes.min(by: { $0.priority < $1.priority }) { return first.link }
        }
        return nil
    }
}
