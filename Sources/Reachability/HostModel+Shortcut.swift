// SPDX-License-Identifier: Apache-2.0
package import Addressing
internal import FastPath
internal import Linux

extension HostModel {
    /// A bridge's port that the shortcut past the bridge knows.
    package struct Shortcut: Hashable, Sendable {
        package var bridge: Int32
        package var vlan: UInt16
        /// The one source of frames, and the address to which others are led.
        package var address: MACAddress
        /// The sources of packets; nil is any.
        package var addresses: [IPAddress]?
        /// Whether rules of IP were out of the way when it was made.
        package var ignoresFilterOfIP = false
        /// Whether the program is at the port: frames from there may go past.
        package var isAttached = true
        /// Whether frames from others are led to it.
        package var isStation = true
        /// Why frames from there do not go past, in words; nil when nothing is in the way.
        package var refusesFrom: String?
        /// The same of frames to it.
        package var refusesTo: String?

        package init(bridge: Int32, vlan: UInt16 = 0, address: MACAddress, addresses: [IPAddress]? = nil) {
            self.bridge = bridge
            self.vlan = vlan
            self.address = address
            self.addresses = addresses
        }
    }
}

extension ModelReader {
    /// The shortcuts of the calling thread's namespace, by port; none where they cannot be read.
    ///
    /// `guarded`: the ports whose VLANs are kept by programs, which have the shortcut in them.
    static func shortcuts(_ links: [HostModel.Link], _ guarded: Set<Int32>) -> [Int32: HostModel.Shortcut] {
        var found: [Int32: HostModel.Shortcut] = [:]
        do throws(KernelError) {
            guard let fastPath = try FastPath.existing() else { return [:] }
            for port in try fastPath.allPorts() {
                let index = Int32(bitPattern: port.link)
                guard links.contains(where: { $0.index == index }) else { continue }
                let bridge = Int32(bitPattern: port.bridge)
                var shortcut = HostModel.Shortcut(bridge: bridge, vlan: port.vlan, address: port.address)
                shortcut.addresses = port.addresses
                shortcut.ignoresFilterOfIP = port.ignoresFilterOfIP
                if !guarded.contains(index) { shortcut.isAttached = try fastPath.isAttached(to: port.link) }
                shortcut.isStation = try fastPath.station(port.bridge, port.vlan, port.address)?.link == port.link
                found[index] = shortcut
            }
        } catch {
            return found
        }
        return found
    }
}
