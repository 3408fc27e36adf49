// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import DaemonTalk
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import SwitchControl
internal import Wiring

/// A tap in a container whose other end is a port of a switch in user space.
///
/// ADD makes the tap, and asks the daemon to open it; the daemon finds it again by the record of the attachment.
struct SwitchPortLink: InterfaceKind {
    static let noun = "a port of a switch"
    // What the kernel calls taps as well.
    static let linkKinds = ["tun"]
    /// A network of frames only makes sense.
    static let needsAddresses = false
    static let hasFilters = true

    let keys: SwitchKeys
    let mtu: InterfaceMTU
    /// nil is a random one.
    let mac: MACAddress?
    let isDefaultGateway: Bool
    /// A conflicting address of the gateway's link is replaced instead of refused.
    let forcesAddress: Bool
    let filters: InterfaceFilters
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        mtu = try InterfaceMTU(request)
        (keys, filters, isDefaultGateway, forcesAddress) = try request.reading { reader throws(JSONTypeError) in
            (
                try SwitchKeys(reader), try InterfaceFilters(reader), try reader.bool("isDefaultGateway") ?? false,
                try reader.bool("forceAddress") ?? false
            )
        }
        mac = try request.wantedAddress()
        dns = request.configuration.dns
    }

    func prepare() throws(CNIError) {
        try ask(.status, .tryAgainLater, "cannot join switch \(keys.switchName)")
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        let octets = try mtu.octets(on: host)
        let tap = ContainerTap(
            name: request.key.interfaceName,
            hasManyQueues: false,
            owner: nil,
            group: nil,
            label: "",
            address: mac,
            mtu: octets,
            bridge: nil
        )
        var making: [Change] = [.tap(tap)]
        if keys.isGateway { making.append(.sharedTap(SharedTap(name: keys.gatewayLink, mtu: octets))) }
        var plan = InterfacePlan(request, making: making)
        plan.siblings = try translating("cannot join switch \(keys.switchName)", .storeUnusable) {
            () throws(KernelError) in
            try filters.siblings(of: request.key, in: request.attachments)
        }
        return plan
    }

    func connect(_ record: AttachmentRecord, _ made: MadeInterface, _ result: AddResult?) throws(CNIError) {
        let order = SwitchPortOrder(
            record.key,
            in: record.namespacePath,
            identity: record.namespaceIdentity,
            keys,
            mac: made.address,
            addresses: result?.ips.map { $0.address.address } ?? []
        )
        try ask(.attach(order), .tryAgainLater, "cannot join switch \(keys.switchName)")
    }

    func completion(
        of plan: InterfacePlan,
        _ made: MadeInterface,
        _ leased: AddResult?
    ) throws(CNIError) -> InterfaceCompletion {
        let name = plan.key.interfaceName
        let mac = made.address.map { "\($0)" } ?? ""
        var result = AddResult(
            interfaces: [AddResult.Interface(name: name, mac: mac, sandbox: plan.sandbox, mtu: made.mtu)]
        )
        var changes: [Change] = []
        var interface = plan.interface([], [], mayHaveAddresses: made.isPresent)
        if let leased {
            let addressing = SwitchAddressing(leased, isGateway: keys.isGateway, isDefaultGateway: isDefaultGateway)
            let addresses = addressing.result.ips.map { $0.address }
            interface = plan.interface(addresses, Route.all(of: addressing.result), mayHaveAddresses: made.isPresent)
            changes += gateway(addressing, made.mtu)
            let filter = filters.plan(for: plan.key, port: "", address: nil, addresses, siblings: plan.siblings)
            if !filter.isEmpty { changes.append(.filter(filter)) }
            result.ips = addressing.result.ips.map { ip in
                AddResult.IPConfiguration(address: ip.address, gateway: ip.gateway, interface: 0)
            }
            result.routes = addressing.result.routes
            result.dns = addressing.result.dns
        }
        if !dns.isEmpty { result.dns = dns }
        return InterfaceCompletion(changes: [.interface(interface)] + changes, result: result)
    }

    private func gateway(_ addressing: SwitchAddressing, _ mtu: Int) -> [Change] {
        // There is one already when an ADD comes here, but not when somebody has removed it since.
        var changes: [Change] = keys.isGateway ? [.sharedTap(SharedTap(name: keys.gatewayLink, mtu: mtu))] : []
        for gateway in addressing.gateways {
            let address = SharedAddress(gateway, link: keys.gatewayLink, replacesOthers: forcesAddress)
            changes.append(.sharedAddress(address))
        }
        for family in [AddressFamily.v4, .v6] where addressing.gateways.contains(where: { $0.family == family }) {
            changes.append(.forwarding(family))
        }
        return changes
    }

    static func clear(
        _ key: AttachmentKey,
        _ record: AttachmentRecord?,
        _ request: Request,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) {
        try request.removeInside(of: key, record, kinds: linkKinds)
        let reader = JSONReader(record?.configuration ?? request.document)
        let path = (try? SwitchKeys(reader))?.socketPath ?? SwitchLink.usualPath
        // Without it the daemon sees for itself that the link is gone, or that its namespace is.
        _ = try? SwitchLink.ask(.detach(key), at: path, waitingAtMost: .seconds(2))
        try InterfaceFilters.remove(from: key, record, in: request.attachments)
    }

    func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError) {
        let intention = "cannot make \(SwitchPortLink.noun)"
        try translating(intention, .unavailable) { () throws(KernelError) in try TapDevice.require() }
        // Nothing passes between the containers that are there either.
        try ask(.status, .limitedConnectivity, "switch \(keys.switchName) does not work")
        guard filters.needsKernel else { return }
        try translating("cannot filter packets", .unavailable) { () throws(KernelError) in try FilterEngine().probe() }
    }

    func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] {
        var complaints: [String] = []
        let own = promised.ips.filter {
            promised.interface(of: $0)?.name == request.key.interfaceName || $0.interface == nil
        }
        do throws(DaemonLinkError) {
            let answer = try SwitchLink.ask(.check(request.key), at: keys.socketPath)
            let wanted = SwitchPortOrder(
                request.key,
                in: request.invocation.namespacePath,
                identity: request.namespaceIdentity,
                keys,
                mac: seen.interface?.address,
                addresses: own.map { $0.address.address }
            )
            complaints += SwitchPortLink.differences(JSONReader(answer), wanted)
        } catch {
            complaints.append("the switch says: \(error.text)")
        }
        if keys.isGateway, try host.link(named: keys.gatewayLink)?.isUp != true {
            complaints.append("\(keys.gatewayLink), the gateway's link, is missing or down")
        }
        let plan = filters.plan(for: request.key, port: "", address: nil, own.map { $0.address })
        if !plan.isEmpty { complaints += try plan.missing().map { "missing: \($0)" } }
        return complaints
    }

    /// What the daemon's port has that it should not have, or the other way round.
    private static func differences(_ answer: JSONReader, _ wanted: SwitchPortOrder) -> [String] {
        guard let order = try? answer.object("order"), let port = try? SwitchPortOrder(order) else {
            return ["the switch does not say how the port is set up"]
        }
        var differences: [String] = []
        if port.switchName != wanted.switchName { differences.append("the port is at switch \(port.switchName)") }
        let isSame =
            (port.native, port.trunk, port.keepsDefaultVLAN)
            == (wanted.native, wanted.trunk, wanted.keepsDefaultVLAN)
        if !isSame { differences.append("the port is in other VLANs than the network says") }
        if (port.isIsolated, port.isHairpin) != (wanted.isIsolated, wanted.isHairpin) {
            differences.append("the port's isolation or hairpin mode is not what the network says")
        }
        if port.source != wanted.source || port.addresses.map(Set.init) != wanted.addresses.map(Set.init) {
            differences.append("the port allows other sources than the container's")
        }
        if port.rules != wanted.rules { differences.append("the port has other rules than the network says") }
        return differences
    }

    /// Asks the daemon, and says who it is that does not answer.
    private func ask(_ question: SwitchQuestion, _ code: CNIError.Code, _ intention: String) throws(CNIError) {
        do throws(DaemonLinkError) {
            _ = try SwitchLink.ask(question, at: keys.socketPath)
        } catch {
            switch error {
            case .refused(_, let message, let details):
                throw CNIError(.kernelRefused, "\(intention): \(message)", details: details)
            case .absent, .stranger, .silent:
                throw CNIError(
                    code,
                    "\(intention): culvert-switchd does not answer at \(keys.socketPath)",
                    details: "\(error.text); start it: systemctl start culvert-switchd"
                )
            }
        }
    }
}
