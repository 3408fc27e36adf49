// SPDX-License-Identifier: Apache-2.0
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// A link of kind `ipvlan` in a container; like `ip link add link MASTER name NAME type ipvlan mode MODE`.
struct IPVLANLink: StackedKind {
    static let noun = "an ipvlan interface"
    static let linkKinds = ["ipvlan"]
    /// Addresses may come from the plugin before, in a chain.
    static let needsAddresses = false

    let master: MasterChoice
    let mode: LinkKind.IPVLANMode
    let given: AddResult?
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        var master = try MasterChoice(request)
        mode = try request.reading { reader throws(JSONTypeError) in
            try reader.choice("mode", of: LinkKind.IPVLANMode.self) ?? .l2
        }
        dns = request.configuration.dns
        // CHECK and DEL have a previous result as well, that of this very interface.
        let previous = request.invocation.command == .add ? request.configuration.previousResult : nil
        given = request.configuration.ipamType.isEmpty ? previous : nil
        if request.invocation.command == .add, request.configuration.ipamType.isEmpty, given?.ips.isEmpty ?? true {
            throw CNIError(
                .invalidConfiguration,
                "ipam: \(IPVLANLink.noun) needs addresses",
                details: "name the plugin that gives them, or put this one behind a plugin that has some"
            )
        }
        if master.name.isEmpty, let previous {
            guard previous.interfaces.count == 1, let only = previous.interfaces.first, isLinkName(only.name) else {
                throw CNIError(
                    .invalidConfiguration,
                    "chained master failure. PrevResult lacks a single named interface",
                    details: "prevResult lists \(previous.interfaces.count) interfaces; name one as master"
                )
            }
            master = MasterChoice(master, named: only.name)
        }
        self.master = master
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        let place = try master.find(host: host, inside: inside)
        let link = ContainerLink(
            name: request.key.interfaceName,
            kind: .ipvlan(mode),
            master: place,
            mtu: master.mtu
        )
        var plan = InterfacePlan(request, making: [.link(link)])
        plan.announcement = .arpAndNeighbours
        return plan
    }

    func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        var complaints = try master.complaints(seen, on: host)
        if case .ipvlan(let found) = seen.details?.kind, found != mode {
            let name = request.key.interfaceName
            complaints.append("\(name) is in mode \(found.rawValue) instead of \(mode.rawValue)")
        }
        return complaints
    }
}
