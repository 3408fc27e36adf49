// SPDX-License-Identifier: Apache-2.0
internal import FastPath
internal import Forwarding
internal import Linux

// VLANs that programs keep at the ports of a bridge which cannot tell them apart.
extension ModelReader {
    /// Has bridges whose ports are kept to VLANs by programs look like ones that filter VLANs, which is what comes of it.
    ///
    /// - Returns: the ports at which the programs are.
    static func addGuards(_ links: inout [HostModel.Link]) throws(KernelError) -> Set<Int32> {
        let ports = links.filter { $0.port != nil }.compactMap { link in link.master.map { (link.index, $0) } }
        let guarded = try GuardedPorts(Dictionary(ports) { first, _ in first })
        for place in links.indices {
            let link = links[place]
            if guarded.bridges.contains(link.index) {
                links[place].filtersVLANs = true
                links[place].hasOneTableForVLANs = true
                links[place].port = HostModel.Port(keptTo: .trunk)
            } else if let vlans = guarded.vlans[link.index] {
                links[place].port?.keep(to: vlans)
            } else if guarded.untold.contains(link.index) {
                // Only so that frames are seen to come there; what becomes of them nobody tells.
                links[place].port?.keep(to: .trunk)
                links[place].port?.hidesVLANs = true
            }
        }
        return guarded.kept
    }
}

extension HostModel.Port {
    fileprivate init(keptTo vlans: FastPathGuard) {
        self.init()
        keep(to: vlans)
    }

    fileprivate mutating func keep(to kept: FastPathGuard) {
        (native, vlans, untagged) = (kept.native, VLANSet(kept.memberVLANs), VLANSet(kept.untaggedVLANs))
    }
}
