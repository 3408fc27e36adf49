// SPDX-License-Identifier: Apache-2.0
internal import Addressing
package import Attachments
internal import CNI
package import Linux
internal import Netlink
internal import Wiring

extension TopologyFacts {
    /// Looks at the host, and into containers whose interfaces have no end on it; changes nothing.
    ///
    /// - Parameters:
    ///   - attachments: what the records say.
    ///   - isAsking: whether daemons of switches in user space are asked, too.
    /// - Throws: ``KernelError`` when the host's own links cannot be listed.
    package init(looking attachments: [AttachmentFacts], askingDaemons isAsking: Bool) throws(KernelError) {
        let socket = try NetlinkSocket()
        let counted = try socket.everyCountedLink()
        let vlans = try socket.everyPortVLANs()
        var addresses: [Int32: [CIDR]] = [:]
        for entry in try socket.everyAddress() where !entry.isLinkLocal {
            addresses[entry.link, default: []].append(entry.address)
        }
        let shortcuts = TopologyFacts.shortcuts()
        let home = try NetworkNamespace.current()
        var links = counted.map { found in
            let index = found.details.link.index
            var link = Link(found, vlans[index], addresses[index] ?? [])
            if link.port != nil { link.add(shortcuts[index]) }
            return link
        }
        if let guarded = TopologyFacts.guardedPorts(links) {
            for place in links.indices { links[place].add(guarded) }
        }
        self.init(
            nanoseconds: Machine.bootNanoseconds,
            links: links,
            attachments: attachments.map { Attachment($0, inside: TopologyFacts.inside($0, from: home)) },
            switches: isAsking ? TopologyFacts.switches(attachments, asking: TopologyFacts.answer) : []
        )
    }

    /// Nil where the host has an end, and where the container is gone or somebody else's.
    private static func inside(_ facts: AttachmentFacts, from home: borrowing NetworkNamespace) -> Inside? {
        guard facts.hostInterface.isEmpty, facts.life.verdict == .alive, let record = facts.record,
            !record.namespacePath.isEmpty, !record.isOfDeadContainer
        else { return nil }
        do throws(KernelError) {
            let namespace = try NetworkNamespace(path: record.namespacePath)
            let socket = try namespace.run(from: home) { () throws(KernelError) in try NetlinkSocket() }
            guard let counted = try socket.countedLink(named: facts.key.interfaceName) else { return nil }
            let details = counted.details
            var inside = Inside(kind: details.link.kind)
            inside.detail = details.kind?.detail ?? ""
            // An index of the container's own says nothing here.
            if details.isMasterAbroad { inside.below = details.masterIndex }
            inside.isUp = details.link.isUp
            inside.counters = counted.counters
            return inside
        } catch {
            return nil
        }
    }
}

extension TopologyFacts.Link {
    fileprivate init(_ counted: CountedLink, _ vlans: PortVLANs?, _ addresses: [CIDR]) {
        let link = counted.details.link
        self.init(link.index, link.name, kind: link.kind)
        detail = counted.details.kind?.detail ?? ""
        address = link.address
        mtu = Int(link.mtu)
        (isUp, hasCarrier, isLoopback) = (link.isUp, link.isOperational, link.isLoopback)
        master = link.master
        isPeerAbroad = link.isPeerAbroad
        if !link.isPeerAbroad, let other = link.peerIndex, other > 0, other != link.index {
            if link.kind == "veth" { peer = other } else { below = other }
        }
        filtersVLANs = link.bridge?.filtersVLANs
        if let seen = link.port {
            var port = TopologyFacts.Port()
            port.isForwarding = seen.state == nil || seen.isForwarding
            port.isIsolated = seen.isIsolated == true
            port.isHairpin = seen.isHairpin == true
            self.port = port
        }
        self.vlans = vlans
        self.addresses = addresses.sorted { $0.address < $1.address }
        counters = counted.counters
    }

    /// Notes what goes past the bridge; what comes to the port that way its link does not count.
    mutating func add(_ shortcut: TopologyFacts.Shortcut?) {
        self.shortcut = shortcut
        guard let shortcut, var all = counters else { return }
        all.sentPackets &+= shortcut.received.sentPackets
        all.sentOctets &+= shortcut.received.sentOctets
        counters = all
    }
}

extension LinkKind {
    /// What tells a link from others of its kind, as people say it.
    fileprivate var detail: String {
        switch self {
        case .dummy: ""
        case .vlan(let id): "\(id)"
        case .macvlan(let mode, _): mode.rawValue
        case .ipvlan(let mode): mode.rawValue
        case .vrf(let table): "table \(table)"
        }
    }
}
