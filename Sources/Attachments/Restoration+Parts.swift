// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import Bridge
internal import CNI
internal import Dummy
internal import HostDevice
internal import IPVLAN
internal import Interfaces
internal import Linux
internal import MACVLAN
internal import Netlink
internal import PTP
internal import Plugin
internal import Tap
internal import VLAN
internal import VSwitch
internal import Wiring

extension AttachmentAims {
    /// The plugins whose attachments can be put right.
    static let plugins = ["bridge", "ptp", "macvlan", "ipvlan", "vlan", "dummy", "tap", "host-device", "vswitch"]

    /// What has to be true for an attachment, by the plugin that made it.
    ///
    /// - Throws: ``CNIError`` when the record makes no sense.
    static func of(
        _ standing: StandingAttachment,
        isThere: Bool,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> AttachmentAims {
        switch standing.request.configuration.type {
        case "bridge": return try .bridge(standing)
        case "ptp": return try .ptp(standing, isThere: isThere, host: host, inside: inside)
        case "macvlan": return try .macvlan(standing, isThere: isThere, host: host, inside: inside)
        case "ipvlan": return try .ipvlan(standing, isThere: isThere, host: host, inside: inside)
        case "vlan": return try .vlan(standing, isThere: isThere, host: host, inside: inside)
        case "dummy": return try .dummy(standing, isThere: isThere, host: host, inside: inside)
        case "tap": return try .tap(standing, isThere: isThere, host: host, inside: inside)
        case "vswitch": return try .vswitch(standing, isThere: isThere, host: host, inside: inside)
        case "host-device": return try .hostDevice(standing, isThere: isThere, host: host, inside: inside)
        default: return AttachmentAims(making: [], completion: [])
        }
    }
}

// The parts of an attachment, one by one.
extension Restoration {
    mutating func restore(_ specification: BridgeSpecification) throws(CNIError) {
        let name = specification.name
        var found: [String] = []
        bridge = try hostLink(name)
        if let bridge {
            if !bridge.isUp { found.append("bridge \(name) is down") }
            if specification.isPromiscuous, !bridge.isPromiscuous { found.append("bridge \(name) is not promiscuous") }
            transaction.remember(bridge)
        } else {
            found.append("bridge \(name) is missing")
        }
        try putRight(found, [.bridge(specification)])
        if isChanging, !found.isEmpty { bridge = try hostLink(name) }
        if specification.filtersVLANs, specification.mayUsePrograms { try restoreGuards(specification) }
    }

    /// The VLANs of a bridge that cannot tell them apart.
    private mutating func restoreGuards(_ specification: BridgeSpecification) throws(CNIError) {
        guard let found = bridge, found.kind == "bridge", found.bridge?.canFilterVLANs == false else { return }
        guard found.isGuarded else {
            try putRight(["bridge \(found.name) does not tell VLANs apart"], [.bridge(specification)])
            if isChanging {
                bridge = try hostLink(found.name)
                if let bridge { transaction.remember(bridge) }
            }
            return
        }
        try translating("cannot look at the ports of \(found.name)") { () throws(KernelError) in
            let ports = try Transaction.unguardedPorts(of: found, on: transaction.host)
            for port in ports {
                findings.append("\(port) is on bridge \(found.name), and no programs keep it to a VLAN")
            }
            if isChanging, !ports.isEmpty { try transaction.guardPorts(of: found) }
        }
    }

    /// The host's end of a pair, whose other end is in the container.
    mutating func restore(
        _ pair: VethPair,
        bridge bridgeName: String?,
        inside link: Link,
        _ aims: AttachmentAims
    ) throws(CNIError) {
        hostEnd = nil
        let end = try translating("cannot look for \(pair.host.name)") { () throws(KernelError) in
            try link.peerIndex.map { index throws(KernelError) in try transaction.host.link(index: index) } ?? nil
        }
        guard let end, end.kind == "veth", end.peerIndex == link.index else {
            return complaints.append("the other end of \(link.name) is not on this host: DEL and ADD the attachment")
        }
        let name = pair.host.name
        guard end.name == name else {
            return complaints.append("\(end.name) should be called \(name): ip link set \(end.name) name \(name)")
        }
        hostEnd = end
        transaction.remember(end)
        if end.address != pair.host.address {
            let found = "\(name) has the address \(end.address.map { "\($0)" } ?? "of nobody") instead of its own"
            try putRight(found, [.setAddress(pair.host.address, link: end.index, name: name)])
        }
        if pair.mtu > 0, Int(end.mtu) != pair.mtu {
            var adjustment = LinkAdjustment()
            adjustment.mtu = pair.mtu
            let found = "\(name) has an MTU of \(end.mtu) instead of \(pair.mtu)"
            try putRight(found, NetlinkRequest.adjust(end.index, name: name, adjustment))
        }
        if !end.isUp { try putRight("\(name) is down", [.setUp(true, link: end.index, name: name)]) }
        if let bridgeName { try restore(portOf: bridgeName, end, aims) }
    }

