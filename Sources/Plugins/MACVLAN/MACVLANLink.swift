// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// A link of kind `macvlan` in a container; like `ip link add link MASTER name NAME type macvlan mode MODE`.
struct MACVLANLink: StackedKind {
    static let noun = "a macvlan interface"
    static let linkKinds = ["macvlan"]
    /// A station of an Ethernet may bring its own addresses.
    static let needsAddresses = false

    let master: MasterChoice
    let mode: LinkKind.MACVLANMode
    /// How many broadcast frames may wait on the master; nil is the kernel's choice.
    let broadcastQueue: UInt32?
    /// nil is a random one.
    let mac: MACAddress?
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        let configured: String?
        master = try MasterChoice(request)
        (mode, broadcastQueue, configured) = try request.reading { reader throws(JSONTypeError) in
            (
                try reader.choice("mode", of: LinkKind.MACVLANMode.self) ?? .bridge,
                try reader.integer("bcqueuelen", in: 0...Int(UInt32.max)).flatMap { $0 == 0 ? nil : UInt32($0) },
                try reader.string("mac")
            )
        }
        mac = try request.wantedAddress(configured: configured)
        dns = request.configuration.dns
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        let place = try master.find(host: host, inside: inside)
        let link = ContainerLink(
            name: request.key.interfaceName,
            kind: .macvlan(mode, queue: broadcastQueue),
            master: place,
            address: mac,
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
        if case .macvlan(let found, _) = seen.details?.kind, found != mode {
            let name = request.key.interfaceName
            complaints.append("\(name) is in mode \(found.rawValue) instead of \(mode.rawValue)")
        }
        return complaints
    }
}
