// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
package import Linux
package import Netlink
package import Plugin
package import Wiring

/// What one plugin knows of its kind of interface; ``ContainerInterface`` does the rest, which is the same for all.
package protocol InterfaceKind: Sendable {
    /// The interface in words, such as `a dummy interface`.
    static var noun: String { get }
    /// Of what kinds the link in the container may be, as the kernel calls them: nothing else is removed. Of any kind if
    /// there are none here, for who removes none.
    static var linkKinds: [String] { get }
    /// Whether a network without addresses makes no sense.
    static var needsAddresses: Bool { get }
    /// Whether rules of packet filters may belong to an attachment.
    static var hasFilters: Bool { get }

    /// Reads the configuration, all of it.
    ///
    /// - Throws: ``CNIError``; from then on the configuration cannot be wrong.
    init(_ request: Request) throws(CNIError)

    /// What goes into the result when it says anything, instead of what IPAM says.
    var dns: DNS { get }
    /// Whether there is a link in the container at all.
    var hasLink: Bool { get }
    /// Addresses and routes that came from elsewhere than IPAM; nil asks IPAM, if the network has one.
    var given: AddResult? { get }

    /// Makes sure of whom an ADD needs besides the kernel and IPAM, before anything is made.
    ///
    /// - Throws: ``CNIError``.
    func prepare() throws(CNIError)

    /// Decides what is to be made, by what there is; changes nothing.
    ///
    /// - Throws: ``CNIError`` when it cannot be made.
    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan

    /// What has to become true when the addresses are known, and the answer to ADD.
    ///
    /// `made`: the container's link as it was made.
    func completion(
        of plan: InterfacePlan,
        _ made: MadeInterface,
        _ leased: AddResult?
    ) throws(CNIError) -> InterfaceCompletion

    /// Has somebody take the other end of the container's link, where that is neither the kernel nor the container.
    ///
    /// Called when the link is there and before it gets its addresses; and before that when IPAM asks through the link.
    ///
    /// `record`: what was written down before anything was made.
    /// `made`: the container's link as it was made.
    /// `result`: the answer to ADD; nil when it is not known yet.
    /// - Throws: ``CNIError``; then all that was made is taken back.
    func connect(_ record: AttachmentRecord, _ made: MadeInterface, _ result: AddResult?) throws(CNIError)

    /// Takes away the link and the rules of an attachment, as far as they are there.
    ///
    /// `record`: what ADD wrote down; nil when nothing did.
    /// - Throws: ``KernelError``.
    static func clear(
        _ key: AttachmentKey,
        _ record: AttachmentRecord?,
        _ request: Request,
        on host: borrowing NetlinkSocket
    ) throws(KernelError)

    /// Whether another container could get such an interface; the addresses are IPAM's business.
    ///
    /// - Throws: ``CNIError``, code 50.
    func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError)

    /// What is wrong with an interface besides what is wrong with its addresses, in words.
    ///
    /// - Throws: ``KernelError``.
    func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String]
}

/// What is to be made for a container before its addresses are known.
package struct InterfacePlan: Hashable, Sendable {
    package let key: AttachmentKey
    package let sandbox: String
    /// The link itself, exclusive to the container.
    package var making: [Change]
    /// The host's end of it, when it is a pair; empty otherwise.
    package var hostInterface = ""
    /// What it was on the host, when it comes from there.
    package var device: LentDevice?
    /// The PCI address of the device behind it; empty when there is none, or none is known.
    package var pciID = ""
    /// Both ends of it, when it is a pair.
    package var ends: VethPair?
    package var announcement = InterfaceSpecification.Announcement.nobody
    /// What iptables masquerades for the container's other interfaces on the network.
    package var siblings: [CIDR] = []

    package init(_ request: Request, making: [Change]) {
        key = request.key
        sandbox = request.invocation.namespacePath
        self.making = making
    }

    /// What the container's link is to be with these addresses and routes.
    package func interface(
        _ addresses: [CIDR],
        _ routes: [Route],
        mayHaveAddresses: Bool = false,
        connectsNetworks: Bool = true
    ) -> InterfaceSpecification {
        InterfaceSpecification(
            name: key.interfaceName,
            addresses: addresses,
            routes: routes,
            isUp: true,
            detectsDuplicates: false,
            mayHaveAddresses: mayHaveAddresses,
            announcement: announcement,
            keepsDetection: true,
            connectsNetworks: connectsNetworks
        )
    }
}