    private mutating func restore(portOf bridgeName: String, _ end: Link, _ aims: AttachmentAims) throws(CNIError) {
        var isNew = false
        if bridge == nil || end.master != bridge?.index {
            isNew = true
            let requests = bridge.map { [NetlinkRequest.setMaster($0.index, link: end.index, name: end.name)] }
            if isChanging, bridge?.isGuarded == true { try guardEnd(end, aims) }
            try putRight("\(end.name) is no port of bridge \(bridgeName)", requests ?? [])
        }
        for case .port(let port) in aims.making {
            var found = isNew ? [] : port.missing(from: end.port)
            if !isNew, bridge?.isGuarded == true {
                found += try translating("cannot look at \(end.name)") { () throws(KernelError) in
                    try port.missingGuard(link: end.index)
                }
            }
            if isNew, isChanging {
                // It begins anew; what was to be said of it has been.
                let count = findings.count
                try putRight([""], [.port(port)])
                findings.removeSubrange(count...)
            }
            try putRight(found, [.port(port)])
        }
    }

    /// Before it is a port.
    private func guardEnd(_ end: Link, _ aims: AttachmentAims) throws(CNIError) {
        for case .port(let port) in aims.making {
            try translating("cannot put \(end.name) right") { () throws(KernelError) in
                try transaction.keep(port, at: end)
            }
        }
    }

    /// A device of the host in the container: the mark by which it is found again, when its namespace has died.
    ///
    /// - Returns: whether the link is the device.
    mutating func restore(_ device: LentDevice, _ link: Link) throws(CNIError) -> Bool {
        let details = try translating("cannot look at \(link.name)") { () throws(KernelError) in
            try transaction.inside.details(ofLink: link.index)
        }
        guard let details, !device.isMarked(upon: details) else { return details != nil }
        guard details.alias.isEmpty, link.kind == device.kind, link.address == device.address else {
            complaints.append(
                "\(link.name) is not \(device.name) of the host by its alias: "
                    + "set that to \(device.name) if it is, else DEL and ADD the attachment"
            )
            return false
        }
        findings.append("\(link.name) lacks the alias \(device.name)")
        guard isChanging else { return true }
        try translating("cannot put it right") { () throws(KernelError) in
            try transaction.inside.execute(.setAlias(device.name, link: link.index, name: link.name))
        }
        return true
    }

    /// What else ADD made true.
    mutating func restore(_ change: Change, _ link: Link) throws(CNIError) {
        switch change {
        case .interface(let interface):
            // An address that lapsed must not come back by its record.
            guard !AddressDelegate.needsLink(standing.request) else { return }
            let seen = try translating("cannot look at \(link.name)") { () throws(KernelError) in
                try SeenLink(link, on: transaction.inside, isAlone: false)
            }
            try putRight(interface.shortfall(seen, table: try tableOfVRF(of: link)))
            try restoreLinkLocal(of: link, interface.addresses, isInside: true)
        case .hostEnd(let end):
            guard let hostEnd else { return }
            try restoreSettings(of: hostEnd.name, end.addresses)
            let seen = try hostSight(of: hostEnd)
            try putRight(end.shortfall(seen))
            try restoreLinkLocal(of: hostEnd, end.addresses, isInside: false)
        case .vlanInterface(let interface):
            guard bridge != nil else { return }
            let gateway = try hostLink(interface.gateway.name)
            if let gateway { transaction.remember(gateway) }
            if gateway?.isUp != true { try putRight(["gateway \(interface.gateway.name) is missing"], [change]) }
            if let gateway, try isUnguarded(interface, gateway) {
                try putRight(["no programs keep gateway \(interface.gateway.name) to its VLAN"], [change])
            }
        case .sharedTap(let tap):
            if try hostLink(tap.name)?.isUp != true { try putRight(["gateway \(tap.name) is missing"], [change]) }
        case .sharedAddress(let shared):
            guard let place = try hostLink(shared.link) else { return }
            transaction.remember(place)
            try restoreSettings(of: shared.link, [shared.address])
            let seen = try hostSight(of: place)
            let shortfall = shared.shortfall(seen)
            if shortfall != nil, try isSuperseded(shared) { return }
            try putRight(shortfall)
            try restoreLinkLocal(of: place, [shared.address], isInside: false)
        case .shortcut(let shortcut): try restore(shortcut)
        case .forwarding(.v4): try putRight(Sysctl("ipv4/ip_forward"), "1")
        case .forwarding(.v6): try putRight(Sysctl("ipv6/conf/all/forwarding"), "1")
        default: return
        }
    }

