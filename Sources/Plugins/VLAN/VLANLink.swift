// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// A link of kind `vlan` in a container; like `ip link add link MASTER name NAME type vlan id N`.
struct VLANLink: StackedKind {
    static let noun = "a VLAN interface"
    static let linkKinds = ["vlan"]

    let master: MasterChoice
    /// 0 is the tag of frames that have a priority and no VLAN.
    ///
    /// IEEE 802.1Q, 9.6.
    let id: UInt16
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        master = try MasterChoice(request)
        id = try request.reading { reader throws(JSONTypeError) in
            UInt16(try reader.integer("vlanId", in: 0...4094) ?? 0)
        }
        dns = request.configuration.dns
        guard master.name.isEmpty else { return }
        throw CNIError(
            .invalidConfiguration,
            "master: \"master\" field is required. It specifies the host interface name to create the VLAN for.",
            details: "name a link, of the host, or with linkInContainer of the container"
        )
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        let place = try master.find(host: host, inside: inside)
        let name = request.key.interfaceName
        return InterfacePlan(
            request,
            making: [.link(ContainerLink(name: name, kind: .vlan(id), master: place, mtu: master.mtu))]
        )
    }

    func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        var complaints = try master.complaints(seen, on: host)
        if case .vlan(let found) = seen.details?.kind, found != id {
            complaints.append("\(request.key.interfaceName) is of VLAN \(found) instead of \(id)")
        }
        // What the result says counts more: a plugin behind this one may have changed it, and says so there.
        let listed = promised.interfaces.first { request.concerns($0, of: promised) }?.mtu ?? 0
        let mtu = listed > 0 ? listed : master.mtu
        if mtu > 0, let link = seen.interface, Int(link.mtu) != mtu {
            complaints.append("\(link.name) has MTU \(link.mtu) instead of \(mtu)")
        }
        return complaints
    }
}
