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
        try ports.set(key(port.link), octets, keepingFrom: FastPathPort.countersOffset)
    }

    /// Says whom the shortcut leads to.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func addStation(_ station: FastPathStation) throws(KernelError) {
        try stations.set(station.key, station.octets, keepingFrom: FastPathStation.countersOffset)
    }

    /// Forgets a station: frames for it go through the bridge.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func removeStation(_ station: FastPathStation) throws(KernelError) {
        try stations.remove(station.key)
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
    }

    /// Forgets all stations that are behind a link, also those that were added beside its port's own.
    ///
    /// Walks all of them.
    /// - Throws: ``KernelError``.
    package borrowing func removeStations(behind link: UInt32) throws(KernelError) {
        for station in try allStations() where station.link == link { try stations.remove(station.key) }
    }

    /// What is known of a port; nil when nothing is.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func port(_ link: UInt32) throws(KernelError) -> FastPathPort? {
        guard let value = try ports.value(key(link)) else { return nil }
        return FastPathPort(link: link, value[..<FastPathPort.size])
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
        return FastPathStation(key: key, value[..<FastPathStation.size])
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
            if let station = FastPathStation(key: key, value[..<FastPathStation.size]) { found.append(station) }
        }
        return found
    }

    /// What went by the shortcut from and to a port; nil when it is not known.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func counters(of link: UInt32) throws(KernelError) -> FastPathCounters? {
        guard let value = try ports.value(key(link)) else { return nil }
        var counters = FastPathCounters()
        for processor in 0..<ports.processors {
            let offset = processor * ports.size + FastPathPort.countersOffset
            counters.sentFrames += value.number(at: offset)
            counters.sentOctets += value.number(at: offset + 8)
        }
        guard let port = FastPathPort(link: link, value[..<FastPathPort.size]),
            let received = try stations.value(FastPathStation(port).key)
        else { return counters }
        for processor in 0..<stations.processors {
            let offset = processor * stations.size + FastPathStation.countersOffset
            counters.receivedFrames += received.number(at: offset)
            counters.receivedOctets += received.number(at: offset + 8)
        }
        return counters
    }

    /// Attaches the program where a link takes frames in; that it is there already is no error.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link, `EINVAL` on a kernel before 6.6.
    package borrowing func attach(to link: UInt32) throws(KernelError) {
        let result = culvert_attach_program(program.rawValue, link)
        guard result == 0 || result == EEXIST else {
            throw KernelError("attach the shortcut to link \(link)", Errno(rawValue: result))
        }
    }

    /// Takes the program off a link; that it, or the link, is gone already is no error.
    ///
    /// - Throws: ``KernelError``.
    package borrowing func detach(from link: UInt32) throws(KernelError) {
        let result = culvert_detach_program(program.rawValue, link)
        guard result == 0 || result == ENOENT || result == ENODEV else {
            throw KernelError("detach the shortcut from link \(link)", Errno(rawValue: result))
        }
    }

    /// Whether this very program is attached to a link.
    ///
    /// - Throws: ``KernelError``; `ENODEV` when there is no such link.
    package borrowing func isAttached(to link: UInt32) throws(KernelError) -> Bool {
        var number: UInt32 = 0
        let told = culvert_program_number(program.rawValue, &number)
        guard told == 0 else { throw KernelError("ask for the shortcut's number", Errno(rawValue: told)) }
        var numbers = [UInt32](repeating: 0, count: 64)
        let count = culvert_attached_programs(link, &numbers, UInt32(numbers.count))
        guard count >= 0 else { throw KernelError("list the programs of link \(link)", Errno(rawValue: -count)) }
        return numbers.prefix(Int(count)).contains(number)
    }

    private func key(_ link: UInt32) -> [UInt8] {
        var key: [UInt8] = []
        key.append(number: link)
        return key
    }
}
