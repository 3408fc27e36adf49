// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import CNI
internal import JSON
internal import Linux
package import Netlink
package import Plugin
package import Wiring

/// What has to be true for an attachment that stands, in the order in which ADD makes it true.
///
/// Decided by the plugin that made it, from the record that it left: the same configuration and the same plan, with the
/// addresses that were given then. What packet filters do is not among it: ``InterfaceFilters`` knows that.
package struct AttachmentAims: Hashable, Sendable {
    /// What containers share, and the link rests upon.
    package let preparation: [Change]
    /// The link itself.
    package let making: [Change]
    /// Everything else.
    package let completion: [Change]

    package init(preparation: [Change] = [], making: [Change], completion: [Change]) {
        self.preparation = preparation
        self.making = making
        self.completion = completion.filter { change in
            if case .filter = change { return false }
            return true
        }
    }
}

/// What a record says of an attachment that stands.
package struct StandingAttachment: Sendable {
    package let record: AttachmentRecord
    /// The ADD that made it, as if it were to be made again.
    package let request: Request
    package let result: AddResult
    /// Both ends, if it is a pair; of an interface without an end on the host nil.
    package let ends: VethPair?
    /// The container's hardware address; nil when it was not answered.
    package let address: MACAddress?
    /// In octets; 0 when unknown.
    package let mtu: Int

    /// Reads a record.
    ///
    /// - Throws: ``CNIError`` when it makes no sense.
    package init(_ record: AttachmentRecord, _ settings: Settings) throws(CNIError) {
        self.record = record
        let variables = [
            "CNI_COMMAND": "ADD", "CNI_CONTAINERID": record.key.containerID, "CNI_NETNS": record.namespacePath,
            "CNI_IFNAME": record.key.interfaceName, "CNI_PATH": "/",
        ]
        request = Request(
            invocation: try Invocation(environment: variables),
            configuration: try NetworkConfiguration(record.configuration),
            document: record.configuration,
            settings: settings,
            siblings: [],
            beganWall: Machine.wallNanoseconds,
            beganBoot: Machine.bootNanoseconds
        )
        result = try AddResult(JSONReader(record.result), assuming: .newest)
        let own = result.interfaces.first { !$0.sandbox.isEmpty && $0.name == record.key.interfaceName }
        let address = own.flatMap { MACAddress($0.mac) }
        self.address = address
        mtu = own?.mtu ?? 0
        let attempts = (0..<AttachmentKey.hostEndAttempts).map { record.key.hostEnd(attempt: $0) }
        guard let address, let host = attempts.first(where: { $0.name == record.hostInterface }) else {
            ends = nil
            return
        }
        ends = VethPair(
            host: VethPair.End(name: host.name, address: host.address),
            container: VethPair.End(name: record.key.interfaceName, address: address),
            mtu: own?.mtu ?? 0
        )
    }
}

extension ContainerInterface {
    /// What has to be true for an interface of this kind.
    ///
    /// `isThere`: whether the link is; where it is not, the host decides what it is to rest upon now.
    /// - Throws: ``CNIError`` when the record makes no sense, or the link cannot be made again.
    package static func aims(
        _ standing: StandingAttachment,
        isThere: Bool,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> AttachmentAims {
        let kind = try Kind(standing.request)
        let hasPair = !standing.record.hostInterface.isEmpty
        guard hasPair == (standing.ends != nil), !(Kind.needsAddresses && standing.result.ips.isEmpty) else {
            throw CNIError(
                .invalidConfiguration,
                "the record of \(standing.record.key) does not say enough",
                details: "results of CNI 0.2.0 and older name no interfaces"
            )
        }
        var plan = InterfacePlan(standing.request, making: standing.ends.map { [.pair($0, bridge: nil)] } ?? [])
        if !isThere, standing.ends == nil {
            plan = try kind.plan(standing.request, host: host, inside: inside)
            plan.making = plan.making.map { $0.keeping(standing.address) }
        }
        plan.hostInterface = standing.record.hostInterface
        plan.ends = standing.ends
        let made = MadeInterface(address: standing.address, mtu: standing.mtu, isPresent: false)
        let leased = standing.result.ips.isEmpty ? nil : standing.result
        let completion = try kind.completion(of: plan, made, leased)
        return AttachmentAims(making: plan.making, completion: completion.changes)
    }
}

extension Change {
    /// The same with the hardware address that a link had before, where it has one of its own.
    fileprivate func keeping(_ address: MACAddress?) -> Change {
        switch self {
        case .link(let link):
            switch link.kind {
            case .ipvlan, .vlan: return self
            default:
                return .link(
                    ContainerLink(
                        name: link.name,
                        kind: link.kind,
                        master: link.master,
                        address: address ?? link.address,
                        mtu: link.mtu
                    )
                )
            }
        case .tap(let tap):
            return .tap(
                ContainerTap(
                    name: tap.name,
                    hasManyQueues: tap.hasManyQueues,
                    owner: tap.owner,
                    group: tap.group,
                    label: tap.label,
                    address: address ?? tap.address,
                    mtu: tap.mtu,
                    bridge: tap.bridge
                )
            )
        default: return self
        }
    }
}
