// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Linux
internal import Netlink

// What belongs to one container.
extension Transaction {
    /// How long a port may take until its bridge passes frames; with both ends up it is a matter of microseconds.
    private static let operationalBound = Duration.seconds(5)

    mutating func make(_ pair: VethPair, bridge: String?) throws(KernelError) {
        let master = bridge.map { self.link($0) }
        let link = try host.make(
            pair,
            bridge: master?.index,
            namespace: container.rawDescriptor,
            // Guarded first, when its port is made.
            isUp: master?.isGuarded != true
        )
        remember(link)
        containerIndex = link.peerIndex
        if link.acceptsRouterAdvertisements != false {
            setIfPossible(Sysctl("ipv6", link: pair.host.name, "accept_ra"), "0")
        }
        // Before the pair has a carrier: until its own address is checked, an IPv6 host asks for no neighbour.
        if bridge == nil, link.acceptsRouterAdvertisements != nil {
            setIfPossible(Sysctl("ipv6", link: pair.host.name, "accept_dad"), "0")
        }
    }

    mutating func make(_ link: ContainerLink) throws(KernelError) {
        // Of a link that the kernel has made the answer may be lost.
        hasMadeInside = true
        let made: Link?
        do throws(KernelError) {
            made = try answer(toMaking: link)
        } catch {
            hasMadeInside = error.errno != .fileExists
            throw error
        }
        var found = made
        if found == nil { found = try inside.link(named: link.name) }
        guard let found else { throw KernelError("find link \(link.name)", .noSuchDevice) }
        containerLink = found
        containerIndex = found.index
    }

    /// - Returns: nil when the kernel does not tell.
    private func answer(toMaking link: ContainerLink) throws(KernelError) -> Link? {
        let (name, kind) = (link.name, link.kind)
        switch link.master {
        case .host(let master):
            try host.makeLink(
                abroad: name,
                kind,
                master: master,
                address: link.address,
                mtu: link.mtu,
                namespace: container.rawDescriptor
            )
            return nil
        case .container(let master):
            return try inside.makeLink(name, kind, master: master, address: link.address, mtu: link.mtu)
        case nil:
            return try inside.makeLink(name, kind, master: nil, address: link.address, mtu: link.mtu)
        }
    }

    mutating func make(_ tap: ContainerTap) throws(KernelError) {
        var isMade = false
        do throws(KernelError) {
            try container.run(from: home) { () throws(KernelError) in
                try TapDevice.make(
                    tap.name,
                    hasManyQueues: tap.hasManyQueues,
                    owner: tap.owner,
                    group: tap.group,
                    label: tap.label
                )
                isMade = true
            }
        } catch {
            // The way home may be what failed.
            hasMadeInside = isMade
            throw error
        }
        hasMadeInside = true
        guard let made = try inside.link(named: tap.name) else {
            throw KernelError("find link \(tap.name)", .noSuchDevice)
        }
        let index = made.index
        var adjustment = LinkAdjustment()
        adjustment.address = tap.address
        if tap.mtu > 0 { adjustment.mtu = tap.mtu }
        var requests = NetlinkRequest.adjust(index, name: tap.name, adjustment)
        if let bridge = tap.bridge { requests.append(.setMaster(bridge, link: index, name: tap.name)) }
        try inside.execute(requests)
        containerLink = requests.isEmpty ? made : try inside.link(index: index)
        containerIndex = index
    }

    mutating func make(_ end: HostEndSpecification) throws(KernelError) {
        let index = link(end.name).index
        var requests: [NetlinkRequest] = end.addresses.map { .addAddress($0, to: index, name: end.name) }
        requests += end.routes.map { .addRoute($0, through: index, name: end.name) }
        try host.execute(requests)
    }

