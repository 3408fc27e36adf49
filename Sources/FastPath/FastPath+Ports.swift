// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import CLinux
package import Linux

extension FastPath {
    /// Says that a port may use the shortcut; what it has counted stays.
    ///
    /// - Throws: ``KernelError``; `E2BIG` for more than four addresses of a family.
    package borrowing func setPort(_ port: FastPathPort) throws(KernelError) {
        guard let octets = port.octets else {
            throw KernelError("write the shortcut's ports", Errno(rawValue: E2BIG), explanation: "too many addresses")
        }
        try ports.set(key(port.link), octets)
        try makeChangeKnown()
    }

    /// Says whom the shortcut leads to.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func addStation(_ station: FastPathStation) throws(KernelError) {
        try stations.set(station.key, station.octets)
        try makeChangeKnown()
    }

    /// Forgets a station: frames for it go through the bridge.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func removeStation(_ station: FastPathStation) throws(KernelError) {
        try stations.remove(station.key)
        try makeChangeKnown()
    }

    /// Forgets a port and the stations behind it, if it is known; the program goes with the link.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func removePort(_ link: UInt32) throws(KernelError) {
        // First of all nobody is led there any more.
        if let port = try port(link), let station = try station(port.bridge, port.vlan, port.address),
            station.link == link
        {
            try stations.remove(station.key)
        }
        try ports.remove(key(link))
        try makeChangeKnown()
    }

    /// Forgets all stations that are behind a link, also those that were added beside its port's own.
    ///
    /// Walks all of them.
    /// - Throws: ``KernelError``.
    package borrowing func removeStations(behind link: UInt32) throws(KernelError) {
        for station in try allStations() where station.link == link { try stations.remove(station.key) }
        try makeChangeKnown()
    }

    /// What is known of a port; nil when nothing is.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func port(_ link: UInt32) throws(KernelError) -> FastPathPort? {
        guard let value = try ports.value(key(link)) else { return nil }
        return FastPathPort(link: link, value[...])
    }

    /// Where the shortcut to a hardware address leads; nil when there is none.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func station(
        _ bridge: UInt32,
        _ vlan: UInt16,
        _ address: MACAddress
    ) throws(KernelError) -> FastPathStation? {
        let key = FastPathStation(bridge: bridge, vlan: vlan, address: address, link: 0).key
        guard let value = try stations.value(key) else { return nil }
        return FastPathStation(key: key, value[...])
    }

    /// All ports, in no order.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func allPorts() throws(KernelError) -> [FastPathPort] {
        var found: [FastPathPort] = []
        for key in try ports.keys() {
            if let port = try port(key.number(at: 0)) { found.append(port) }
        }
        return found
    }

    /// All stations, in no order.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func allStations() throws(KernelError) -> [FastPathStation] {
        var found: [FastPathStation] = []
        for key in try stations.keys() {
            guard let value = try stations.value(key) else { continue }
            if let station = FastPathStation(key: key, value[...]) { found.append(station) }
        }
        return found
    }

    /// Tells the program that what it remembers of ports and stations is of before now.
    ///
    /// Also when there was nothing to change: whoever did it before may have been killed before it came here.
    private borrowing func makeChangeKnown() throws(KernelError) {
        try generation.set([0, 0, 0, 0], Machine.randomBytes(8))
    }

    private func key(_ link: UInt32) -> [UInt8] {
        var key: [UInt8] = []
        key.append(number: link)
        return key
    }
}
