// SPDX-License-Identifier: Apache-2.0
internal import Addressing
internal import CNI
internal import Interfaces
internal import JSON
internal import Linux
internal import Netlink
internal import Plugin
internal import Wiring

/// A tap in a container; like `ip tuntap add dev NAME mode tap vnet_hdr`.
struct TapLink: InterfaceKind {
    static let noun = "a tap"
    // What the kernel calls taps as well.
    static let linkKinds = ["tun"]
    /// The process may bring its own addresses.
    static let needsAddresses = false

    let hasManyQueues: Bool
    let mtu: InterfaceMTU
    /// nil is a random one.
    let mac: MACAddress?
    /// Who may attach to it; nil is nobody in particular.
    let owner: UInt32?
    let group: UInt32?
    /// Empty is the plugin's own.
    let label: String
    /// A bridge in the container whose port it becomes; empty is none.
    let bridge: String
    let dns: DNS

    init(_ request: Request) throws(CNIError) {
        mtu = try InterfaceMTU(request)
        (hasManyQueues, owner, group, label, bridge) = try request.reading { reader throws(JSONTypeError) in
            // 4294967295 means nobody to the kernel.
            let identifiers = 0...Int(UInt32.max) - 1
            let bridge = try reader.string("bridge") ?? ""
            if !bridge.isEmpty, !isLinkName(bridge), let member = try reader.member("bridge") {
                throw member.mismatch(expected: "the name of a link")
            }
            return (
                try reader.bool("multiQueue") ?? false,
                try reader.integer("owner", in: identifiers).map { UInt32($0) },
                try reader.integer("group", in: identifiers).map { UInt32($0) },
                try reader.string("selinuxContext") ?? "", bridge
            )
        }
        mac = try request.wantedAddress(
            configured: try request.reading { reader throws(JSONTypeError) in
                try reader.string("mac")
            }
        )
        dns = request.configuration.dns
    }

    func plan(
        _ request: Request,
        host: borrowing NetlinkSocket,
        inside: borrowing NetlinkSocket
    ) throws(CNIError) -> InterfacePlan {
        let tap = ContainerTap(
            name: request.key.interfaceName,
            hasManyQueues: hasManyQueues,
            owner: owner,
            group: group,
            label: label,
            address: mac,
            mtu: try mtu.octets(on: host),
            bridge: try bridgeIndex(inside)
        )
        return InterfacePlan(request, making: [.tap(tap)])
    }

    private func bridgeIndex(_ inside: borrowing NetlinkSocket) throws(CNIError) -> Int32? {
        guard !bridge.isEmpty else { return nil }
        let link = try translating("cannot look for bridge \(bridge)") { () throws(KernelError) in
            try inside.link(named: bridge)
        }
        guard let link, link.kind == "bridge" else {
            throw CNIError(
                .invalidConfiguration,
                "bridge: no bridge \"\(bridge)\" in the container",
                details: link.map { "a link of that name is of kind \"\($0.kind)\"" } ?? "make it there first"
            )
        }
        return link.index
    }

    func probe(_ request: Request, on host: borrowing NetlinkSocket) throws(CNIError) {
        try translating("cannot make \(TapLink.noun)", .unavailable) { () throws(KernelError) in
            try TapDevice.require()
        }
    }
}