    mutating func make(_ port: PortSpecification) throws(KernelError) {
        let (bridge, end) = (link(port.bridge), link(port.name))
        guard !bridge.isGuarded else {
            try keep(end, to: port.vlanGuard)
            let up = NetlinkRequest.setUp(true, link: end.index, name: end.name)
            return try host.execute(port.requests(guardedPort: end.index) + [up])
        }
        let defaultVLAN = port.knowsVLANs ? bridge.bridge?.defaultVLAN : nil
        try host.execute(port.requests(port: end.index, defaultVLAN: defaultVLAN))
    }

    mutating func make(_ interface: InterfaceSpecification) throws(KernelError) {
        guard let index = containerIndex else { preconditionFailure("the plan names an interface before making it") }
        if !interface.addresses.isEmpty { try prepare(interface) }
        let name = interface.name
        var requests: [NetlinkRequest] = []
        // Frames only: whoever uses the link brings its own addresses and habits.
        if !interface.addresses.isEmpty, interface.announcement != .nobody {
            requests.append(.setARPNotify(link: index, name: name))
        }
        let present = interface.mayHaveAddresses ? try inside.addresses(ofLink: index).map { $0.address } : []
        requests += interface.addresses.filter { !present.contains($0) }.map { address in
            .addAddress(
                address,
                to: index,
                name: name,
                detectsDuplicates: interface.detectsDuplicates,
                connectsNetwork: interface.connectsNetworks
            )
        }
        if interface.isUp { requests.append(.setUp(true, link: index, name: name)) }
        requests += interface.routes.map { .addRoute($0, through: index, name: name) }
        try inside.execute(requests)
        guard interface.detectsDuplicates, interface.isUp,
            interface.addresses.contains(where: { $0.family == .v6 })
        else { return }
        let announcements = try container.run(from: home) { () throws(KernelError) in try Announcements(of: .addresses)
        }
        try inside.waitForAddresses(
            ofLink: index,
            name: name,
            announcements: announcements,
            atMost: Transaction.operationalBound
        )
    }

    /// Settings have no netlink message: they are files that show the namespace of who opens them.
    private mutating func prepare(_ interface: InterfaceSpecification) throws(KernelError) {
        var refusals: [String] = []
        try container.run(from: home) { () throws(KernelError) in Transaction.prepare(interface, &refusals) }
        warnings += refusals
    }

    private static func prepare(_ interface: InterfaceSpecification, _ refusals: inout [String]) {
        let name = interface.name
        if !interface.detectsDuplicates, !interface.keepsDetection {
            setIfPossible(Sysctl("ipv6", link: name, "enhanced_dad"), "0", &refusals)
            setIfPossible(Sysctl("ipv6", link: name, "accept_dad"), "0", &refusals)
        }
        if interface.announcement == .arpAndNeighbours {
            setIfPossible(Sysctl("ipv6", link: name, "ndisc_notify"), "1", &refusals)
        }
        guard interface.addresses.contains(where: { $0.family == .v6 }) else { return }
        setIfPossible(Sysctl("ipv6", link: "lo", "disable_ipv6"), "0", &refusals)
        setIfPossible(Sysctl("ipv6", link: name, "disable_ipv6"), "0", &refusals)
        setIfPossible(Sysctl("ipv6", link: name, "keep_addr_on_down"), "1", &refusals)
    }

    /// Waits until the host's end of a pair has a carrier, and until its bridge passes frames.
    ///
    /// `isPort`: whether it has a bridge, of which the kernel does not tell when it makes the link.
    mutating func makeOperational(_ port: String, isPort: Bool) throws(KernelError) {
        let index = link(port).index
        do throws(KernelError) {
            // Listening and learning are on the way to forwarding, at the bridge's own pace. IEEE 802.1D, 8.4.
            try host.wait(forLink: index, atMost: Transaction.operationalBound) { link in
                link.isOperational && (!isPort || (1...3).contains(link.port?.state ?? 0))
            }
        } catch {
            throw KernelError("bring \(isPort ? "bridge port" : "link") \(port) into operation", error.errno)
        }
    }
}
