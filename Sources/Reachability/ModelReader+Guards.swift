// SPDX-License-Identifier: Apache-2.0
internal import FastPath
internal import Linux

// VLANs that programs keep at the ports of a bridge which cannot tell them apart.
extension ModelReader {
    /// Has bridges whose ports are kept to VLANs by programs look like ones that filter VLANs, which is what comes of it.
    ///
    /// - Returns: the ports at which the programs are.
    static func addGuards(_ links: inout [HostModel.Link]) throws(KernelError) -> Set<Int32> {
        guard let guards = try VLANGuards.existing() else { return [] }
        var kept: Set<Int32> = []
        for link in links where link.port != nil {
            if try guards.areAttached(to: UInt32(bitPattern: link.index)) { kept.insert(link.index) }
        }
        let bridges = Set(links.filter { kept.contains($0.index) }.compactMap { $0.master })
        for place in links.indices {
            let link = links[place]
            if bridges.contains(link.index) {
                links[place].filtersVLANs = true
                links[place].hasOneTableForVLANs = true
                links[place].port = .trunk
            } else if let master = link.master, bridges.contains(master), var port = link.port {
                if kept.contains(link.index) {
                    let vlans = try guards.vlans(of: UInt32(bitPattern: link.index))
                    port.native = vlans?.native ?? 0
                    port.vlans = vlans?.memberVLANs ?? []
                    port.untagged = vlans?.untaggedVLANs ?? []
                } else {
                    port.addVLANs(of: .trunk)
                }
                links[place].port = port
            }
        }
        return kept
    }
}

extension HostModel.Port {
    /// All VLANs, and the default one without a tag: of a port that nobody keeps to any, and of the bridge itself.
    fileprivate static var trunk: HostModel.Port {
        var port = HostModel.Port()
        (port.native, port.vlans, port.untagged) = (1, Array(1...4094), [1])
        return port
    }

    fileprivate mutating func addVLANs(of other: HostModel.Port) {
        (native, vlans, untagged) = (other.native, other.vlans, other.untagged)
    }
}
