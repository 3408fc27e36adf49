// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import FastPath
package import Linux
package import Netlink

// What the kernel knows of a shortcut.
extension Shortcut {
    /// Makes it; the program first, which does nothing for a port that it does not know, or a little later.
    ///
    /// `arrival`: when the program comes to the port.
    /// - Returns: why there is none, in words; nil when there is one. Without it everything works as well.
    func make(link: Int32, bridge: Int32, _ arrival: Arrival) -> String? {
        if let obstacle { return obstacle }
        do throws(FastPathFailure) {
            let path = try FastPath()
            do throws(KernelError) {
                try make(port(link: link, bridge: bridge), path, arrival)
                return nil
            } catch {
                return "\(error)"
            }
        } catch {
            return error.description
        }
    }

    /// When the program comes to a port.
    enum Arrival {
        /// At once, which takes some milliseconds.
        case now
        /// By another process, a little later.
        case later
        /// It is there: programs that keep the port's VLANs have the shortcut in them.
        case before
    }

    private func make(
        _ port: FastPathPort,
        _ path: borrowing FastPath,
        _ arrival: Arrival
    ) throws(KernelError) {
        if let old = try path.port(port.link) {
            // Of a link that had the number before, or of the same port on another bridge.
            if arrival != .before, try !path.isAttached(to: port.link) {
                try path.removePort(port.link)
            } else if (old.bridge, old.vlan, old.address) != (port.bridge, port.vlan, port.address) {
                try Shortcut.remove(FastPathStation(old), path)
            }
        }
        // Whoever had the address before has counted for himself.
        if let other = try path.station(port.bridge, port.vlan, port.address), other.link != port.link {
            try path.removeStation(other)
        }
        if arrival == .now { try path.attach(to: port.link) }
        do throws(KernelError) {
            try path.setPort(port)
            // Last of all somebody may be led there.
            try path.addStation(FastPathStation(port))
            if arrival == .later { try path.attachLater(to: port.link) }
        } catch {
            // All of it or nothing; what cannot be taken back either does no harm.
            try? path.removePort(port.link)
            try? path.detach(from: port.link)
            throw error
        }
    }

    private static func remove(_ station: FastPathStation, _ path: borrowing FastPath) throws(KernelError) {
        guard try path.station(station.bridge, station.vlan, station.address)?.link == station.link else { return }
        try path.removeStation(station)
    }

    /// What is not as it should be, in words.
    ///
    /// Where there is no program, nothing is missing: the kernel takes none, or nobody has asked for one since.
    ///
    /// `sparesRefused`: whether nothing is missing either where there is nothing at all, as when the kernel refused it.
    /// `isGuarded`: whether programs keep the port's VLANs, which have the shortcut in them; they are not looked for.
    /// - Throws: ``KernelError``.
    package func missing(
        link: Int32,
        bridge: Int32,
        sparesRefused: Bool = false,
        isGuarded: Bool = false
    ) throws(KernelError) -> [String] {
        guard obstacle == nil, let path = try FastPath.existing() else { return [] }
        let wanted = port(link: link, bridge: bridge)
        guard let found = try path.port(wanted.link) else {
            if sparesRefused, try !path.isAttached(to: wanted.link), try !path.hasFormer(at: wanted.link) { return [] }
            return ["\(name) has no shortcut"]
        }
        var missing: [String] = []
        if found.bridge != wanted.bridge { missing.append("the shortcut of \(name) is for another bridge") }
        if found.vlan != wanted.vlan {
            missing.append("the shortcut of \(name) is for VLAN \(found.vlan) instead of \(wanted.vlan)")
        }
        if found.isIsolated != wanted.isIsolated {
            missing.append("the shortcut of \(name) is \(found.isIsolated ? "" : "not ")isolated")
        }
        if !Shortcut.isSame(found.addresses, as: wanted.addresses) {
            missing.append("the shortcut of \(name) takes packets of other addresses")
        }
        if found.ignoresFilterOfIP, !wanted.ignoresFilterOfIP {
            missing.append("the shortcut of \(name) goes past rules that br_netfilter asks by now")
        }
        // The container's address is what it was when the entry was made: frames from any other go through the bridge.
        let station = try path.station(found.bridge, found.vlan, found.address)
        if station?.link != found.link || station?.isIsolated != found.isIsolated {
            missing.append("the shortcut does not lead to \(name)")
        }
        if missing.isEmpty, !isGuarded, try !path.isAttachedSoon(to: wanted.link) {
            missing.append("the shortcut's program is not at \(name)")
        }
        if missing.isEmpty, try path.hasFormer(at: wanted.link) {
            missing.append("beside the shortcut's program a former one is at \(name)")
        }
        return missing
    }

    private static func isSame(_ found: [IPAddress]?, as wanted: [IPAddress]?) -> Bool {
        guard let found, let wanted else { return found == nil && wanted == nil }
        return found.allSatisfy { wanted.contains($0) } && wanted.allSatisfy { found.contains($0) }
    }

    /// Takes programs of other versions off a port: beside ours all frames would go through the bridge.
    ///
    /// - Throws: ``KernelError``.
    package static func removeFormer(from link: Int32) throws(KernelError) {
        try FastPath.existing()?.detachFormer(from: UInt32(bitPattern: link))
    }

    /// Forgets a port, of which nothing may be known.
    ///
    /// - Throws: ``KernelError``.
    package static func remove(link: Int32) throws(KernelError) {
        guard let path = try FastPath.existing() else { return }
        try path.removePort(UInt32(bitPattern: link))
    }

    /// Forgets all ports whose link is gone; where nothing of ours is, it is one call to the kernel.
    ///
    /// - Throws: ``KernelError``.
    package static func sweep(on host: borrowing NetlinkSocket) throws(KernelError) {
        guard FastPath.mayExist(), let path = try FastPath.existing() else { return }
        let guards = try VLANGuards.existing()
        // Entries first: the link of one that is read has been there.
        let (ports, stations, guarded) = (try path.allPorts(), try path.allStations(), try guards?.allPorts() ?? [])
        guard !ports.isEmpty || !stations.isEmpty || !guarded.isEmpty else { return }
        let links = try host.everyLink().map { UInt32(bitPattern: $0.link.index) }
        for station in stations where !links.contains(station.link) { try remove(station, path) }
        for port in ports where !links.contains(port.link) { try path.removePort(port.link) }
        for link in guarded where !links.contains(link) { try guards?.forget(link) }
    }

    /// Why the kernel has no shortcuts, in words, or nil; changes nothing.
    package static func probe() -> String? {
        FastPath.probe()?.description
    }

    /// Whether br_netfilter is there, and asks no rule of IP for what goes over a bridge.
    ///
    /// Without it somebody may load it, and it begins with asking.
    static var ignoresFilterOfIP: Bool {
        do throws(KernelError) {
            for name in ["iptables", "ip6tables", "arptables"]
            where try Sysctl("bridge/bridge-nf-call-" + name).read() != "0" {
                return false
            }
            return true
        } catch {
            return false
        }
    }
}
