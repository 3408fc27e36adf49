// SPDX-License-Identifier: Apache-2.0
internal import Linux
internal import PacketFilter
internal import Wiring

extension FilterEngine {
    /// Removes what the reference's own nftables backend has for a container: rules whose whole comment is its id.
    ///
    /// - Throws: ``KernelError``.
    func removeReferencePorts(of containerID: String) throws(KernelError) {
        for family in [Family.ip, .ip6] {
            let table = Table(family, "cni_hostport")
            try removeRules(of: ["hostports", "hostip_hostports", "masquerading"].map { Chain(table, $0) }) { rule in
                rule.comment == containerID
            }
        }
    }
}
