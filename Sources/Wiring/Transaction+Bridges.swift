// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import FastPath
package import Linux
package import Netlink

// What containers share on the host: bridges, their addresses, forwarding.
extension Transaction {
    mutating func make(_ bridge: BridgeSpecification) throws(KernelError) {
        let name = bridge.name
        var found = links.last { $0.name == name }
        if found == nil { found = try host.link(named: name) }
        if found == nil {
            let addition = NetlinkRequest.addBridge(
                name,
                address: bridge.address,
                mtu: bridge.mtu,
                filtersVLANs: bridge.filtersVLANs
            )
            do throws(KernelError) {
                try makeShared(addition)
            } catch {
                // Newer kernels refuse the setting, older ones ignore it.
                guard bridge.filtersVLANs, error.errno == .notSupported else { throw error }
                try Transaction.requirePrograms(bridge)
                try makeShared(.addBridge(name, address: bridge.address, mtu: bridge.mtu, filtersVLANs: false))
            }
            found = try host.link(named: name)
            if let made = found, bridge.filtersVLANs, made.bridge?.filtersVLANs != true {
                found = try keepVLANsOrRemove(made, bridge)
            }
        }
        guard var link = found else { throw KernelError("find bridge \(name)", .noSuchDevice) }
        try Transaction.requireBridge(link)
        if bridge.filtersVLANs, !link.isGuarded || !bridge.mayUsePrograms {
            try Transaction.requireVLANFiltering(of: link, byPrograms: bridge.mayUsePrograms)
        }
        // Before anybody who may send is on it.
        if bridge.filtersVLANs, link.bridge?.canFilterVLANs == false { link = try keepVLANs(on: link) }
        // The host is not an IPv6 client of its containers.
        if link.acceptsRouterAdvertisements != false {
            setIfPossible(Sysctl("ipv6", link: name, "accept_ra"), "0")
        }
        // Until its own address is checked, an IPv6 host asks for no neighbour: nobody would be reached for a second.
        if !link.isUp { setIfPossible(Sysctl("ipv6", link: name, "accept_dad"), "0") }
        var requests: [NetlinkRequest] = []
        if bridge.isPromiscuous, !link.isPromiscuous {
            requests.append(.setPromiscuous(link: link.index, name: name))
        }
        if !link.isUp { requests.append(.setUp(true, link: link.index, name: name)) }
        try host.execute(requests)
        remember(link)
    }

    /// - Throws: ``KernelError``, `EOPNOTSUPP`, unless programs can keep the VLANs of a kernel's bridge that cannot.
    private static func requirePrograms(_ bridge: BridgeSpecification) throws(KernelError) {
        let obstacle = FastPath.probe()
        guard !bridge.mayUsePrograms || obstacle != nil else { return }
        throw lackOfVLANFiltering(bridge.name, obstacle)
    }

    /// What was not there before this ADD must not be there after it, if it cannot serve.
    private func keepVLANsOrRemove(_ made: Link, _ bridge: BridgeSpecification) throws(KernelError) -> Link {
        do throws(KernelError) {
            guard made.bridge?.canFilterVLANs == false else { return made }
            try Transaction.requirePrograms(bridge)
            return try keepVLANs(on: made)
        } catch {
            try host.execute(.deleteLink(named: bridge.name))
            throw error
        }
    }

    /// - Throws: ``KernelError``, `EEXIST`, when the link is of another kind.
    package static func requireBridge(_ link: Link) throws(KernelError) {
        guard link.kind != "bridge" else { return }
        let kind = link.kind.isEmpty ? "not virtual" : "of kind \(link.kind)"
        throw KernelError("use \(link.name) as bridge", .fileExists, explanation: "the link exists and is \(kind)")
    }

    /// Makes what another process may be making at the same moment.
    func makeShared(_ request: NetlinkRequest) throws(KernelError) {
        do throws(KernelError) {
            try host.execute(request)
        } catch {
            guard error.errno == .fileExists else { throw error }
        }
    }

    mutating func make(_ shared: SharedAddress) throws(KernelError) {
        let link = link(shared.link)
        let request = NetlinkRequest.addAddress(shared.address, to: link.index, name: shared.link)
        do throws(KernelError) {
            try host.execute(request)
        } catch {
            // The link has just this address: what every container but the first finds.
            guard error.errno == .fileExists else { throw error }
            return
        }
        let others = try host.addresses(ofLink: link.index).map { $0.address }.filter { shared.conflicts(with: $0) }
        if shared.replacesOthers {
            for other in others { try remove(other, from: link) }
            // Removing a primary IPv4 address takes its secondaries along, which may include the new one.
            try makeShared(request)
        } else if let other = others.first {
            try host.execute(.deleteAddress(shared.address, from: link.index, name: shared.link))
            throw KernelError(
                "add address \(shared.address) to \(shared.link)",
                .addressInUse,
                explanation: "\"\(shared.link)\" already has an IP address different from \(shared.address): \(other)"
            )
        }
        // Neighbours remember the gateway by its hardware address, which must no longer follow the ports'.
        if let address = try host.link(index: link.index)?.address {
            try host.execute(.setAddress(address, link: link.index, name: shared.link))
        }
    }

    /// Removes an address that may have gone already, along with the primary one of its network.
    private func remove(_ address: CIDR, from link: Link) throws(KernelError) {
        do throws(KernelError) {
            try host.execute(.deleteAddress(address, from: link.index, name: link.name))
        } catch {
            guard error.errno == .addressNotAvailable else { throw error }
        }
    }

    mutating func makeForwarding(_ family: AddressFamily) throws(KernelError) {
        switch family {
        case .v4: try Sysctl("ipv4/ip_forward").set("1")
        case .v6: try Sysctl("ipv6/conf/all/forwarding").set("1")
        }
    }
}
