// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import FastPath
internal import Linux

extension HostReader {
    /// Needs records, links and networks.
    mutating func readShortcuts() {
        let isAsked = facts.networks.contains { network in network.plugins.contains { $0.asksForShortcut } }
        let ends = Set(facts.records.filter { $0.isLivingPort && $0.asksForShortcut }.map { $0.hostInterface })
        guard isAsked || !ends.isEmpty else { return }
        guard geteuid() == 0 else {
            unseen.append("shortcuts past bridges: programs of the kernel are told to root only; run this as root")
            return
        }
        if let failure = FastPath.probe() {
            facts.shortcutFailure = "\(failure)"
            return
        }
        let links = facts.links.filter { ends.contains($0.name) }
        facts.shortcuts = seeing("shortcuts past bridges") { () throws(KernelError) in
            try HostReader.shortcuts(of: links)
        }
    }

    private static func shortcuts(
        of ends: [HostFacts.Link]
    ) throws(KernelError) -> [String: HostFacts.Shortcut] {
        var found: [String: HostFacts.Shortcut] = [:]
        guard let fastPath = try FastPath.existing() else {
            for end in ends {
                found[end.name] = HostFacts.Shortcut(hasPort: false, hasStation: false, hasProgram: false)
            }
            return found
        }
        let guards = try VLANGuards.existing()
        for end in ends {
            let link = UInt32(end.index)
            let port = try fastPath.port(link)
            // What keeps the port's VLANs has the shortcut in it.
            let isKept = try guards?.areAttached(to: link) == true
            var station: FastPathStation?
            if let port { station = try fastPath.station(port.bridge, port.vlan, port.address) }
            found[end.name] = HostFacts.Shortcut(
                hasPort: port != nil,
                hasStation: station?.link == link,
                hasProgram: isKept ? true : try fastPath.isAttachedSoon(to: link)
            )
        }
        return found
    }
}
