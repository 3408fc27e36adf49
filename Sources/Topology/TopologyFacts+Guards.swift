// SPDX-License-Identifier: Apache-2.0
package import FastPath
internal import Linux
package import Netlink
internal import Reachability

extension TopologyFacts {
    /// What programs keep the ports of bridges to; who may not look at programs and maps of the kernel sees nothing.
    static func guardedPorts(_ links: [Link]) -> GuardedPorts? {
        let ports = links.filter { $0.port != nil }.compactMap { link in link.master.map { (link.index, $0) } }
        do throws(KernelError) {
            return try GuardedPorts(Dictionary(ports) { first, _ in first })
        } catch {
            return nil
        }
    }
}

extension TopologyFacts.Link {
    /// Notes the VLANs that programs keep here, where the kernel's bridge knows none.
    mutating func add(_ guarded: GuardedPorts) {
        hasGuardedPorts = guarded.bridges.contains(index)
        hidesVLANs = guarded.untold.contains(index)
        if let kept = guarded.vlans[index] { vlans = PortVLANs(kept) }
    }
}

extension PortVLANs {
    /// What programs keep a port to, as a bridge would say it.
    package init(_ kept: FastPathGuard) {
        let untagged = Set(kept.untaggedVLANs)
        var runs: [Run] = []
        for vlan in kept.memberVLANs {
            var first = vlan
            let (isNative, isUntagged) = (vlan == kept.native, untagged.contains(vlan))
            if let last = runs.last, last.identifiers.upperBound + 1 == vlan, last.isUntagged == isUntagged,
                last.isNative == isNative
            {
                first = last.identifiers.lowerBound
                runs.removeLast()
            }
            runs.append(Run(first...vlan, isNative: isNative, isUntagged: isUntagged))
        }
        self.init(runs)
    }
}
