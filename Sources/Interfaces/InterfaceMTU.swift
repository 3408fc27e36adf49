// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import CNI
internal import JSON
internal import Linux
package import Netlink
package import Plugin

/// What a configuration says of the size of an interface's packets.
package enum InterfaceMTU: Hashable, Sendable {
    /// So many octets; 0 leaves it to the kernel.
    case octets(Int)
    /// No packet that leaves the host has to be cut into pieces.
    case automatic

    /// Reads `mtu`: a number, or `auto`.
    ///
    /// - Throws: ``CNIError``, code 7 for other texts, and 6 for what is neither.
    package init(_ request: Request) throws(CNIError) {
        let text = try request.reading { reader throws(JSONTypeError) in
            guard case .string(let text)? = try reader.member("mtu")?.value else { return String?.none }
            return text
        }
        guard let text else {
            self = .octets(try request.reading { reader throws(JSONTypeError) in try reader.mtu() })
            return
        }
        guard text == "auto" else {
            throw CNIError(
                .invalidConfiguration,
                "mtu: the text \"\(text)\" is no size of packets",
                details: "give a number of octets without quotation marks, such as 1400, or \"auto\""
            )
        }
        self = .automatic
    }

    /// In octets; 0 leaves it to the kernel.
    ///
    /// For an interface that adds nothing to its packets, such as one end of a pair: the smallest MTU among the links of
    /// the host's default routes of either family. Links that encapsulate are smaller themselves. Without a default
    /// route it is the kernel's choice.
    ///
    /// - Throws: ``CNIError``.
    package func octets(on host: borrowing NetlinkSocket) throws(CNIError) -> Int {
        switch self {
        case .octets(let octets): return octets
        case .automatic:
            return try translating("cannot look for the host's default routes") { () throws(KernelError) in
                try host.smallestMTUOfDefaultRoutes()
            }
        }
    }

    /// The same for an interface that rests upon another link: the kernel gives it that link's, less what it adds itself.
    package var octetsUponMaster: Int {
        switch self {
        case .octets(let octets): octets
        case .automatic: 0
        }
    }
}

extension NetlinkSocket {
    /// 0 when there is no default route.
    fileprivate func smallestMTUOfDefaultRoutes() throws(KernelError) -> Int {
        var links: Set<Int32> = []
        for family in [AddressFamily.v4, .v6] {
            for route in try installedRoutes(family)
            where route.isUnicast && route.destination.isDefaultRoute && route.table == InstalledRoute.mainTable {
                links.formUnion(route.links)
            }
        }
        var smallest = 0
        for index in links {
            guard let link = try link(index: index), !link.isLoopback else { continue }
            // What pairs and taps take at most.
            let mtu = min(Int(link.mtu), 65_535)
            smallest = smallest == 0 ? mtu : min(smallest, mtu)
        }
        return smallest
    }
}
