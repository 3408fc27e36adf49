// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import FastPath
internal import Linux
package import Netlink

extension TopologyFacts {
    /// What the shortcut past bridges knows of a port.
    package struct Shortcut: Hashable, Sendable {
        /// Whether frames from there may go past the bridge: the program is at the port, and knows it.
        package var takesFrames = false
        /// The stations behind the port that frames of others are led to.
        package var stations: Set<Station> = []
        /// What has gone to the port past the bridge, which its link does not count.
        package var received = LinkCounters()

        /// Nothing goes past.
        package init() {}

        /// Of a station as the shortcut knows it; VLAN 0 is that of frames without a tag.
        package struct Station: Hashable, Sendable {
            package let address: MACAddress
            package let vlan: UInt16

            package init(_ address: MACAddress, vlan: UInt16 = 0) {
                self.address = address
                self.vlan = vlan
            }
        }

        /// One word for it; nil when nothing goes past the bridge.
        var word: String? {
            switch (takesFrames, !stations.isEmpty) {
            case (true, true): "shortcut"
            case (true, false): "shortcut-from"
            case (false, true): "shortcut-to"
            case (false, false): nil
            }
        }

        /// Whether frames are led to a station of the bridge's table.
        ///
        /// - Parameters:
        ///   - address: the station's.
        ///   - vlan: by the bridge's table; 0 where VLANs are not told apart.
        ///   - native: the VLAN of frames without a tag at the port.
        /// - Returns: whether others are led to it past the bridge.
        func leads(to address: MACAddress, vlan: UInt16, native: UInt16?) -> Bool {
            if stations.contains(Station(address, vlan: vlan)) { return true }
            // Where programs keep VLANs the bridge's table has none of them.
            if vlan == 0, native == nil { return stations.contains { $0.address == address } }
            return vlan == native && stations.contains(Station(address))
        }
    }

    /// The shortcuts of ports of the calling thread's namespace, by the port's number.
    ///
    /// Who may not look at programs and maps of the kernel sees none.
    static func shortcuts() -> [Int32: Shortcut] {
        var found: [Int32: Shortcut] = [:]
        do throws(KernelError) {
            guard let fastPath = try FastPath.existing() else { return [:] }
            // Programs that keep VLANs have the shortcut in them.
            let guards = try VLANGuards.existing()
            for station in try fastPath.allStations() {
                let known = Shortcut.Station(station.address, vlan: station.vlan)
                found[Int32(bitPattern: station.link), default: Shortcut()].stations.insert(known)
            }
            for port in try fastPath.allPorts() {
                var shortcut = found[Int32(bitPattern: port.link)] ?? Shortcut()
                // A link may be gone while its entries are still there.
                let isGuarded = (try? guards?.areAttached(to: port.link)) ?? false
                shortcut.takesFrames = isGuarded || (try? fastPath.isAttached(to: port.link)) ?? false
                if let counters = try fastPath.counters(of: port.link) {
                    shortcut.received.sentPackets = counters.receivedFrames
                    shortcut.received.sentOctets = counters.receivedOctets
                }
                found[Int32(bitPattern: port.link)] = shortcut
            }
        } catch {
            return found
        }
        return found
    }
}
