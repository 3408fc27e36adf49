// SPDX-License-Identifier: Apache-2.0
internal import Addressing

extension HostModel {
    /// What a bond does with its links.
    package struct Bond: Hashable, Sendable {
        /// As ip-link(8) counts: 0 balance-rr, 1 active-backup, 2 balance-xor, 3 broadcast, 4 802.3ad, 5 balance-tlb,
        /// 6 balance-alb.
        package var mode: UInt8
        /// The one that is used, of mode 1, 5 and 6; nil when there is none.
        package var active: Int32?

        package init(mode: UInt8, active: Int32? = nil) {
            self.mode = mode
            self.active = active
        }
    }
}

// Bonds: several links that are one.
extension Walk {
    /// A bond sends: by the active link, or by one of several, which cannot be told.
    mutating func sendBonded(_ packet: Packet, _ bond: HostModel.Link, _ namespace: Int) -> [Arrival] {
        let space = model.namespaces[namespace]
        let links = space.links.filter { $0.master == bond.index }
        let usable = links.filter { $0.isUp && $0.isBackup != true }
        guard let known = bond.bond else {
            return [.stopped(stop(.unknown, namespace, "of what mode bond \(bond.name) is cannot be seen"))]
        }
        if known.mode == 1 {
            guard let active = links.first(where: { $0.index == known.active }) else {
                return [.stopped(stop(.dropped, namespace, "bond \(bond.name) has no active link"))]
            }
            note(.link, namespace, "bond \(bond.name) sends by \(active.name), its active link")
            return spread(packet, by: active, of: namespace)
        }
        guard let only = usable.first else {
            return [.stopped(stop(.dropped, namespace, "bond \(bond.name) has no link that is up"))]
        }
        guard usable.count > 1 else {
            note(.link, namespace, "bond \(bond.name) sends by \(only.name), the only link that is up")
            return spread(packet, by: only, of: namespace)
        }
        let names = usable.map { $0.name }.joined(separator: ", ")
        // Hardware leads out of the host, whichever it is.
        guard usable.allSatisfy({ $0.kind.isEmpty }) else {
            let reason = "bond \(bond.name) sends by one of \(names): which, cannot be told"
            return [.stopped(stop(.unknown, namespace, reason))]
        }
        note(.link, namespace, "bond \(bond.name) sends by one of \(names), all of which lead out")
        exitTag = packet.vlan
        return [.left(namespace, bond)]
    }

    /// A frame comes to a link of a bond (`bond_handle_frame` of the kernel).
    mutating func receiveBonded(
        _ packet: Packet,
        _ link: HostModel.Link,
        _ bond: HostModel.Link,
        _ namespace: Int
    ) -> [Arrival] {
        guard let known = bond.bond, let isBackup = link.isBackup else {
            let reason = "what bond \(bond.name) does with frames of \(link.name) cannot be seen"
            return [.stopped(stop(.unknown, namespace, reason))]
        }
        guard !isBackup else {
            guard known.mode == 1 || known.mode == 4 else {
                let reason = "whether bond \(bond.name) takes frames of its backup \(link.name) cannot be told"
                return [.stopped(stop(.unknown, namespace, reason))]
            }
            let reason = "\(link.name) is a backup of bond \(bond.name), which takes nothing from it"
            return [.stopped(stop(.dropped, namespace, reason))]
        }
        note(.link, namespace, "\(link.name) belongs to bond \(bond.name)")
        return enter(packet, by: bond, of: namespace)
    }
}