/// The container's link as it was made.
package struct MadeInterface: Hashable, Sendable {
    /// nil for kinds without one, and where the kernel did not tell.
    package let address: MACAddress?
    /// In octets; 0 when unknown.
    package let mtu: Int
    /// Whether it is up already, for IPAM that asks through it.
    package let isPresent: Bool

    static let nothing = MadeInterface(address: nil, mtu: 0, isPresent: false)
}

/// The rest of an ADD.
package struct InterfaceCompletion: Hashable, Sendable {
    package let changes: [Change]
    package let result: AddResult

    package init(changes: [Change], result: AddResult) {
        self.changes = changes
        self.result = result
    }
}

// What holds for every link that is made inside the container, and has nothing on the host.
extension InterfaceKind {
    package static var needsAddresses: Bool { true }
    package static var hasFilters: Bool { false }
    package var hasLink: Bool { true }
    package var given: AddResult? { nil }

    package func prepare() throws(CNIError) {}

    package func connect(
        _ record: AttachmentRecord,
        _ made: MadeInterface,
        _ result: AddResult?
    ) throws(CNIError) {}

    package func completion(
        of plan: InterfacePlan,
        _ made: MadeInterface,
        _ leased: AddResult?
    ) throws(CNIError) -> InterfaceCompletion {
        let mac = made.address.map { "\($0)" } ?? ""
        let name = plan.key.interfaceName
        var result = AddResult(
            interfaces: [
                AddResult.Interface(name: name, mac: mac, sandbox: plan.sandbox, mtu: made.mtu, pciID: plan.pciID)
            ]
        )
        var addresses: [CIDR] = []
        var routes: [Route] = []
        if let leased {
            addresses = leased.ips.map { $0.address }
            routes = Route.all(of: leased)
            result.ips = leased.ips.map { ip in
                AddResult.IPConfiguration(address: ip.address, gateway: ip.gateway, interface: 0)
            }
            result.routes = leased.routes
            result.dns = leased.dns
        }
        if !dns.isEmpty { result.dns = dns }
        guard hasLink else { return InterfaceCompletion(changes: [], result: result) }
        let interface = plan.interface(addresses, routes, mayHaveAddresses: made.isPresent)
        return InterfaceCompletion(changes: [.interface(interface)], result: result)
    }

    package static func clear(
        _ key: AttachmentKey,
        _ record: AttachmentRecord?,
        _ request: Request,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) {
        try request.removeInside(of: key, record, kinds: linkKinds)
    }

    package func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError) {
        try Self.requireKinds(on: host)
    }

    /// Asks the kernel whether it makes such links at all.
    fileprivate static func requireKinds(on host: borrowing NetlinkSocket) throws(CNIError) {
        for kind in linkKinds {
            try translating("cannot make \(noun)", .unavailable) { () throws(KernelError) in
                try host.require(kind: kind)
            }
        }
    }

    package func complaints(
        _ request: Request,
        _ seen: InterfaceObservation,
        _ promised: AddResult,
        on host: borrowing NetlinkSocket
    ) throws(KernelError) -> [String] { [] }
}

/// A kind of interface that stands upon another link, its master.
package protocol StackedKind: InterfaceKind {
    /// Which link, and where.
    var master: MasterChoice { get }
}

extension StackedKind {
    package func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError) {
        try Self.requireKinds(on: host)
        try master.probe(on: host)
    }
}