    /// Whether the bridge's end of a VLAN's gateway is not kept to it, where programs have to.
    private func isUnguarded(_ interface: VLANInterface, _ gateway: Link) throws(CNIError) -> Bool {
        guard bridge?.isGuarded == true, gateway.kind == "veth", !gateway.isPeerAbroad, let port = gateway.peerIndex
        else { return false }
        return try translating("cannot look at \(gateway.name)") { () throws(KernelError) in
            try !interface.isKept(port: port)
        }
    }

    /// What leads frames past the bridge; a kernel that takes no program for it is no fault of the attachment.
    private mutating func restore(_ shortcut: Shortcut) throws(CNIError) {
        guard let hostEnd, let bridge, hostEnd.master == bridge.index else { return }
        let found = try missing(shortcut, hostEnd, bridge)
        if isChanging, !found.isEmpty {
            try translating("cannot put it right") { () throws(KernelError) in
                try Shortcut.removeFormer(from: hostEnd.index)
            }
        }
        try putRight(found, [.shortcut(shortcut)])
        guard isChanging, !found.isEmpty, let left = try missing(shortcut, hostEnd, bridge).first else { return }
        findings.removeAll { found.contains($0) }
        complaints.append("\(left), and it cannot be made: \(transaction.warnings.last ?? "see culvert doctor")")
    }

    private func missing(_ shortcut: Shortcut, _ port: Link, _ bridge: Link) throws(CNIError) -> [String] {
        try translating("cannot look at the shortcut of \(port.name)") { () throws(KernelError) in
            try shortcut.missing(link: port.index, bridge: bridge.index, isGuarded: bridge.isGuarded)
        }
    }

    /// The table of the VRF that a container's link is in: a gateway in the main one is out of its reach.
    private func tableOfVRF(of link: Link) throws(CNIError) -> Int? {
        guard let master = link.master else { return nil }
        let details = try translating("cannot look for the master of \(link.name)") { () throws(KernelError) in
            try transaction.inside.details(ofLink: master)
        }
        guard case .vrf(let table)? = details?.kind else { return nil }
        return Int(table)
    }

    /// A link of the host that routes for containers.
    private mutating func restoreSettings(of link: String, _ addresses: [CIDR]) throws(CNIError) {
        if addresses.contains(where: { $0.family == .v4 }) {
            try putRight(Sysctl("ipv4", link: link, "forwarding"), "1")
        }
        guard addresses.contains(where: { $0.family == .v6 }) else { return }
        try putRight(Sysctl("ipv6", link: link, "disable_ipv6"), "0")
        try putRight(Sysctl("ipv6", link: link, "forwarding"), "1")
    }

    private mutating func putRight(_ shortfall: Shortfall?) throws(CNIError) {
        if let shortfall { try putRight(shortfall.findings, [shortfall.remedy]) }
    }

    func hostLink(_ name: String) throws(CNIError) -> Link? {
        try translating("cannot look for \(name)") { () throws(KernelError) in
            try transaction.host.link(named: name)
        }
    }

    private func hostSight(of link: Link) throws(CNIError) -> SeenLink {
        try translating("cannot look at \(link.name)") { () throws(KernelError) in
            try SeenLink(link, on: transaction.host, isAlone: true)
        }
    }
}
