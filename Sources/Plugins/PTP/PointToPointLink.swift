// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// A veth pair with one end in the container and the other on the host, each with routes to the other.
///
/// Nothing but the gateway is on the container's link: whoever else is in its network is reached through it.
struct PointToPointLink: InterfaceKind {
    static let noun = "a point-to-point interface"
    static let linkKinds = ["veth"]
    static let hasFilters = true

    let mtu: InterfaceMTU
    let filters: InterfaceFilters
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        mtu = try InterfaceMTU(request)
        filters = try request.reading { reader throws(JSONTypeError) in try InterfaceFilters(reader) }
        dns = request.configuration.dns
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        let key = request.key
        let intention = "cannot give container \(key.containerID) \(PointToPointLink.noun)"
        let octets = try translating(intention) { () throws(KernelError) in try Machine.randomBytes(6) }
        let place = try translating(intention) { () throws(KernelError) in
            try HostEnd.find(of: key, on: host, isNew: request.isNew)
        }
        guard case .free(let end) = place else {
            throw CNIError(
                .interfaceExists,
                "container interface \(key.interfaceName) already exists",
                details: "\(key) has its end on the host; DEL it before another ADD"
            )
        }
        let pair = VethPair(
            host: end,
            container: VethPair.End(name: key.interfaceName, address: Request.address(octets[...])),
            mtu: try mtu.octets(on: host)
        )
        var plan = InterfacePlan(request, making: [.pair(pair, bridge: nil)])
        plan.hostInterface = end.name
        plan.ends = pair
        plan.siblings = try translating(intention, .storeUnusable) { () throws(KernelError) in
            try filters.siblings(of: key, in: request.attachments)
        }
        return plan
    }

    func completion(
        of plan: InterfacePlan,
        _ made: MadeInterface,
        _ leased: AddResult?
    ) throws(CNIError) -> InterfaceCompletion {
        guard let leased, let pair = plan.ends else { preconditionFailure("a pair is made with addresses") }
        let ways = try PointToPointWays(leased)
        let addresses = leased.ips.map { $0.address }
        let interface = plan.interface(
            addresses,
            ways.inside + Route.all(of: leased),
            mayHaveAddresses: made.isPresent,
            connectsNetworks: false
        )
        var changes: [Change] = [
            .interface(interface),
            .hostEnd(HostEndSpecification(name: pair.host.name, addresses: ways.gateways, routes: ways.outside)),
        ]
        for family in [AddressFamily.v4, .v6] where addresses.contains(where: { $0.family == family }) {
            changes.append(.forwarding(family))
        }
        let filter = filters.plan(
            for: plan.key,
            port: pair.host.name,
            address: nil,
            addresses,
            siblings: plan.siblings
        )
        if !filter.isEmpty { changes.append(.filter(filter)) }
        changes.append(.carrier(pair.host.name))
        var result = leased
        result.interfaces = [
            AddResult.Interface(name: pair.host.name, mac: "\(pair.host.address)", mtu: made.mtu),
            AddResult.Interface(
                name: pair.container.name,
                mac: "\(pair.container.address)",
                sandbox: plan.sandbox,
                mtu: made.mtu
            ),
        ]
        result.ips = leased.ips.map { ip in
            AddResult.IPConfiguration(address: ip.address, gateway: ip.gateway, interface: 1)
        }
        if !dns.isEmpty { result.dns = dns }
        return InterfaceCompletion(changes: changes, result: result)
    }

    static func clear(
        _ key: AttachmentKey,
        _ record: AttachmentRecord?,
        _ request: Request,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) {
        // Of a pair that somebody else made nobody can name the host's end: the other one is removed.
        if try !HostEnd.remove(of: key, on: host) {
            try request.removeInside(of: key, record, kinds: linkKinds)
        }
        try InterfaceFilters.remove(from: key, record, in: request.attachments)
    }

    func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError) {
        try translating("cannot make \(PointToPointLink.noun)", .unavailable) { () throws(KernelError) in
            try host.require(kind: "veth")
        }
        guard filters.needsKernel else { return }
        try translating("cannot filter packets", .unavailable) { () throws(KernelError) in try FilterEngine().probe() }
    }

    func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        guard let interface = seen.interface else { return [] }
        var complaints: [String] = []
        let end = try interface.peerIndex.map { index throws(KernelError) in try host.link(index: index) } ?? nil
        if end?.kind != "veth" || end?.peerIndex != interface.index {
            complaints.append("\(interface.name) has no veth peer on the host")
        } else if let end, !end.isUp {
            complaints.append("\(end.name), its end on the host, is down")
        }
        let own = promised.ips.filter { promised.interface(of: $0)?.name == interface.name || $0.interface == nil }
        let plan = filters.plan(for: request.key, port: "", address: nil, own.map { $0.address })
        if !plan.isEmpty { complaints += try plan.missing().map { "missing: \($0)" } }
        return complaints
    }
}
